// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "proxy/wire/dialogue.h"

namespace loadline::postgres {

// What the body of a Query, Parse, Bind, Execute or FunctionCall, or its beginning, says of the
// statement: its text, its name, or nothing.
[[nodiscard]] wire::Statement read_statement(char tag, std::span<const std::byte> body) noexcept;

}  // namespace loadline::postgres
