// SPDX-License-Identifier: Apache-2.0

// Property: any text is either a configuration or a list of problems that each say where.

#include <cstdint>
#include <string_view>

#include "config/parse.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = loadline::config::parse(text, "fuzz.yaml");
  if (parsed) {
    loadline::fuzz::require(!parsed->listeners.empty() && !parsed->upstreams.empty());
    return 0;
  }
  loadline::fuzz::require(!parsed.error().empty());
  for (const auto& diagnostic : parsed.error()) {
    loadline::fuzz::require(!diagnostic.message.empty() && diagnostic.file == "fuzz.yaml");
  }
  return 0;
}
