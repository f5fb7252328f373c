// SPDX-License-Identifier: Apache-2.0
#include "shedder/expiry_wheel.h"

#include <algorithm>
#include <bit>

namespace loadline {

void ExpiryWheel::add(Operation& operation) noexcept {
  // Rounded up, so that an operation is due when its slot is looked at; what is overdue already
  // goes to the next slot that will be.
  const std::int64_t tick =
      std::max(tick_before(operation.expires_at_ - Duration(1)) + 1, visited_ + 1);
  const std::size_t slot = slot_of(tick);
  operation.wheel_slot_ = static_cast<std::uint16_t>(slot);
  operation.wheel_prev_ = nullptr;
  operation.wheel_next_ = slots_[slot];
  if (slots_[slot] != nullptr) slots_[slot]->wheel_prev_ = &operation;
  slots_[slot] = &operation;
  present_[slot / kWordBits] |= std::uint64_t{1} << (slot % kWordBits);
}

void ExpiryWheel::remove(Operation& operation) noexcept {
  const std::size_t slot = operation.wheel_slot_;
  if (operation.wheel_prev_ != nullptr) {
    operation.wheel_prev_->wheel_next_ = operation.wheel_next_;
  } else {
    slots_[slot] = operation.wheel_next_;
  }
  if (operation.wheel_next_ != nullptr) operation.wheel_next_->wheel_prev_ = operation.wheel_prev_;
  operation.wheel_prev_ = nullptr;
  operation.wheel_next_ = nullptr;
  if (slots_[slot] == nullptr) {
    present_[slot / kWordBits] &= ~(std::uint64_t{1} << (slot % kWordBits));
  }
}

TimePoint ExpiryWheel::next_due() const noexcept {
  for (std::int64_t tick = visited_ + 1;
       tick <= visited_ + static_cast<std::int64_t>(kSlotCount);) {
    const std::size_t slot = slot_of(tick);
    const std::uint64_t rest = present_[slot / kWordBits] >> (slot % kWordBits);
    if (rest == 0) {
      tick += static_cast<std::int64_t>(kWordBits - slot % kWordBits);
      continue;
    }
    return TimePoint(kGranularity * (tick + std::countr_zero(rest)));
  }
  return TimePoint::max();
}

}  // namespace loadline
