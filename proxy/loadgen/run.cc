// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/run.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <thread>

#include "proxy/loadgen/monotonic_now.h"
#include "proxy/loadgen/worker.h"

namespace loadline::loadgen {
namespace {

using Workers = std::vector<std::unique_ptr<Worker>>;

// Between the last login and the first arrival, so that all threads know the start in time.
constexpr Duration kStartDelay = std::chrono::milliseconds(100);

// Keeps SIGINT and SIGTERM for wait(). Threads made meanwhile inherit that.
class SignalTrap {
 public:
  SignalTrap() {
    sigemptyset(&trapped_);
    sigaddset(&trapped_, SIGINT);
    sigaddset(&trapped_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &trapped_, &before_);
  }
  SignalTrap(const SignalTrap&) = delete;
  SignalTrap& operator=(const SignalTrap&) = delete;
  ~SignalTrap() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  // True if a signal came within `duration`.
  [[nodiscard]] bool wait(Duration duration) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    const timespec limit = {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
    return sigtimedwait(&trapped_, nullptr, &limit) > 0;
  }

 private:
  sigset_t trapped_ = {};
  sigset_t before_ = {};
};

// Stops and joins whatever happens.
class Threads {
 public:
  Threads(const Workers& workers, RunControl& control) : control_(control) {
    for (const auto& worker : workers) {
      threads_.emplace_back([&w = *worker] { w.run(); });
    }
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { join(); }

  void stop_and_join() {
    control_.stop.store(true);
    join();
  }

 private:
  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  RunControl& control_;
  std::vector<std::thread> threads_ = {};
};

std::uint64_t sum_of(const Workers& workers,
                     std::atomic<std::uint64_t> Worker::Live::*const counter) {
  std::uint64_t sum = 0;
  for (const auto& worker : workers) sum += (worker->live().*counter).load();
  return sum;
}

std::size_t connection_count(const Workers& workers) {
  std::size_t count = 0;
  for (const auto& worker : workers) count += worker->connection_count();
  return count;
}

// The progress line: what changed since the last one.
class Progress {
 public:
  Progress(const Scenario& scenario, const Workers& workers, std::FILE* out)
      : scenario_(scenario), workers_(workers), out_(out) {}

  void print(Duration since_start) {
    if (out_ == nullptr) return;
    std::array<std::uint64_t, kOutcomeCount> now = {};
    for (const auto& worker : workers_) {
      for (std::size_t i = 0; i < kOutcomeCount; ++i) now[i] += worker->live().outcomes[i].load();
    }
    const std::uint64_t offered = sum_of(workers_, &Worker::Live::offered);
    std::string line = fmt::format("{:4.0f} s  {:<10} offered {:>6}",
                                   std::chrono::duration<double>(since_start).count(),
                                   phase_name(since_start), offered - offered_);
    for (std::size_t i = 0; i + 1 < kOutcomeCount; ++i) {
      line += fmt::format("  {} {}", kOutcomeNames[i], now[i] - outcomes_[i]);
    }
    line += fmt::format(
        "  | in flight {}  waiting {}\n",
        sum_of(workers_, &Worker::Live::active) - sum_of(workers_, &Worker::Live::waiting),
        sum_of(workers_, &Worker::Live::waiting));
    std::fputs(line.c_str(), out_);
    std::fflush(out_);
    offered_ = offered;
    outcomes_ = now;
  }

 private:
  [[nodiscard]] std::string_view phase_name(Duration since_start) const {
    for (const Phase& phase : scenario_.phases) {
      if (since_start <= phase.duration) return phase.name;
      since_start -= phase.duration;
    }
    return "drain";
  }

