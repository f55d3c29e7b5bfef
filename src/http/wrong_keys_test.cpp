#include "http/wrong_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(WrongKeys, AnswersWaitLongerEachTime) {
  WrongKeys keys;
  WrongKeys::Clock::time_point now{};
  auto before = 0ms;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(keys.may_try("10.0.0.1", now));
    const auto delay = keys.count("10.0.0.1", now).delay;
    EXPECT_GT(delay, before);
    before = delay;
    now += delay;
  }
  EXPECT_LE(before, 5s);
  EXPECT_EQ(keys.count("10.0.0.1", now).delay, before);
  EXPECT_EQ(keys.count("10.0.0.2", now).delay, 250ms);  // other addresses start without a delay
}

TEST(WrongKeys, ManyAtOnceAreNotChecked) {
  WrongKeys keys;
  WrongKeys::Clock::time_point now{};
  int tried = 0;
  for (int i = 0; i < 100 && keys.may_try("10.0.0.1", now); ++i, ++tried) {
    keys.count("10.0.0.1", now);
  }
  EXPECT_EQ(tried, 8);
  EXPECT_FALSE(keys.may_try("10.0.0.1", now));
  EXPECT_TRUE(keys.may_try("10.0.0.2", now));
  EXPECT_TRUE(keys.may_try("10.0.0.1", now + 10s));
}

TEST(WrongKeys, GuessingAnHourLongIsSlow) {
  WrongKeys keys;
  WrongKeys::Clock::time_point now{};
  int guesses = 0;
  for (const auto end = now + 1h; now < end; now += 10ms) {
    while (keys.may_try("10.0.0.1", now)) {
      keys.count("10.0.0.1", now);
      ++guesses;
    }
  }
  EXPECT_LE(guesses, 2 * 3600 + 100);
}

TEST(WrongKeys, NeighboursInIpv6AreOne) {
  WrongKeys keys;
  const WrongKeys::Clock::time_point now{};
  for (int i = 0; i < 8; ++i) keys.count("2001:db8::" + std::to_string(i), now);
  EXPECT_FALSE(keys.may_try("2001:db8::ffff", now));
  EXPECT_TRUE(keys.may_try("2001:db8:0:1::1", now));
}

TEST(WrongKeys, AreDroppedAfterAWhile) {
  WrongKeys keys;
  WrongKeys::Clock::time_point now{};
  for (int i = 0; i < 8; ++i) keys.count("10.0.0.1", now);
  EXPECT_EQ(keys.count("10.0.0.1", now + 11min).delay, 250ms);
}

TEST(WrongKeys, TheLogGetsFewLinesForManyKeys) {
  WrongKeys keys;
  WrongKeys::Clock::time_point now{};
  int lines = 0;
  std::string last;
  for (int i = 0; i < 1024; ++i) {
    const auto line = keys.count("10.0.0.1", now += 5s).line;
    if (line.empty()) continue;
    ++lines;
    last = line;
  }
  EXPECT_EQ(lines, 12);
  EXPECT_THAT(last, HasSubstr("from 10.0.0.1 (1024 so far)"));
}

TEST(WrongKeys, ManyAddressesTakeBoundedMemory) {
  WrongKeys keys;
  WrongKeys::Clock::time_point now{};
  for (int i = 0; i < 8; ++i) keys.count("10.255.0.1", now);
  for (int i = 0; i < 3000; ++i) {
    keys.count("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), now += 1ms);
  }
  EXPECT_TRUE(keys.may_try("10.255.0.1", now));  // the oldest was dropped
}

}  // namespace
}  // namespace atelier::http
