// SPDX-License-Identifier: Apache-2.0
#include "proxy/log/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace loadline::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) noexcept {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// One named logger per component over one sink, whose mutex keeps lines whole. Lines arrive
// formatted (spdlog's own patterns know no fields), so the pattern only passes them on.
class Loggers {
 public:
  Loggers() {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    for (std::size_t index = 0; index < kComponentCount; ++index) {
      const auto name = to_string(static_cast<Component>(index));
      loggers_[index] = std::make_unique<spdlog::logger>(std::string(name), sink);
    }
  }

  [[nodiscard]] spdlog::logger& of(Component component) noexcept {
    return *loggers_[static_cast<std::size_t>(component)];
  }
  void set_level(Level level) noexcept {
    for (auto& logger : loggers_) logger->set_level(to_spdlog(level));
  }

  std::atomic<Format> format = Format::text;

 private:
  std::array<std::unique_ptr<spdlog::logger>, kComponentCount> loggers_;
};

// Never destroyed: a thread may log until the very end of the program.
Loggers& loggers() {
  static auto* const all = new Loggers;
  return *all;
}

}  // namespace

void configure(const config::Log& options) {
  loggers().format.store(options.format, std::memory_order_relaxed);
  set_level(options.level);
}

void set_level(Level level) noexcept { loggers().set_level(level); }

bool is_enabled(Component component, Level level) noexcept {
  return loggers().of(component).should_log(to_spdlog(level));
}

void write(Component component, Level level, std::string_view message,
           std::span<const Field> fields) {
  if (!is_enabled(component, level)) return;
  const Line line = {.time = std::chrono::system_clock::now(),
                     .level = level,
                     .component = component,
                     .message = message,
                     .fields = fields};
  const std::string text = format_line(line, loggers().format.load(std::memory_order_relaxed));
  loggers().of(component).log(to_spdlog(level), spdlog::string_view_t(text));
}

void RateLimitedLog::write(TimePoint now, std::span<const Field> fields) {
  if (!is_enabled(component_, level_)) return;
  const auto swallowed = rate_.try_take(now);
  if (!swallowed) return;
  if (*swallowed == 0) return log::write(component_, level_, message_, fields);

  std::vector<Field> all(fields.begin(), fields.end());
  all.push_back({"unlogged", *swallowed});
  log::write(component_, level_, message_, all);
}

}  // namespace loadline::log
