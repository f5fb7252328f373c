// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace loadline::simulator {

// Requests alike, as a fluid: any part of one may be served.
struct FluidGroup {
  double value = 1;                          // Of one request, if it's served in time.
  double work = 1;                           // Of one request, in the units of the capacity.
  std::vector<std::uint32_t> arrivals = {};  // Requests by step.
};

// What can be accepted of the groups, at best.
struct FluidBound {
  double value = 0;
  std::vector<double> served = {};             // Requests by group.
  std::vector<double> served_by_arrival = {};  // Requests of all groups by the step they came in.
};

// The most value that a server of `capacity` (work by step) can give when what arrives in step a
// must be served in the steps a to a + patience, and everything is known beforehand.
//
// By Hall's theorem for intervals a set of accepted work W is feasible if and only if for all steps
// a <= b what is accepted in a..b fits into a..b+patience. With
//   U(b) = C(0..b+patience) - W(0..b)  and  V(a) = C(0..a-1) - W(0..a-1)
// that is V(a) <= U(b), so step s can take min over b >= s of U(b) less max over a <= s of V(a)
// more. Such sets form a polymatroid, for which the greedy choice by value per work is best
// (Edmonds, 1970). One pass over the steps per group.
//
// `capacity` beyond the last arrival counts too; what lies beyond its end is 0.
[[nodiscard]] FluidBound fluid_bound(const std::vector<FluidGroup>& groups,
                                     const std::vector<double>& capacity, std::size_t patience);

}  // namespace loadline::simulator
