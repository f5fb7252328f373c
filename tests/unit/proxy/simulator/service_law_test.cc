// SPDX-License-Identifier: Apache-2.0
#include "proxy/simulator/service_law.h"

#include <gtest/gtest.h>

#include <cmath>

namespace loadline::simulator {
namespace {

TEST(ServiceLaw, EveryLawHasMeanOneAndItsVariation) {
  constexpr int kDraws = 200'000;
  const std::pair<std::string_view, double> laws[] = {{"constant", 0},
                                                      {"exponential", 1},
                                                      {"lognormal-0.5", 0.5},
                                                      {"lognormal-2", 2},
                                                      {"hyperexponential", 3.36},
                                                      {"bimodal-0.02-100", 4.65},
                                                      {"pareto-3", 1 / std::sqrt(3.0)}};
  for (const auto& [text, cv] : laws) {
    const auto law = parse_service_law(text);
    ASSERT_TRUE(law) << text;
    EXPECT_EQ(to_text(*law), text);
    Rng rng(7);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double draw = draw_service(*law, rng);
      sum += draw;
      squares += draw * draw;
    }
    const double mean = sum / kDraws;
    EXPECT_NEAR(mean, 1, 0.03) << text;
    EXPECT_NEAR(std::sqrt(std::max(0.0, squares / kDraws - mean * mean)), cv, 0.05 + 0.08 * cv)
        << text;
  }
}

TEST(ServiceLaw, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "gamma", "lognormal", "lognormal-", "lognormal-x", "lognormal-nan", "pareto-1",
        "bimodal-2-3", "bimodal-0.5", "exponential-1"}) {
    EXPECT_FALSE(parse_service_law(text)) << text;
  }
}

}  // namespace
}  // namespace loadline::simulator
