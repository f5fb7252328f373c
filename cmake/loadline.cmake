# SPDX-License-Identifier: Apache-2.0

# What every target of ours compiles with. Linked PRIVATE, so it never leaks to a dependency.
add_library(loadline_options INTERFACE)
target_compile_options(loadline_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Werror)
# GCC 12 takes string literals that are joined in an optimised build for writes out of bounds (GCC bugs
# 105329, 105651). Tests join many; the product's own code keeps the warnings.
add_library(loadline_test_options INTERFACE)
target_link_libraries(loadline_test_options INTERFACE loadline_options)
target_compile_options(loadline_test_options INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow>)
if(LOADLINE_FUZZ)
  target_compile_options(loadline_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(LOADLINE_SANITIZE)
  target_compile_options(loadline_options INTERFACE
    -fsanitize=${LOADLINE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(loadline_options INTERFACE -fsanitize=${LOADLINE_SANITIZE})
endif()

# loadline_library(<name> HEADERS <file>... [SOURCES <file>...] [DEPENDS <target>...] [PRIVATE <target>...])
# DEPENDS is the layering of docs/architecture.md in executable form: change the two together.
# PRIVATE names libraries that only the sources use, so that no other layer can include them.
function(loadline_library name)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;DEPENDS;PRIVATE" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE} loadline_options)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_DEPENDS})
  endif()
  target_compile_features(${name} ${scope} cxx_std_20)
  target_sources(${name} ${scope}
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ARG_HEADERS})
endfunction()

# loadline_test(<name> SOURCES <file>... DEPENDS <target>... [LABEL <label>]): one GoogleTest binary,
# each test known to ctest by its own name, and under the label.
include(GoogleTest)
function(loadline_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} loadline_test_options GTest::gtest
    GTest::gmock GTest::gtest_main)
  target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${ARG_LABEL}")
endfunction()
