// SPDX-License-Identifier: Apache-2.0
#include "proxy/app.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>
#include <utility>

#include "config/diff.h"
#include "config/endpoint.h"
#include "config/parse.h"
#include "proxy/log/log.h"
#include "proxy/net/system_clock.h"
#include "proxy/postgres/dialogue.h"
#include "proxy/version.h"

namespace loadline {
namespace {

using log::Component;

constexpr Duration kDrainPoll = std::chrono::milliseconds(20);

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

// Each client needs two descriptors, and the usual soft limit of 1024 is for programs that use
// select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

net::DialogueFactory dialogue_factory(config::Protocol protocol) {
  switch (protocol) {
    case config::Protocol::postgres:
      return [] { return std::make_unique<postgres::Dialogue>(); };
  }
  return {};
}

template <typename T>
const T* find_by_name(const std::vector<T>& items, const std::string& name) {
  const auto found = std::ranges::find(items, name, &T::name);
  return found == items.end() ? nullptr : &*found;
}

// The signals that we listen to are for this thread's loop. One that the system hands to a thread
// that sleeps in a condition variable is as good as lost under ThreadSanitizer, which keeps it
// until the thread wakes.
void mask_signals(int how) noexcept {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ours, number);
  pthread_sigmask(how, &ours, nullptr);
}

}  // namespace

App::App(config::Config config, std::string config_path, std::optional<Recording> recording)
    : config_(std::move(config)),
      config_path_(std::move(config_path)),
      cohort_key_(random_seed()),
      recording_(std::move(recording)),
      admin_(*this),
      tick_timer_(loop_, [this] { tick(); }),
      drain_timer_(loop_, [this] { check_drained(); }),
      on_terminate_(loop_, SIGTERM, [this] { drain(); }),
      on_interrupt_(loop_, SIGINT, [this] { drain(); }),
      on_hangup_(loop_, SIGHUP, [this] { reload(); }) {}

App::~App() {
  admin_.stop();
  for (const auto& worker : workers_) worker->stop();
}

tl::expected<void, std::string> App::start() {
  raise_descriptor_limit();
  mask_signals(SIG_BLOCK);  // All threads that are made here inherit it.
  // A file that may not grow is an error of write(), not the end of the proxy.
  std::signal(SIGXFSZ, SIG_IGN);
  if (auto made = make_limit_keeper(); !made) return made;
  make_upstreams();
  if (auto made = make_recorder(); !made) return made;
  make_workers();
  resolver_.start();
  if (recorder_) recorder_->start();
  for (const auto& worker : workers_) worker->start();
  if (auto listened = listen(); !listened) return listened;
  if (config_.admin.listen) {
    if (const auto error = admin_.start(*config_.admin.listen)) {
      return tl::unexpected(fmt::format("admin: can't listen on {}: {}",
                                        config::to_text(*config_.admin.listen), error.message()));
    }
  }
  listening_.store(true, std::memory_order_relaxed);
  tick();
  if (limit_keeper_) limit_keeper_->start();
  log_start();
  return {};
}

int App::run() {
  mask_signals(SIG_UNBLOCK);
  loop_.run();
  for (const auto& worker : workers_) worker->stop();
  if (recorder_) recorder_->stop();
  if (limit_keeper_) limit_keeper_->stop();
  admin_.stop();
  log::info(Component::proxy, "stopped");
  return 0;
}

// ---- Making it.

tl::expected<void, std::string> App::make_limit_keeper() {
  if (config_.state_file.empty()) return {};
  std::error_code ignored;  // There may be no such file yet.
  if (std::filesystem::equivalent(config_.state_file, config_path_, ignored)) {
    return tl::unexpected(fmt::format(
        "state_file: {} is the configuration, which it would overwrite", config_.state_file));
  }
  limit_keeper_ = std::make_unique<LimitKeeper>(loop_, config_.state_file);
  return {};
}

void App::make_upstreams() {
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  if (config_.workers == 0) config_.workers = cores;
  for (const config::Upstream& options : config_.upstreams) {
    config::Upstream beginning = options;
    if (limit_keeper_) beginning.gate = limit_keeper_->begin(options);
    auto& upstream = upstreams_.emplace_back(
        std::make_unique<net::Upstream>(beginning, config_.workers, random_seed()));
    if (limit_keeper_) limit_keeper_->keep(options, upstream->gate);
    upstream_addresses_.push_back(config::to_text(options.primary));
    resolver_.add(options.primary, upstream->addresses);
  }
}

tl::expected<void, std::string> App::make_recorder() {
  if (!recording_) return {};
  auto file = net::Recorder::create_file(recording_->path);
  if (!file) {
    return tl::unexpected(fmt::format("can't record to {}: {}", recording_->path,
                                      file.error() == std::errc::file_exists
                                          ? "it exists, and is not overwritten"
                                          : file.error().message()));
  }
  recording::RecordingHeader header;
  header.started_at_unix_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(started_at_.time_since_epoch()).count();
  for (const config::Upstream& upstream : config_.upstreams) {
    header.upstreams.push_back({.name = upstream.name, .gate = upstream.gate});
  }
  recorder_ = std::make_unique<net::Recorder>(
      *std::move(file), recording_->path, header, config_.workers, net::monotonic_now(),
      net::Recorder::Options{.size_max = recording_->size_max, .key = random_seed()});
  return {};
}

