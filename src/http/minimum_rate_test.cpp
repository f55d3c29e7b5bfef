#include "http/minimum_rate.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

using namespace std::chrono_literals;

TEST(MinimumRate, ASenderThatKeepsTheRateIsNeverStopped) {
  MinimumRate::Clock::time_point now{};
  MinimumRate rate{1000, 10s, now};
  for (int i = 0; i < 1000; ++i) {
    now += 2s;
    ASSERT_LE(now, rate.deadline());
    rate.received(250, now);
  }
}

TEST(MinimumRate, ASlowSenderIsStoppedHoweverFastItWasBefore) {
  MinimumRate::Clock::time_point now{};
  MinimumRate rate{1000, 10s, now};
  rate.received(50'000'000, now);
  const auto end = now + 10s;
  for (int i = 0; i < 9; ++i) rate.received(1, now += 1s);
  EXPECT_EQ(rate.deadline(), end);
}

}  // namespace
}  // namespace atelier::http
