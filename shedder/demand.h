// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace loadline {

// What is refused apart: what overloads a database with reads need not concern its writes; heavy
// operations have a lane of their own; and those that wait for a cap of their kind (the rejector
// leaves them alone) say nothing about the database.
enum class Demand : std::uint8_t { read, write, heavy, capped };
inline constexpr std::size_t kDemandCount = 4;
inline constexpr std::size_t kRejectedCount = 3;  // The first ones: all but capped.

}  // namespace loadline
