// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/recording_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <vector>

namespace loadline::simulator {
namespace {

constexpr std::size_t kPieceSize = std::size_t{1} << 20;

// Its index, or what was expected.
tl::expected<std::uint16_t, std::string> find_upstream(const recording::RecordingHeader& header,
                                                       const std::string& name) {
  std::string names;
  for (std::size_t i = 0; i < header.upstreams.size(); ++i) {
    const std::string& candidate = header.upstreams[i].name;
    if (candidate == name || (name.empty() && header.upstreams.size() == 1)) {
      return static_cast<std::uint16_t>(i);
    }
    names += (names.empty() ? "" : ", ") + candidate;
  }
  return tl::unexpected(fmt::format("upstream '{}' is not in it; expected one of {}", name, names));
}

}  // namespace

tl::expected<void, std::string> read_recording(const std::string& path,
                                               recording::RecordingReader& reader) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return tl::unexpected(fmt::format("{}: can't be read", path));
  std::vector<char> piece(kPieceSize);
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    if (const auto fed = reader.feed(std::as_bytes(std::span(piece).first(count))); !fed) {
      return tl::unexpected(fmt::format("{}: {}", path, fed.error()));
    }
  }
  if (in.bad()) return tl::unexpected(fmt::format("{}: can't be read", path));
  if (const auto finished = reader.finish(); !finished) {
    return tl::unexpected(fmt::format("{}: {}", path, finished.error()));
  }
  return {};
}

tl::expected<Traffic, std::string> load_recording(const std::string& path,
                                                  const std::string& upstream, Duration from,
                                                  Duration to) {
  std::optional<TrafficBuilder> builder;
  std::string problem;
  recording::RecordingReader reader(
      [&](const recording::RecordingHeader& header) {
        const auto index = find_upstream(header, upstream);
        if (!index) {
          problem = index.error();
          return false;
        }
        builder.emplace(TrafficBuilder::Options{.upstream = *index, .from = from, .to = to});
        return true;
      },
      [&](const recording::OperationRecord& record) { builder->add(record); });
  if (auto read = read_recording(path, reader); !read) return tl::unexpected(read.error());
  if (!builder) return tl::unexpected(fmt::format("{}: {}", path, problem));
  auto traffic = builder->build();
  if (!traffic) return tl::unexpected(fmt::format("{}: {}", path, traffic.error()));
  return traffic;
}

}  // namespace loadline::simulator
