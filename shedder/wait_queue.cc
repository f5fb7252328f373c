// SPDX-License-Identifier: Apache-2.0
#include "shedder/wait_queue.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace loadline {
namespace {

// Beyond it a flow would be out of the ring's sight for thousands of turns.
constexpr double kCostMax = 1000;

std::size_t length_class(std::uint32_t length) noexcept {
  return static_cast<std::size_t>(std::bit_width(length)) - 1;
}

}  // namespace

WaitQueue::WaitQueue() : flows_(kLaneCount * kFlowsPerLane) {
  static_assert(kLaneCount * kFlowsPerLane < kNone);
  for (Lane& lane : lanes_) lane.by_length.fill(kNone);
  parkings_.fill(kNone);
}

std::size_t WaitQueue::lane_of(const Operation& operation) noexcept {
  const auto tier = static_cast<std::size_t>(operation.profile_.priority.tier());
  return 2 * tier + (operation.is_heavy_ ? 1 : 0);
}

WaitQueue::FlowId WaitQueue::find_flow(std::size_t lane, std::uint64_t key) noexcept {
  const std::size_t set = lane * kFlowsPerLane + (key % kSetsPerLane) * kWays;
  // The key's own flow; else the empty one that has used the least, so that what those that used
  // much owe is forgotten last.
  std::size_t best = set + (key / kSetsPerLane) % kWays;  // Shared, if all are in use.
  bool found_empty = false;
  for (std::size_t way = set; way < set + kWays; ++way) {
    if (flows_[way].key == key) return static_cast<FlowId>(way);
    if (flows_[way].length != 0) continue;
    if (!found_empty || flows_[way].ring.used < flows_[best].ring.used) best = way;
    found_empty = true;
  }
  if (found_empty) {
    flows_[best].key = key;
    flows_[best].ring.used = 0;
  }
  return static_cast<FlowId>(best);
}

void WaitQueue::push(Operation& operation) noexcept {
  const FlowId id = find_flow(lane_of(operation), operation.flow_key_);
  Flow& flow = flows_[id];
  operation.flow_ = id;
  operation.flow_tag_ = flow.key;
  operation.queue_previous_ = flow.newest;
  operation.queue_next_ = nullptr;
  (flow.newest != nullptr ? flow.newest->queue_next_ : flow.oldest) = &operation;
  flow.newest = &operation;
  ++size_;
  set_length(id, flow.length + 1);
  if (flow.length == 1) {
    set_ready(id, true);
  } else if (!flow.is_parked) {
    count_ready(id, 1);
  }
}

void WaitQueue::remove(Operation& operation) noexcept {
  assert(size_ > 0);
  const FlowId id = operation.flow_;
  Flow& flow = flows_[id];
  Operation* const previous = operation.queue_previous_;
  Operation* const next = operation.queue_next_;
  (previous != nullptr ? previous->queue_next_ : flow.oldest) = next;
  (next != nullptr ? next->queue_previous_ : flow.newest) = previous;
  operation.queue_previous_ = nullptr;
  operation.queue_next_ = nullptr;
  --size_;
  if (flow.length > 1) {
    if (!flow.is_parked) count_ready(id, 0U - 1U);
  } else if (flow.is_parked) {
    unpark_flow(id);
  } else {
    set_ready(id, false);
  }
  set_length(id, flow.length - 1);
}

void WaitQueue::serve(Operation& operation, double cost) noexcept {
  const FlowId id = operation.flow_;
  remove(operation);
  Flow& flow = flows_[id];
  const bool in_ring = flow.length > 0 && !flow.is_parked;
  if (in_ring) lanes_[lane_of(id)].ring.remove(flows_, id);
  flow.ring.used += std::clamp(cost, 0.0, kCostMax);
  if (in_ring) lanes_[lane_of(id)].ring.add(flows_, id);
}

void WaitQueue::correct(const Operation& operation, double difference) noexcept {
  Flow& flow = flows_[operation.flow_];
  if (flow.key != operation.flow_tag_) return;  // It is another flow's by now.
  const bool in_ring = flow.length > 0 && !flow.is_parked;
  FlowRing& ring = lanes_[lane_of(operation.flow_)].ring;
  if (in_ring) ring.remove(flows_, operation.flow_);
  flow.ring.used += std::clamp(difference, -kCostMax, kCostMax);
  if (in_ring) ring.add(flows_, operation.flow_);
}

bool WaitQueue::is_ready(const Operation& operation) const noexcept {
  return !flows_[operation.flow_].is_parked;
}

Operation* WaitQueue::best(Order order, Lanes lanes) noexcept {
  for (std::size_t tier = 0; tier < kTierCount; ++tier) {
    if (Operation* const found = next_of(tier, order, lanes)) return found;
  }
  return nullptr;
}

Operation* WaitQueue::best_of_worst_tier(Order order, Lanes lanes) noexcept {
  for (std::size_t tier = kTierCount; tier-- > 0;) {
    if (Operation* const found = next_of(tier, order, lanes)) return found;
  }
  return nullptr;
}

