// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/buffer_pool.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace loadline::net {

std::span<std::byte> PendingBytes::tail() {
  if (!chunk_) chunk_ = pool_->take();
  if (begin_ > 0) {
    std::memmove(chunk_.get(), chunk_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {chunk_.get() + end_, pool_->chunk_size() - end_};
}

bool PendingBytes::append(std::span<const std::byte> bytes) {
  if (bytes.size() > room()) return false;
  if (bytes.empty()) return true;
  std::memcpy(tail().data(), bytes.data(), bytes.size());
  end_ += bytes.size();
  return true;
}

void PendingBytes::drop_front(std::size_t size) noexcept {
  assert(size <= end_ - begin_);
  begin_ += size;
  if (empty()) clear();
}

void PendingBytes::clear() noexcept {
  begin_ = 0;
  end_ = 0;
  if (chunk_) pool_->give_back(std::exchange(chunk_, nullptr));
}

}  // namespace loadline::net
