// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "shedder/flow_ring.h"
#include "shedder/operation.h"
#include "shedder/priority.h"

namespace loadline {

// Operations that wait for a slot: by tier, and within a tier by flow. A flow is what should get a
// fair share of its tier: the operations of one tenant that are of one class (the gate says which).
// The flow that has used the least slot time is served next (start-time fair queueing: Goyal, Vin
// and Cheng, SIGCOMM 1996), so a tenant that sends twenty times as much waits for itself and not
// before the others. Within a flow the caller chooses the order.
//
// Each tier has two lanes: light operations, and heavy ones, which may be kept from taking all
// slots.
//
// A flow can be parked: left out, because something else than a slot keeps its operations waiting
// (a cap). Parked operations are counted in size() but not in ready().
//
// Pushing, removing and choosing take constant time whatever waits, and allocate nothing: flows are
// found in a table of fixed size (when more than that wait at once, some share), their order is
// FlowRing's, the links are the operations' own. Not thread-safe: the gate's lock guards it.
class WaitQueue {
 public:
  enum class Order : std::uint8_t { oldest_first, newest_first };
  enum class Lanes : std::uint8_t { all, light_only };

  WaitQueue();

  // Requires an operation that is in no queue.
  void push(Operation& operation) noexcept;
  // Requires an operation that is in this queue.
  void remove(Operation& operation) noexcept;
  // Removes it because it is served, and charges its flow with `cost`: expected slot time, in units
  // of the usual operation's.
  void serve(Operation& operation, double cost) noexcept;
  // A served operation took `difference` more (or less) than it was charged for.
  void correct(const Operation& operation, double difference) noexcept;

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  // Of those, in flows that aren't parked.
  [[nodiscard]] std::uint32_t ready() const noexcept { return ready_; }
  [[nodiscard]] std::uint32_t light_ready() const noexcept { return light_ready_; }
  [[nodiscard]] bool is_ready(const Operation& operation) const noexcept;

  // The next to serve: of the best tier that has something ready. Null if nothing is.
  [[nodiscard]] Operation* best(Order order, Lanes lanes) noexcept;
  // The same of the worst tier.
  [[nodiscard]] Operation* best_of_worst_tier(Order order, Lanes lanes) noexcept;
  // The first to give up for a better one: the oldest of about the longest flow (within a factor of
  // two) of the worst tier present. Requires that something waits.
  [[nodiscard]] Operation& worst() const noexcept;

  // Its flow is left out until something happens to `slot`, a number that the caller understands.
  // Requires a flow that is ready.
  void park(const Operation& operation, std::uint32_t slot) noexcept;
  // Everything that is parked at `slot` is ready again.
  void unpark(std::uint32_t slot) noexcept;
  void unpark_all() noexcept;

 private:
  using FlowId = std::uint16_t;
  static constexpr FlowId kNone = FlowRing::kNone;
  static constexpr std::size_t kLaneCount = 2 * kTierCount;
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSetsPerLane = 64;
  static constexpr std::size_t kFlowsPerLane = kWays * kSetsPerLane;
  static constexpr std::size_t kLengthClasses = 20;
  static constexpr std::size_t kParkingCount = 64;

  struct Flow {
    FlowRing::Node ring;
    std::uint64_t key = 0;
    Operation* oldest = nullptr;
    Operation* newest = nullptr;
    std::uint32_t length = 0;
    std::uint32_t parked_at = 0;
    bool is_parked = false;
    FlowId length_previous = kNone;  // Flows of the lane whose length has as many bits.
    FlowId length_next = kNone;
    FlowId parked_previous = kNone;  // Flows in the same parking.
    FlowId parked_next = kNone;
  };
  struct Lane {
    FlowRing ring;  // Flows that are ready.
    std::array<FlowId, kLengthClasses> by_length = {};
    std::uint32_t lengths_present = 0;  // Bit per class.
  };

  [[nodiscard]] static std::size_t lane_of(const Operation& operation) noexcept;
  [[nodiscard]] static std::size_t lane_of(FlowId flow) noexcept { return flow / kFlowsPerLane; }
  [[nodiscard]] static bool is_light(std::size_t lane) noexcept { return lane % 2 == 0; }
  [[nodiscard]] FlowId find_flow(std::size_t lane, std::uint64_t key) noexcept;
  [[nodiscard]] Operation* next_of(std::size_t tier, Order order, Lanes lanes) noexcept;

  void set_ready(FlowId flow, bool ready) noexcept;
  void count_ready(FlowId flow, std::uint32_t added) noexcept;  // Modulo 2^32: may be negative.
  void set_length(FlowId flow, std::uint32_t length) noexcept;
  void link_length(FlowId flow) noexcept;
  void unlink_length(FlowId flow) noexcept;
  void unpark_flow(FlowId flow) noexcept;

  std::vector<Flow> flows_;
  std::array<Lane, kLaneCount> lanes_;  // Tier by tier: light, heavy.
  std::array<FlowId, kParkingCount> parkings_;
  std::uint32_t size_ = 0;
  std::uint32_t ready_ = 0;
  std::uint32_t light_ready_ = 0;
};

}  // namespace loadline
