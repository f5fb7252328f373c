// SPDX-License-Identifier: Apache-2.0
#include "proxy/loadgen/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "proxy/loadgen/random.h"

namespace loadline::loadgen {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.5), 0ns);
  EXPECT_EQ(histogram.mean(), 0ns);
  EXPECT_EQ(histogram.max(), 0ns);
}

// Against the sorted values themselves, over eleven powers of ten.
TEST(Histogram, QuantilesAreExactToItsPrecision) {
  for (const unsigned bits : {6U, 8U}) {
    Random random(bits);
    Histogram histogram(bits);
    std::vector<std::int64_t> values;
    for (int i = 0; i < 20'001; ++i) {
      values.push_back(static_cast<std::int64_t>(std::pow(10.0, random.unit() * 11)));
      histogram.record(Duration(values.back()));
    }
    std::sort(values.begin(), values.end());
    const double error_max = std::ldexp(1.0, 1 - static_cast<int>(bits));
    for (const double fraction : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const double rank = std::max(1.0, std::ceil(fraction * static_cast<double>(values.size())));
      const auto exact = static_cast<double>(values[static_cast<std::size_t>(rank) - 1]);
      const auto told = static_cast<double>(histogram.quantile(fraction).count());
      EXPECT_GE(told, exact) << "fraction=" << fraction;
      EXPECT_LE(told, exact * (1 + error_max)) << "fraction=" << fraction;
    }
    EXPECT_EQ(histogram.quantile(1).count(), values.back());
  }
}

TEST(Histogram, EveryValueAroundABucketsEdgeIsInItsBucket) {
  for (std::int64_t power = 1; power < 60; ++power) {
    for (std::int64_t delta = -2; delta <= 2; ++delta) {
      const std::int64_t value = std::max<std::int64_t>(0, (std::int64_t{1} << power) + delta);
      Histogram histogram;
      histogram.record(Duration(value));
      EXPECT_EQ(histogram.quantile(0.5).count(), value);  // Rounded up, but never above the max.
      histogram.record(Duration(value * 4));
      EXPECT_GE(histogram.quantile(0.5).count(), value);
      EXPECT_LE(static_cast<double>(histogram.quantile(0.5).count()),
                static_cast<double>(value) * 1.0079);
    }
  }
}

TEST(Histogram, MergingIsAsRecordingBoth) {
  Random random(1);
  Histogram both;
  Histogram left;
  Histogram right;
  for (int i = 0; i < 1000; ++i) {
    const Duration value(random.between(0, 1'000'000'000));
    both.record(value);
    (i % 3 == 0 ? left : right).record(value);
  }
  left.merge(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.max(), both.max());
  EXPECT_EQ(left.mean(), both.mean());
  for (const double fraction : {0.01, 0.5, 0.99}) {
    EXPECT_EQ(left.quantile(fraction), both.quantile(fraction));
  }
}

TEST(Histogram, NegativeDurationsCountAsZero) {
  Histogram histogram;
  histogram.record(-5s);
  EXPECT_EQ(histogram.count(), 1u);
  EXPECT_EQ(histogram.max(), 0s);
}

}  // namespace
}  // namespace loadline::loadgen
