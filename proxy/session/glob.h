// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace loadline::session {

// Whether all of `text` matches: * is any run of characters, none included, ? one UTF-8 character,
// anything else itself. Case counts. At worst the product of the two sizes, whatever the pattern.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

}  // namespace loadline::session
