// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace loadline::config {

// The forms are listed at Endpoint. Names are not looked up. Port 0 is well-formed; whether it
// makes sense is the caller's to say.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string to_text(const Endpoint& endpoint);

// The forms are listed at AddressRange. Bits behind the prefix don't matter.
[[nodiscard]] std::optional<AddressRange> parse_address_range(std::string_view text);

}  // namespace loadline::config
