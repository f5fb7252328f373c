// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace loadline {

// Which of up to 65,534 flows has used the least, in constant time: a calendar queue (Brown, CACM
// 1988) of 256 buckets, each an eighth of a unit wide, so it looks 32 units ahead. Whoever is
// further ahead than that waits in the last bucket and is put in its place when that one's turn
// comes. Within a bucket: first in, first out. A pure data structure; the flows' own numbers and
// links are in Node.
class FlowRing {
 public:
  static constexpr std::uint16_t kNone = 0xffff;
  struct Node {
    double used = 0;  // Slot time, in units.
    std::uint16_t previous = kNone;
    std::uint16_t next = kNone;
    std::uint16_t bucket = 0;
  };

  // The time that a flow which has been away resumes at: no credit for having been silent.
  [[nodiscard]] double now() const noexcept { return now_; }
  // Requires an empty ring.
  void catch_up(double now) noexcept { now_ = now_ < now ? now : now_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  // `nodes` is an array that is indexed by `flow`.
  template <typename Nodes>
  void add(Nodes& nodes, std::uint16_t flow) noexcept {
    Node& node = nodes[flow].ring;
    if (node.used < now_) node.used = now_;
    const std::size_t bucket = bucket_of(node.used);
    node.bucket = static_cast<std::uint16_t>(bucket);
    node.next = kNone;
    node.previous = buckets_[bucket].last;
    if (node.previous != kNone) {
      nodes[node.previous].ring.next = flow;
    } else {
      buckets_[bucket].first = flow;
      present_[bucket / kWordBits] |= std::uint64_t{1} << (bucket % kWordBits);
    }
    buckets_[bucket].last = flow;
    ++size_;
  }

  template <typename Nodes>
  void remove(Nodes& nodes, std::uint16_t flow) noexcept {
    Node& node = nodes[flow].ring;
    Bucket& bucket = buckets_[node.bucket];
    (node.previous != kNone ? nodes[node.previous].ring.next : bucket.first) = node.next;
    (node.next != kNone ? nodes[node.next].ring.previous : bucket.last) = node.previous;
    if (bucket.first == kNone) {
      present_[node.bucket / kWordBits] &= ~(std::uint64_t{1} << (node.bucket % kWordBits));
    }
    --size_;
  }

  // About the flow that has used the least, without moving time. Requires that there is one.
  [[nodiscard]] std::uint16_t peek() const noexcept { return buckets_[first_present()].first; }
  // The flow that has used the least. Requires that there is one. Time moves up to it.
  template <typename Nodes>
  [[nodiscard]] std::uint16_t front(Nodes& nodes) noexcept {
    while (true) {
      const std::size_t bucket = first_present();
      const std::size_t ahead = (bucket - cursor_) % kBucketCount;
      cursor_ = bucket;
      now_ += static_cast<double>(ahead) * kBucketWidth;
      const std::uint16_t flow = buckets_[bucket].first;
      if (nodes[flow].ring.used < now_ + kBucketWidth) return flow;
      remove(nodes, flow);  // It was further ahead than the ring reaches.
      add(nodes, flow);
    }
  }

 private:
  static constexpr std::size_t kBucketCount = 256;
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kWordCount = kBucketCount / kWordBits;
  static constexpr double kBucketWidth = 0.125;

  struct Bucket {
    std::uint16_t first = kNone;
    std::uint16_t last = kNone;
  };

  [[nodiscard]] std::size_t bucket_of(double used) const noexcept {
    constexpr auto kLast = static_cast<double>(kBucketCount - 1);
    const double ahead = (used - now_) / kBucketWidth;
    return (cursor_ + static_cast<std::size_t>(ahead < kLast ? ahead : kLast)) % kBucketCount;
  }
  [[nodiscard]] std::size_t first_present() const noexcept {
    const std::size_t start = cursor_ / kWordBits;
    std::uint64_t bits = present_[start] & (~std::uint64_t{0} << (cursor_ % kWordBits));
    for (std::size_t i = 0;; ++i) {
      const std::size_t word = (start + i) % kWordCount;
      if (i > 0) bits = present_[word];
      if (bits != 0) return word * kWordBits + static_cast<std::size_t>(std::countr_zero(bits));
    }
  }

  std::array<Bucket, kBucketCount> buckets_ = {};
  std::array<std::uint64_t, kWordCount> present_ = {};  // Bit per bucket that isn't empty.
  std::size_t cursor_ = 0;                              // The bucket that begins at now_.
  double now_ = 0;
  std::size_t size_ = 0;
};

}  // namespace loadline
