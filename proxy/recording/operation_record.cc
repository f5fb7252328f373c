// SPDX-License-Identifier: Apache-2.0
#include "proxy/recording/operation_record.h"

#include <fmt/format.h>

#include <optional>

#include "proxy/recording/little_endian.h"

namespace loadline::recording {
namespace {

// Where the fields are: docs/recording.md has the same table.
constexpr std::size_t kArrival = 0;
constexpr std::size_t kTenant = 8;
constexpr std::size_t kFingerprint = 16;
constexpr std::size_t kService = 24;
constexpr std::size_t kPaused = 32;
constexpr std::size_t kDeadline = 40;
constexpr std::size_t kWaited = 44;
constexpr std::size_t kActive = 48;
constexpr std::size_t kUpstream = 52;
constexpr std::size_t kPriority = 54;
constexpr std::size_t kStatements = 56;
constexpr std::size_t kClass = 58;
constexpr std::size_t kEnd = 59;
constexpr std::size_t kReason = 60;
constexpr std::size_t kOutcome = 61;
constexpr std::size_t kFlags = 62;

constexpr std::uint8_t kFlagTransaction = 1;
constexpr std::uint8_t kFlagUnconditional = 2;

constexpr std::uint8_t kEndMax = static_cast<std::uint8_t>(OperationRecord::End::gap);
constexpr std::uint8_t kClassMax = static_cast<std::uint8_t>(OperationClass::ddl);
constexpr std::uint8_t kOutcomeMax = static_cast<std::uint8_t>(Outcome::lost);
// Ten years: a recording of longer is none.
constexpr std::uint64_t kDurationMax = std::uint64_t{10} * 366 * 24 * 3600 * 1'000'000'000;

// Not the enumerators' own numbers: a new reason must not change what an old file says.
constexpr std::uint8_t code_of(ShedReason reason) noexcept {
  switch (reason) {
    case ShedReason::none:
      return 0;
    case ShedReason::overload:
      return 1;
    case ShedReason::queue_timeout:
      return 2;
    case ShedReason::fingerprint:
      return 3;
    case ShedReason::queue_full:
      return 4;
    case ShedReason::pushed_out:
      return 5;
    case ShedReason::deadline:
      return 6;
    case ShedReason::draining:
      return 7;
    case ShedReason::scorecard:
      return 8;
    case ShedReason::signal:
      return 9;
  }
  return 0;
}

std::optional<ShedReason> reason_of(std::uint8_t code) noexcept {
  for (std::size_t i = 0; i < kShedReasonCount; ++i) {
    const auto reason = static_cast<ShedReason>(i);
    if (code_of(reason) == code) return reason;
  }
  return std::nullopt;
}

std::uint64_t nanoseconds(Duration duration) noexcept {
  return duration < Duration::zero() ? 0 : static_cast<std::uint64_t>(duration.count());
}

// Reads fields, and keeps what is wrong with the first bad one.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  template <typename Value>
  Value read(std::string_view name, std::size_t at, std::uint64_t max) {
    const auto value = load<Value>(bytes_, at);
    if (value <= max) return value;
    if (problem_.empty()) problem_ = fmt::format("{} is {}; expected at most {}", name, value, max);
    return 0;
  }
  Duration read_duration(std::string_view name, std::size_t at) {
    return Duration(static_cast<std::int64_t>(read<std::uint64_t>(name, at, kDurationMax)));
  }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  std::span<const std::byte> bytes_;
  std::string problem_;
};

}  // namespace

OperationRecord gap_record(std::uint64_t dropped, Duration at) noexcept {
  return {.arrival = at, .tenant = dropped, .end = OperationRecord::End::gap};
}

RecordBytes to_bytes(const OperationRecord& record) noexcept {
  RecordBytes bytes = {};
  store(bytes, kArrival, nanoseconds(record.arrival));
  store(bytes, kTenant, record.tenant);
  store(bytes, kFingerprint, record.fingerprint);
  store(bytes, kService, nanoseconds(record.service));
  store(bytes, kPaused, nanoseconds(record.paused));
  store(bytes, kDeadline, record.deadline.count());
  store(bytes, kWaited, record.waited.count());
  store(bytes, kActive, record.active);
  store(bytes, kUpstream, record.upstream);
  store(bytes, kPriority, record.priority.level());
  store(bytes, kStatements, record.statements);
  store(bytes, kClass, static_cast<std::uint8_t>(record.operation_class));
  store(bytes, kEnd, static_cast<std::uint8_t>(record.end));
  store(bytes, kReason, code_of(record.reason));
  store(bytes, kOutcome, static_cast<std::uint8_t>(record.outcome));
  const auto flags = static_cast<std::uint8_t>((record.is_transaction ? kFlagTransaction : 0) |
                                               (record.is_unconditional ? kFlagUnconditional : 0));
  store(bytes, kFlags, flags);
  return bytes;
}

tl::expected<OperationRecord, std::string> parse_record(std::span<const std::byte> bytes,
                                                        std::size_t upstream_count) {
  FieldReader reader(bytes);
  OperationRecord record;
  record.arrival = reader.read_duration("arrival", kArrival);
  record.tenant = load<std::uint64_t>(bytes, kTenant);
  record.fingerprint = load<std::uint64_t>(bytes, kFingerprint);
  record.service = reader.read_duration("service", kService);
  record.paused = reader.read_duration("paused", kPaused);
  record.deadline = Microseconds32(load<std::uint32_t>(bytes, kDeadline));
  record.waited = Microseconds32(load<std::uint32_t>(bytes, kWaited));
  record.active = load<std::uint32_t>(bytes, kActive);
  record.upstream = reader.read<std::uint16_t>("upstream", kUpstream, upstream_count - 1);
  const auto level = reader.read<std::uint16_t>("priority", kPriority, kPriorityCount - 1);
  record.priority = Priority(static_cast<Tier>(level / kCohortCount), level % kCohortCount);
  record.statements = load<std::uint16_t>(bytes, kStatements);
  record.operation_class =
      static_cast<OperationClass>(reader.read<std::uint8_t>("class", kClass, kClassMax));
  record.end = static_cast<OperationRecord::End>(reader.read<std::uint8_t>("end", kEnd, kEndMax));
  const auto reason = reason_of(load<std::uint8_t>(bytes, kReason));
  record.reason = reason.value_or(ShedReason::none);
  record.outcome =
      static_cast<Outcome>(reader.read<std::uint8_t>("outcome", kOutcome, kOutcomeMax));
  const auto flags =
      reader.read<std::uint8_t>("flags", kFlags, kFlagTransaction | kFlagUnconditional);
  record.is_transaction = (flags & kFlagTransaction) != 0;
  record.is_unconditional = (flags & kFlagUnconditional) != 0;
  if (!reader.problem().empty()) return tl::unexpected(reader.problem());
  if (!reason) return tl::unexpected(std::string("reason is not one that this version knows"));
  if ((record.end == OperationRecord::End::shed) != (record.reason != ShedReason::none)) {
    return tl::unexpected(std::string("a shed operation has a reason, and no other has"));
  }
  return record;
}

}  // namespace loadline::recording