void App::make_workers() {
  for (const config::Listener& options : config_.listeners) {
    listeners_.emplace_back().upstream = &find_upstream(options.upstream);
  }
  for (std::uint32_t index = 0; index < config_.workers; ++index) {
    auto& worker =
        workers_.emplace_back(std::make_unique<net::Worker>(index, [this] { request_tick(); }));
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      net::Route& route = worker->add_route(listeners_[i].counters, *listeners_[i].upstream,
                                            dialogue_factory(config_.listeners[i].protocol));
      if (!recorder_) continue;
      const auto upstream = std::ranges::find(config_.upstreams, config_.listeners[i].upstream,
                                              &config::Upstream::name);
      route.environment.ends = &recorder_->input(
          index, static_cast<std::uint16_t>(upstream - config_.upstreams.begin()));
    }
  }
  configure_routes();
}

net::Upstream& App::find_upstream(const std::string& name) {
  return **std::ranges::find(upstreams_, name,
                             [](const auto& upstream) { return upstream->name(); });
}

tl::expected<void, std::string> App::listen() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    const config::Listener& options = config_.listeners[i];
    auto& acceptor = listeners_[i].acceptor;
    acceptor = std::make_unique<net::Acceptor>(
        loop_,
        net::Acceptor::Options{
            .name = options.name, .route_index = i, .clients_max = options.clients_max},
        listeners_[i].counters, workers_);
    const auto address = net::to_numeric_address(options.listen);
    const auto error = address ? acceptor->listen(*address) : address.error();
    if (error) {
      return tl::unexpected(fmt::format("listener '{}': can't listen on {}: {}", options.name,
                                        config::to_text(options.listen), error.message()));
    }
  }
  return {};
}

void App::log_start() const {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    log::info(Component::proxy, "listening",
              {{"listener", config_.listeners[i].name},
               {"address", listeners_[i].acceptor->address()},
               {"upstream", config_.listeners[i].upstream}});
  }
  if (config_.admin.listen) {
    log::info(Component::admin, "listening", {{"address", admin_.address()}});
  }
  log::info(Component::proxy, "started",
            {{"version", kVersion}, {"workers", config_.workers}, {"config", config_path_}});
}

// ---- Ticks.

void App::tick() {
  tick_requested_.store(false, std::memory_order_relaxed);
  const TimePoint now = net::monotonic_now();
  TimePoint next = TimePoint::max();
  for (const auto& upstream : upstreams_) next = std::min(next, upstream->gate.tick(now));
  tick_timer_.set(next - now);
}

// Called by workers. The first waiter of an empty queue expires sooner than the timer knows.
void App::request_tick() {
  if (tick_requested_.exchange(true, std::memory_order_relaxed)) return;
  loop_.post([this] { tick(); });
}

// ---- Reloading.

void App::reload() {
  auto loaded = config::load(config_path_);
  if (!loaded) {
    reload_failures_.fetch_add(1, std::memory_order_relaxed);
    std::string all;
    for (const config::Diagnostic& diagnostic : loaded.error()) {
      const std::string text = config::to_text(diagnostic);
      log::error(Component::config, "reload refused", {{"problem", text}});
      all += all.empty() ? text : "\n" + text;
    }
    const std::lock_guard lock(mutex_);
    reload_error_ = std::move(all);
    return;
  }
  if (loaded->workers == 0) loaded->workers = config_.workers;
  const config::Difference difference = config::diff(config_, *loaded);
  for (const std::string& path : difference.needs_restart) {
    log::warn(Component::config, "change needs a restart", {{"path", path}});
  }
  for (const std::string& path : difference.reloadable) {
    log::info(Component::config, "changed", {{"path", path}});
  }
  apply(*loaded);
  reloads_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  reload_error_.clear();
  log::info(Component::config, "reloaded", {{"config", config_path_}});
}

// What needs a restart stays as it is, so that config_ keeps saying what is in force.
void App::apply(const config::Config& loaded) {
  config_.log = loaded.log;
  config_.policy = loaded.policy;
  config_.drain_timeout = loaded.drain_timeout;
  for (config::Listener& mine : config_.listeners) {
    if (const auto* found = find_by_name(loaded.listeners, mine.name)) {
      mine.clients_max = found->clients_max;
      mine.login_timeout = found->login_timeout;
    }
  }
  for (config::Upstream& mine : config_.upstreams) {
    if (const auto* found = find_by_name(loaded.upstreams, mine.name)) {
      config::Upstream next = *found;
      next.primary = mine.primary;
      next.pool.mode = mine.pool.mode;
      mine = std::move(next);
    }
  }

  log::configure(config_.log);
  const TimePoint now = net::monotonic_now();
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    upstreams_[i]->gate.reconfigure(config_.upstreams[i].gate, now);
    upstreams_[i]->quota.set_backends_max(config_.upstreams[i].pool.backends_max);
  }
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    listeners_[i].acceptor->set_clients_max(config_.listeners[i].clients_max);
  }
  configure_routes();
  tick();
}

