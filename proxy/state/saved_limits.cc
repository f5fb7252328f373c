// SPDX-License-Identifier: Apache-2.0
#include "proxy/state/saved_limits.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace loadline::state {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFormat = "loadline-state-1";

// The member of that name, or null. Never throws, whatever `json` is.
[[nodiscard]] const Json* member(const Json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() ? nullptr : &*found;
}

[[nodiscard]] const std::string* text_of(const Json& json, const char* name) {
  const Json* const value = member(json, name);
  return value == nullptr ? nullptr : value->get_ptr<const std::string*>();
}

[[nodiscard]] std::optional<SavedLimit> read_limit(const Json& json) {
  const std::string* const upstream = text_of(json, "name");
  const std::string* const address = text_of(json, "address");
  const Json* const limit = member(json, "limit");
  if (upstream == nullptr || address == nullptr || limit == nullptr || !limit->is_number()) {
    return std::nullopt;
  }
  return SavedLimit{.upstream = *upstream, .address = *address, .limit = limit->get<double>()};
}

}  // namespace

std::string_view to_string(StateProblem problem) noexcept {
  switch (problem) {
    case StateProblem::not_json:
      return "it is not JSON, or cut off";
    case StateProblem::other_format:
      return "it is not a state file of this version";
    case StateProblem::incomplete:
      return "something is missing in it, or is not of its type";
    case StateProblem::from_the_future:
      return "it is from the future";
    case StateProblem::too_old:
      return "it is older than 24 hours";
  }
  return "";
}

std::string_view to_string(LimitProblem problem) noexcept {
  switch (problem) {
    case LimitProblem::not_automatic:
      return "the limit is fixed";
    case LimitProblem::not_saved:
      return "none was saved";
    case LimitProblem::other_address:
      return "it was another address's";
    case LimitProblem::out_of_bounds:
      return "it is outside of limit.min and limit.max";
  }
  return "";
}

std::string to_text(const SavedLimits& saved) {
  Json upstreams = Json::array();
  for (const SavedLimit& one : saved.limits) {
    upstreams.push_back({{"name", one.upstream}, {"address", one.address}, {"limit", one.limit}});
  }
  const Json json = {{"format", kFormat},
                     {"saved_at_unix_seconds", saved.saved_at.time_since_epoch().count()},
                     {"upstreams", std::move(upstreams)}};
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + '\n';
}

tl::expected<SavedLimits, StateProblem> parse_saved_limits(std::string_view text,
                                                           std::chrono::sys_seconds now) {
  if (text.size() > kStateSizeMax) return tl::unexpected(StateProblem::other_format);
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return tl::unexpected(StateProblem::not_json);
  const std::string* const format = text_of(json, "format");
  if (format == nullptr || *format != kFormat) return tl::unexpected(StateProblem::other_format);

  const Json* const saved_at = member(json, "saved_at_unix_seconds");
  const Json* const upstreams = member(json, "upstreams");
  if (saved_at == nullptr || !saved_at->is_number_unsigned() || upstreams == nullptr ||
      !upstreams->is_array()) {
    return tl::unexpected(StateProblem::incomplete);
  }
  // Compared as numbers: what is far away doesn't fit into a time.
  const auto seconds = saved_at->get<std::uint64_t>();
  const auto latest = (now + kStateClockSlack).time_since_epoch().count();
  if (latest < 0 || seconds > static_cast<std::uint64_t>(latest)) {
    return tl::unexpected(StateProblem::from_the_future);
  }
  SavedLimits saved;
  saved.saved_at =
      std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
  if (now - saved.saved_at > kStateAgeMax) return tl::unexpected(StateProblem::too_old);
  for (const Json& one : *upstreams) {
    auto limit = read_limit(one);
    if (!limit) return tl::unexpected(StateProblem::incomplete);
    saved.limits.push_back(*std::move(limit));
  }
  return saved;
}

tl::expected<std::uint32_t, LimitProblem> limit_to_begin_from(const SavedLimits& saved,
                                                              const UpstreamIdentity& upstream,
                                                              const GateOptions& options) {
  if (options.limit_mode == LimitMode::fixed) return tl::unexpected(LimitProblem::not_automatic);
  const auto found = std::ranges::find(saved.limits, upstream.name, &SavedLimit::upstream);
  if (found == saved.limits.end()) return tl::unexpected(LimitProblem::not_saved);
  if (found->address != upstream.address) return tl::unexpected(LimitProblem::other_address);
  const double limit = found->limit;
  if (!std::isfinite(limit) || limit < options.limit_min || limit > options.limit_max) {
    return tl::unexpected(LimitProblem::out_of_bounds);
  }
  return static_cast<std::uint32_t>(std::lround(limit));
}

}  // namespace loadline::state
