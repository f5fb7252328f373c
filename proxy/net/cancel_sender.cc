// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/cancel_sender.h"

#include <event2/event.h>

#include <array>
#include <utility>

namespace loadline::net {

CancelSender::CancelSender(EventLoop& loop, const SocketAddress& address,
                           std::span<const std::byte> packet, std::shared_ptr<void> ticket,
                           TimePoint deadline)
    : loop_(loop),
      packet_(packet.begin(), packet.end()),
      ticket_(std::move(ticket)),
      deadline_(deadline) {
  auto fd = start_connect(address);
  if (!fd) {
    end();
    return;
  }
  fd_ = std::move(*fd);
  event_.want(loop_, fd_.get(), EV_WRITE, &CancelSender::on_event, this);
}

void CancelSender::on_event(int /*fd*/, short what, void* self) {
  static_cast<CancelSender*>(self)->ready(what);
}

void CancelSender::ready(short what) {
  if ((what & EV_WRITE) != 0) {
    const IoResult sent = send(fd_.get(), packet_);
    if (sent.kind == IoResult::Kind::closed) return end();
    if (sent.kind == IoResult::Kind::done) {
      packet_.erase(packet_.begin(), packet_.begin() + static_cast<std::ptrdiff_t>(sent.size));
    }
    if (!packet_.empty()) return;
    event_.want(loop_, fd_.get(), EV_READ, &CancelSender::on_event, this);
    return;
  }
  // The server answers nothing and closes when the request has been acted on.
  std::array<std::byte, 64> ignored{};
  if (receive(fd_.get(), ignored).kind == IoResult::Kind::closed) end();
}

void CancelSender::end() noexcept {
  over_ = true;
  event_.clear();
  fd_.reset();
  ticket_.reset();
}

}  // namespace loadline::net