void App::configure_routes() {
  struct Settings {
    std::string shed_code;
    Duration connect_timeout;
    Duration cancel_timeout;
    Duration login_timeout;
  };
  std::vector<Settings> settings;
  for (const config::Listener& listener : config_.listeners) {
    const config::Upstream& upstream = *find_by_name(config_.upstreams, listener.upstream);
    settings.push_back({upstream.refusal.sqlstate, upstream.connect_timeout,
                        upstream.cancel_timeout, listener.login_timeout});
  }
  const auto classifier = std::make_shared<const session::Classifier>(config_.policy, cohort_key_);
  for (const auto& worker : workers_) {
    worker->post([worker = worker.get(), settings, classifier] {
      for (std::size_t i = 0; i < settings.size(); ++i) {
        net::Route& route = worker->own_routes()[i];
        route.connect_timeout = settings[i].connect_timeout;
        route.environment.classifier = classifier;
        route.environment.shed_code = settings[i].shed_code;
        route.environment.cancel_timeout = settings[i].cancel_timeout;
        route.environment.login_timeout = settings[i].login_timeout;
      }
    });
  }
}

// ---- Stopping.

void App::drain() {
  if (draining_.exchange(true, std::memory_order_relaxed)) {
    log::warn(Component::proxy, "asked to stop again: sessions are cut");
    loop_.stop();
    return;
  }
  log::info(Component::proxy, "draining", {{"timeout", config_.drain_timeout}});
  // Workers first: a session whose waiting operation is shed then closes right behind the answer.
  for (const auto& worker : workers_) {
    worker->post([worker = worker.get()] { worker->drain(net::monotonic_now()); });
  }
  const TimePoint now = net::monotonic_now();
  for (const auto& upstream : upstreams_) upstream->gate.drain(now);
  drain_until_ = now + config_.drain_timeout;
  drain_timer_.set(kDrainPoll);
}

void App::check_drained() {
  std::uint64_t left = 0;
  for (const auto& worker : workers_) left += worker->session_count();
  const bool late = net::monotonic_now() >= drain_until_;
  if (left > 0 && !late) {
    drain_timer_.set(kDrainPoll);
    return;
  }
  if (left > 0)
    log::warn(Component::proxy, "drain timeout: sessions are cut", {{"sessions", left}});
  loop_.stop();
}

// ---- Being asked.

admin::Status App::status() const {
  admin::Status status;
  status.version = kVersion;
  status.started_at = started_at_;
  status.draining = draining_.load(std::memory_order_relaxed);
  status.ready = listening_.load(std::memory_order_relaxed) && !status.draining;
  status.workers = static_cast<std::uint32_t>(workers_.size());
  if (recorder_) {
    status.recording = recorder_->is_active();
    status.operations_recorded = recorder_->written();
    status.operations_unrecorded = recorder_->dropped();
  }
  status.config_path = config_path_;
  status.config_reloads = reloads_.load(std::memory_order_relaxed);
  status.config_reload_failures = reload_failures_.load(std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    status.config_reload_error = reload_error_;
  }
  for (std::size_t i = 0; i < listeners_.size(); ++i) status.listeners.push_back(status_of(i));
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    status.upstreams.push_back(status_of(*upstreams_[i], i));
  }
  return status;
}

admin::ListenerStatus App::status_of(std::size_t listener_index) const {
  const Listener& listener = listeners_[listener_index];
  admin::ListenerStatus status;
  status.name = config_.listeners[listener_index].name;
  status.address = listener.acceptor->address();
  status.upstream = listener.upstream->name();
  status.clients_open = listener.counters.open.value();
  status.accepted = listener.counters.accepted.value();
  for (std::size_t i = 0; i < admin::kClientRefusalCount; ++i) {
    status.refused[i] = listener.counters.refused[i].value();
  }
  return status;
}

admin::UpstreamStatus App::status_of(const net::Upstream& upstream,
                                     std::size_t upstream_index) const {
  admin::UpstreamStatus status;
  status.name = upstream.name();
  status.address = upstream_addresses_[upstream_index];
  status.reachable = upstream.reachable.load(std::memory_order_relaxed);
  status.last_error = upstream.last_error();
  status.backends_open = upstream.quota.taken();
  status.connects = upstream.connects.value();
  status.connect_failures = upstream.connect_failures.value();
  status.backends_lost = upstream.backends_lost.value();
  status.cancels_forwarded = upstream.cancels_forwarded.value();
  status.cancels_answered = upstream.cancels_answered.value();
  for (const auto& worker : workers_) {
    for (const net::Route& route : worker->routes()) {
      if (&route.upstream != &upstream) continue;
      status.client_bytes_received += route.client_bytes_received.value();
      status.client_bytes_sent += route.client_bytes_sent.value();
    }
  }
  status.gate = upstream.gate.snapshot();
  return status;
}

}  // namespace loadline
