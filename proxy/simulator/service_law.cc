// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/service_law.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "proxy/simulator/number.h"

namespace loadline::simulator {
namespace {

constexpr double kLongShare = 0.02;
constexpr double kLongFactor = 25;

// Box and Muller, 1958. Keeps no second value: a draw must not depend on who drew before.
double draw_normal(Rng& rng) noexcept {
  const double radius = std::sqrt(2 * draw_exponential(rng));
  return radius * std::cos(2 * std::numbers::pi * rng.uniform(0, 1));
}

// Of jobs of which `share` take `factor` times as long as the rest, all of mean 1.
double draw_mode(double share, double factor, Rng& rng) noexcept {
  return (rng.uniform(0, 1) < share ? factor : 1) / (1 - share + share * factor);
}

// What follows "name-", if the text begins so.
std::optional<std::string_view> after(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || text.size() <= name.size() || text[name.size()] != '-') {
    return std::nullopt;
  }
  return text.substr(name.size() + 1);
}

}  // namespace

std::optional<ServiceLaw> parse_service_law(std::string_view text) {
  using Kind = ServiceLaw::Kind;
  if (text == "constant") return ServiceLaw{.kind = Kind::constant};
  if (text == "exponential") return ServiceLaw{.kind = Kind::exponential};
  if (text == "hyperexponential") return ServiceLaw{.kind = Kind::hyperexponential};
  if (const auto rest = after(text, "lognormal")) {
    const auto cv = parse_number(*rest, {.min = 0.01, .max = 20});
    return cv ? std::optional(ServiceLaw{.kind = Kind::lognormal, .cv = *cv}) : std::nullopt;
  }
  if (const auto rest = after(text, "pareto")) {
    const auto alpha = parse_number(*rest, {.min = 1.05, .max = 20});
    return alpha ? std::optional(ServiceLaw{.kind = Kind::pareto, .alpha = *alpha}) : std::nullopt;
  }
  if (const auto rest = after(text, "bimodal")) {
    const std::size_t dash = rest->find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto share = parse_number(rest->substr(0, dash), {.min = 0, .max = 1});
    const auto factor = parse_number(rest->substr(dash + 1), {.min = 1, .max = 1e5});
    if (!share || !factor) return std::nullopt;
    return ServiceLaw{.kind = Kind::bimodal, .share = *share, .factor = *factor};
  }
  return std::nullopt;
}

std::string to_text(const ServiceLaw& law) {
  switch (law.kind) {
    case ServiceLaw::Kind::constant:
      return "constant";
    case ServiceLaw::Kind::exponential:
      return "exponential";
    case ServiceLaw::Kind::lognormal:
      return fmt::format("lognormal-{}", law.cv);
    case ServiceLaw::Kind::hyperexponential:
      return "hyperexponential";
    case ServiceLaw::Kind::pareto:
      return fmt::format("pareto-{}", law.alpha);
    case ServiceLaw::Kind::bimodal:
      return fmt::format("bimodal-{}-{}", law.share, law.factor);
  }
  return "";
}

double draw_exponential(Rng& rng) noexcept { return -std::log(1 - rng.uniform(0, 1)); }

double draw_service(const ServiceLaw& law, Rng& rng) noexcept {
  switch (law.kind) {
    case ServiceLaw::Kind::constant:
      return 1;
    case ServiceLaw::Kind::exponential:
      return draw_exponential(rng);
    case ServiceLaw::Kind::lognormal: {
      const double variance = std::log(1 + law.cv * law.cv);  // Of the logarithm.
      return std::exp(std::sqrt(variance) * draw_normal(rng) - variance / 2);
    }
    case ServiceLaw::Kind::hyperexponential:
      return draw_mode(kLongShare, kLongFactor, rng) * draw_exponential(rng);
    case ServiceLaw::Kind::pareto:
      return (law.alpha - 1) / law.alpha * std::pow(1 - rng.uniform(0, 1), -1 / law.alpha);
    case ServiceLaw::Kind::bimodal:
      return draw_mode(law.share, law.factor, rng);
  }
  return 1;
}

}  // namespace loadline::simulator
