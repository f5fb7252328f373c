// SPDX-License-Identifier: Apache-2.0
#include "proxy/net/worker.h"

#include <gtest/gtest.h>

namespace loadline::net {
namespace {

class NoSink final : public VerdictSink {
 public:
  void on_verdict(Operation& /*operation*/) noexcept override {}
};

TEST(DecidedOperations, AreTakenInTheOrderOfTheirVerdicts) {
  int woken = 0;
  DecidedOperations decided([&] { ++woken; });
  NoSink sink;
  Operation first(0, sink);
  Operation second(0, sink);
  EXPECT_EQ(decided.take(), nullptr);
  decided.on_verdict(first);
  decided.on_verdict(second);
  EXPECT_EQ(woken, 1);  // Once for both.
  EXPECT_EQ(decided.take(), &first);
  EXPECT_EQ(decided.take(), &second);
  EXPECT_EQ(decided.take(), nullptr);
  decided.on_verdict(first);
  EXPECT_EQ(woken, 2);
}

TEST(DecidedOperations, OneThatLeavesIsForgottenWhereverItStands) {
  NoSink sink;
  for (int leaver = 0; leaver < 3; ++leaver) {
    DecidedOperations decided([] {});
    Operation operations[] = {{0, sink}, {0, sink}, {0, sink}};
    for (Operation& operation : operations) decided.on_verdict(operation);
    decided.remove(operations[leaver]);
    decided.remove(operations[leaver]);  // Not there any more: nothing happens.
    for (int i = 0; i < 3; ++i) {
      if (i == leaver) continue;
      EXPECT_EQ(decided.take(), &operations[i]);
    }
    EXPECT_EQ(decided.take(), nullptr);
    decided.on_verdict(operations[leaver]);  // The list is sound.
    EXPECT_EQ(decided.take(), &operations[leaver]);
  }
}

}  // namespace
}  // namespace loadline::net
