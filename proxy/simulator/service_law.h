// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shedder/rng.h"

namespace loadline::simulator {

// How the work of single jobs spreads around their mean.
struct ServiceLaw {
  enum class Kind : std::uint8_t {
    constant,
    exponential,
    lognormal,         // Of the coefficient of variation `cv`.
    hyperexponential,  // Exponential, but 2% take 25 times as long: a cv of 3.4.
    pareto,            // Of the tail index `alpha`; below 2 the variance is infinite.
    bimodal,           // A `share` takes `factor` times as long as the rest.
  };

  Kind kind = Kind::exponential;
  double cv = 1;
  double alpha = 1.5;
  double share = 0.02;
  double factor = 25;

  bool operator==(const ServiceLaw&) const = default;
};

// "constant", "exponential", "lognormal-CV", "hyperexponential", "pareto-ALPHA" or
// "bimodal-SHARE-FACTOR".
[[nodiscard]] std::optional<ServiceLaw> parse_service_law(std::string_view text);
[[nodiscard]] std::string to_text(const ServiceLaw& law);
inline constexpr std::string_view kServiceLawForm =
    "constant, exponential, lognormal-0.5, hyperexponential, pareto-1.5 or bimodal-0.02-100";

// Draws of mean 1. Ours, since the standard's distributions differ between libraries.
[[nodiscard]] double draw_exponential(Rng& rng) noexcept;
[[nodiscard]] double draw_service(const ServiceLaw& law, Rng& rng) noexcept;

}  // namespace loadline::simulator
