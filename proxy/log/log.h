// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string_view>

#include "config/config.h"
#include "proxy/log/line.h"
#include "proxy/log/rate_limit.h"

// The log, on stderr. One line per event, whole lines only, from any thread. Before configure() it
// is text at level info, so that what goes wrong at start is seen.
//
// Levels: error = someone must act; warn = degraded, and counted in a metric; info = life-cycle and
// configuration; debug = state transitions. Nothing per operation above debug. Never SQL text,
// never credentials. The message is fixed text that can be searched for; what varies goes into
// fields.
namespace loadline::log {

// Takes effect for the next line, from any thread: also how a reload changes level and format.
void configure(const config::Log& options);
void set_level(Level level) noexcept;

// Whether a line of this level would be written: one relaxed atomic load. The functions below ask
// by themselves; ask first only where computing a field costs something.
[[nodiscard]] bool is_enabled(Component component, Level level) noexcept;

using Fields = std::initializer_list<Field>;

void write(Component component, Level level, std::string_view message,
           std::span<const Field> fields);

inline void write(Component component, Level level, std::string_view message, Fields fields) {
  write(component, level, message, std::span<const Field>(fields.begin(), fields.size()));
}
inline void debug(Component component, std::string_view message, Fields fields = {}) {
  if (is_enabled(component, Level::debug)) write(component, Level::debug, message, fields);
}
inline void info(Component component, std::string_view message, Fields fields = {}) {
  write(component, Level::info, message, fields);
}
inline void warn(Component component, std::string_view message, Fields fields = {}) {
  write(component, Level::warn, message, fields);
}
inline void error(Component component, std::string_view message, Fields fields = {}) {
  write(component, Level::error, message, fields);
}

// One kind of line that the world can provoke again and again. Lines beyond the rate are swallowed
// and counted; the next that passes carries the count as `unlogged`. Thread-safe; keep one per
// kind, for as long as the kind exists.
class RateLimitedLog {
 public:
  // `message` must outlive it (static text).
  RateLimitedLog(Component component, Level level, std::string_view message,
                 const RateLimit::Options& rate = {}) noexcept
      : component_(component), level_(level), message_(message), rate_(rate) {}

  void write(TimePoint now, std::span<const Field> fields);
  void write(TimePoint now, Fields fields = {}) {
    write(now, std::span<const Field>(fields.begin(), fields.size()));
  }

 private:
  Component component_;
  Level level_;
  std::string_view message_;
  RateLimit rate_;
};

}  // namespace loadline::log
