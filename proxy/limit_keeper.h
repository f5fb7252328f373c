// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/net/event_loop.h"
#include "proxy/net/file_saver.h"
#include "proxy/state/saved_limits.h"
#include "shedder/gate.h"

namespace loadline {

// Carries the limits that were found from one run to the next, in the state file. Belongs to the
// control thread; its writing doesn't.
class LimitKeeper {
 public:
  // Reads the file. One that can't be used is a warning in the log, and as good as none.
  LimitKeeper(net::EventLoop& loop, std::string path);

  // The gate's options of an upstream that is about to be made: those of its configuration, but for
  // where its limit begins.
  [[nodiscard]] GateOptions begin(const config::Upstream& options);
  // Once for each upstream. Both must outlive the keeper's stop(); `options` may change.
  void keep(const config::Upstream& options, const Gate& gate);

  void start();
  // Saves for the last time.
  void stop();

 private:
  struct Kept {
    const config::Upstream* options;
    const Gate* gate;
    bool was_restored;
  };

  void load();
  void save_if_changed();
  void save(std::vector<state::SavedLimit> limits, std::chrono::sys_seconds now);
  [[nodiscard]] std::vector<state::SavedLimit> limits_now() const;

  std::string path_;
  state::SavedLimits loaded_;
  state::SavedLimits saved_;  // What was given to the saver last.
  std::vector<std::string> restored_;
  std::vector<Kept> kept_;
  net::FileSaver saver_;
  net::Timer timer_;
  bool is_started_ = false;
};

}  // namespace loadline
