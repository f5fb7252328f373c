// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace loadline::net {

// Chunks of one size, for one thread. A connection has one only while bytes of its own are pending,
// so idle connections share none; some free ones are kept for the next.
class BufferPool {
 public:
  BufferPool(std::size_t chunk_size, std::size_t free_max)
      : chunk_size_(chunk_size), free_max_(free_max) {
    free_.reserve(free_max);
  }

  using Chunk = std::unique_ptr<std::byte[]>;

  [[nodiscard]] Chunk take() {
    if (free_.empty()) return std::make_unique_for_overwrite<std::byte[]>(chunk_size_);
    Chunk chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
  }
  void give_back(Chunk chunk) noexcept {
    if (free_.size() < free_max_) free_.push_back(std::move(chunk));
  }
  [[nodiscard]] std::size_t chunk_size() const noexcept { return chunk_size_; }

 private:
  std::size_t chunk_size_;
  std::size_t free_max_;
  std::vector<Chunk> free_;
};

// A queue of bytes in at most one chunk, which it holds only while it isn't empty.
class PendingBytes {
 public:
  explicit PendingBytes(BufferPool& pool) noexcept : pool_(&pool) {}
  ~PendingBytes() { clear(); }
  PendingBytes(const PendingBytes&) = delete;
  PendingBytes& operator=(const PendingBytes&) = delete;

  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::span<const std::byte> view() const noexcept {
    return {chunk_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] std::size_t room() const noexcept { return pool_->chunk_size() - (end_ - begin_); }
  // False, and nothing is taken, if there is no room.
  [[nodiscard]] bool append(std::span<const std::byte> bytes);
  // Where the next bytes can be received into; then commit() what arrived.
  [[nodiscard]] std::span<std::byte> tail();
  void commit(std::size_t size) noexcept { end_ += size; }
  void drop_front(std::size_t size) noexcept;
  void clear() noexcept;

 private:
  BufferPool* pool_;
  BufferPool::Chunk chunk_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace loadline::net
