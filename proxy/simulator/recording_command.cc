// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/recording_command.h"

#include <cstdio>
#include <memory>
#include <string>

#include "proxy/simulator/recording_file.h"
#include "proxy/simulator/recording_summary.h"

namespace loadline::simulator {
namespace {

constexpr int kFailed = 1;

int describe(const std::string& path) {
  RecordingSummary summary;
  recording::RecordingReader reader(
      [&](const recording::RecordingHeader& header) {
        summary.begin(header);
        return true;
      },
      [&](const recording::OperationRecord& record) { summary.add(record); });
  const auto read = read_recording(path, reader);
  // Of a file with a problem, what comes before it is worth seeing.
  if (reader.record_count() > 0 || read) std::fputs(summary.to_text().c_str(), stdout);
  if (read) return 0;
  std::fputs(("loadline recording: " + read.error() + "\n").c_str(), stderr);
  return kFailed;
}

}  // namespace

void add_recording_command(CLI::App& app, int& exit_code) {
  CLI::App& command =
      *app.add_subcommand("recording", "Say what is in a file that 'run --record' wrote");
  // Shared with the callback, which outlives this function.
  const auto path = std::make_shared<std::string>();
  command.add_option("file", *path, "Recording")->required();
  command.callback([path, &exit_code] { exit_code = describe(*path); });
}

}  // namespace loadline::simulator
