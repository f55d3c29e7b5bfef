#include "engine/tensor/poll.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace atelier::engine {
namespace {

TEST(Poll, CallsTheFunctionOfTheInnermostScopeOfItsThread) {
  int outer = 0, inner = 0;
  poll();
  {
    const PollScope first([&] { ++outer; });
    poll();
    {
      const PollScope second([&] { ++inner; });
      poll();
      poll();
      const PollScope none({});
      poll();
    }
    std::jthread([] { poll(); }).join();
    poll();
  }
  poll();
  EXPECT_EQ(outer, 2);
  EXPECT_EQ(inner, 3);
}

TEST(Poll, WhatTheFunctionThrowsLeavesTheWorkAndItsScope) {
  int calls = 0;
  const PollScope outer([&] { ++calls; });
  EXPECT_THROW(
      {
        const PollScope scope([] { throw std::runtime_error("stop"); });
        poll();
      },
      std::runtime_error);
  poll();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace atelier::engine