  const Scenario& scenario_;
  const Workers& workers_;
  std::FILE* out_;
  std::uint64_t offered_ = 0;
  std::array<std::uint64_t, kOutcomeCount> outcomes_ = {};
};

bool all_finished(const Workers& workers) {
  return std::all_of(workers.begin(), workers.end(),
                     [](const auto& worker) { return worker->live().finished.load(); });
}

// True unless interrupted. Returns early once everybody is logged in.
bool wait_for_logins(const Workers& workers, Duration timeout, const SignalTrap& trap) {
  const std::size_t wanted = connection_count(workers);
  const TimePoint end = monotonic_now() + timeout;
  while (monotonic_now() < end && sum_of(workers, &Worker::Live::connections_ready) < wanted) {
    if (trap.wait(std::chrono::milliseconds(10))) return false;
  }
  return true;
}

// True unless interrupted.
bool wait_for_end(const Workers& workers, TimePoint start, Progress& progress,
                  const SignalTrap& trap) {
  Duration due = std::chrono::seconds(1);
  while (!all_finished(workers)) {
    if (trap.wait(std::chrono::milliseconds(20))) return false;
    if (monotonic_now() - start < due) continue;
    progress.print(due);
    due += std::chrono::seconds(1);
  }
  return true;
}

std::string refusal_of(const Workers& workers) {
  for (const auto& worker : workers) {
    const wire::ServerError& refusal = worker->last_refusal();
    if (!refusal.sqlstate.empty()) return fmt::format("{} ({})", refusal.message, refusal.sqlstate);
  }
  return "no answer in time";
}

}  // namespace

tl::expected<RunResult, std::string> run(const Scenario& scenario, const Target& target,
                                         const RunOptions& options) {
  const auto address = resolve(target);
  if (!address) return tl::unexpected(address.error());

  const SignalTrap trap;
  RunControl control;
  Workers workers;
  for (std::uint32_t i = 0; i < scenario.threads; ++i) {
    workers.push_back(std::make_unique<Worker>(share_of(scenario, i), target, *address, control));
  }
  Threads threads(workers, control);
  RunResult result = {.tally = RunTally(scenario.classes.size(), scenario.phases.size())};
  result.interrupted = !wait_for_logins(workers, options.connect_timeout, trap);
  const std::size_t ready = sum_of(workers, &Worker::Live::connections_ready);
  const std::size_t wanted = connection_count(workers);
  if (ready == 0 || result.interrupted) {
    threads.stop_and_join();
    if (result.interrupted) return tl::unexpected(std::string("interrupted before the start"));
    return tl::unexpected(
        fmt::format("{}: nobody could log in: {}", to_text(target), refusal_of(workers)));
  }

  const TimePoint start = monotonic_now() + kStartDelay;
  result.started_at = std::chrono::system_clock::now() +
                      std::chrono::duration_cast<std::chrono::system_clock::duration>(kStartDelay);
  control.start_at.store(start.time_since_epoch().count());
  Progress progress(scenario, workers, options.progress);
  result.interrupted = !wait_for_end(workers, start, progress, trap);
  threads.stop_and_join();
  result.elapsed = monotonic_now() - start;
  for (const auto& worker : workers) {
    result.tally.merge(worker->tally());
    result.cpu_shares.push_back(worker->cpu_share());
  }
  if (ready < wanted) {
    result.warnings.push_back(fmt::format("only {} of {} connections were open at the start: {}",
                                          ready, wanted, refusal_of(workers)));
  }
  for (std::string& warning : timing_warnings(scenario, result)) {
    result.warnings.push_back(std::move(warning));
  }
  return result;
}

std::vector<std::string> timing_warnings(const Scenario& scenario, const RunResult& result) {
  std::vector<std::string> warnings;
  Duration deadline_min = kRunMax;
  for (const LoadClass& load_class : scenario.classes) {
    deadline_min = std::min(deadline_min, load_class.deadline);
  }
  // A twentieth of the tightest deadline moves few answers across it; a millisecond is what the
  // kernel's scheduler makes of a busy machine anyway.
  const Duration allowed = std::max<Duration>(std::chrono::milliseconds(1), deadline_min / 20);
  const Duration lag = result.tally.lag.quantile(0.99);
  const auto milliseconds = [](Duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
  };
  if (lag > allowed) {
    warnings.push_back(fmt::format(
        "the generator was late: 99% of the operations began within {:.1f} ms of when they were "
        "meant to, more than {:.1f} ms is too much for these deadlines. Its own delay is part of "
        "every latency here. Give it a core, or more --threads",
        milliseconds(lag), milliseconds(allowed)));
  }
  for (const double share : result.cpu_shares) {
    if (share < 0.9) continue;
    warnings.push_back(fmt::format(
        "a thread of the generator used {:.0f}% of a core: the figures may be its own limit and "
        "not the server's. Use more --threads",
        share * 100));
    break;
  }
  return warnings;
}

}  // namespace loadline::loadgen
