# SPDX-License-Identifier: Apache-2.0

# What every target of ours compiles with. Linked PRIVATE, so it never leaks to a dependency.
add_library(loadline_options INTERFACE)
target_compile_options(loadline_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Werror)
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

# loadline_test(<name> SOURCES <file>... DEPENDS <target>...): one GoogleTest binary, each test known
# to ctest by its own name.
include(GoogleTest)
function(loadline_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} loadline_options GTest::gtest GTest::gmock
    GTest::gtest_main)
  target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60)
endfunction()

# loadline_fuzz(<name> DEPENDS <target>... [SEEDS <folder>...]): <name>.cc, with corpus/<name>/, or SEEDS,
# as its seeds. Without
# LOADLINE_FUZZ it is linked with a main() that replays the seeds, so that what once crashed stays a
# regression test under the ordinary compiler.
set(LOADLINE_FUZZ_SECONDS 20 CACHE STRING "How long ctest lets each fuzz target search")
function(loadline_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SEEDS" ${ARGN})
  set(seeds ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  if(ARG_SEEDS)
    set(seeds ${ARG_SEEDS})
  endif()
  if(LOADLINE_FUZZ)
    # libFuzzer writes what it finds into its first folder, so that one is not the source tree's.
    set(found ${CMAKE_CURRENT_BINARY_DIR}/corpus/${name})
    file(MAKE_DIRECTORY ${found})
    add_executable(${name} ${name}.cc)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name}
      COMMAND ${name} -max_total_time=${LOADLINE_FUZZ_SECONDS} -max_len=4096 -timeout=10
        -rss_limit_mb=2048 ${found} ${seeds})
  else()
    add_executable(${name} ${name}.cc replay_main.cc)
    add_test(NAME ${name} COMMAND ${name} ${seeds})
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} loadline_options)
endfunction()