Operation* WaitQueue::next_of(std::size_t tier, Order order, Lanes lanes) noexcept {
  FlowRing& light = lanes_[2 * tier].ring;
  FlowRing& heavy = lanes_[2 * tier + 1].ring;
  const bool has_heavy = lanes == Lanes::all && !heavy.empty();
  if (light.empty() && !has_heavy) return nullptr;
  // The time of a lane that isn't served must stay where it is.
  const bool take_heavy = has_heavy && (light.empty() || flows_[heavy.peek()].ring.used <
                                                             flows_[light.peek()].ring.used);
  const FlowId id = (take_heavy ? heavy : light).front(flows_);
  return order == Order::oldest_first ? flows_[id].oldest : flows_[id].newest;
}

Operation& WaitQueue::worst() const noexcept {
  assert(size_ > 0);
  std::size_t lane = kLaneCount;
  do {
    lane -= 2;
  } while (lanes_[lane].lengths_present == 0 && lanes_[lane + 1].lengths_present == 0);
  if (lanes_[lane + 1].lengths_present >= lanes_[lane].lengths_present) ++lane;
  const auto longest = static_cast<std::size_t>(std::bit_width(lanes_[lane].lengths_present)) - 1;
  return *flows_[lanes_[lane].by_length[longest]].oldest;
}

void WaitQueue::park(const Operation& operation, std::uint32_t slot) noexcept {
  const FlowId id = operation.flow_;
  Flow& flow = flows_[id];
  assert(!flow.is_parked);
  set_ready(id, false);
  flow.is_parked = true;
  flow.parked_at = slot;
  FlowId& first = parkings_[slot % kParkingCount];
  flow.parked_previous = kNone;
  flow.parked_next = first;
  if (first != kNone) flows_[first].parked_previous = id;
  first = id;
}

void WaitQueue::unpark(std::uint32_t slot) noexcept {
  FlowId id = parkings_[slot % kParkingCount];
  while (id != kNone) {
    const FlowId next = flows_[id].parked_next;
    if (flows_[id].parked_at == slot) {
      unpark_flow(id);
      set_ready(id, true);
    }
    id = next;
  }
}

void WaitQueue::unpark_all() noexcept {
  for (const FlowId& first : parkings_) {
    while (first != kNone) {
      const FlowId id = first;
      unpark_flow(id);
      set_ready(id, true);
    }
  }
}

// Only out of its parking: set_ready() is the caller's.
void WaitQueue::unpark_flow(FlowId id) noexcept {
  Flow& flow = flows_[id];
  FlowId& first = parkings_[flow.parked_at % kParkingCount];
  (flow.parked_previous != kNone ? flows_[flow.parked_previous].parked_next : first) =
      flow.parked_next;
  if (flow.parked_next != kNone) flows_[flow.parked_next].parked_previous = flow.parked_previous;
  flow.is_parked = false;
}

// All of its operations.
void WaitQueue::set_ready(FlowId id, bool ready) noexcept {
  const std::size_t lane = lane_of(id);
  FlowRing& ring = lanes_[lane].ring;
  if (ready) {
    // Both lanes of a tier are compared, so one that was empty takes the other's time.
    if (ring.empty()) ring.catch_up(lanes_[lane ^ 1U].ring.now());
    ring.add(flows_, id);
    count_ready(id, flows_[id].length);
  } else {
    ring.remove(flows_, id);
    count_ready(id, 0U - flows_[id].length);
  }
}

void WaitQueue::count_ready(FlowId id, std::uint32_t added) noexcept {
  ready_ += added;
  if (is_light(lane_of(id))) light_ready_ += added;
}

void WaitQueue::set_length(FlowId id, std::uint32_t length) noexcept {
  Flow& flow = flows_[id];
  const bool same_class =
      length > 0 && flow.length > 0 && length_class(length) == length_class(flow.length);
  if (!same_class && flow.length > 0) unlink_length(id);
  flow.length = length;
  if (!same_class && length > 0) link_length(id);
}

void WaitQueue::link_length(FlowId id) noexcept {
  Flow& flow = flows_[id];
  Lane& lane = lanes_[lane_of(id)];
  const std::size_t at = std::min(length_class(flow.length), kLengthClasses - 1);
  flow.length_previous = kNone;
  flow.length_next = lane.by_length[at];
  if (flow.length_next != kNone) flows_[flow.length_next].length_previous = id;
  lane.by_length[at] = id;
  lane.lengths_present |= 1U << at;
}

void WaitQueue::unlink_length(FlowId id) noexcept {
  Flow& flow = flows_[id];
  Lane& lane = lanes_[lane_of(id)];
  const std::size_t at = std::min(length_class(flow.length), kLengthClasses - 1);
  (flow.length_previous != kNone ? flows_[flow.length_previous].length_next : lane.by_length[at]) =
      flow.length_next;
  if (flow.length_next != kNone) flows_[flow.length_next].length_previous = flow.length_previous;
  if (lane.by_length[at] == kNone) lane.lengths_present &= ~(1U << at);
}

}  // namespace loadline
