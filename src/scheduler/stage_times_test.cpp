#include "scheduler/stage_times.h"

#include <gtest/gtest.h>

namespace atelier::scheduler {
namespace {

using namespace std::chrono_literals;

const StageKey kDenoise{"main", "sdxl", "denoise", 18};

TEST(StageTimes, TheSlowestTimeCountsAndAFasterOneChangesNothing) {
  StageTimes times;
  EXPECT_FALSE(times.slowest(kDenoise));
  times.add(kDenoise, 900ms);
  times.add(kDenoise, 7s);
  times.add(kDenoise, 2s);
  EXPECT_EQ(times.slowest(kDenoise), 7s);
}

TEST(StageTimes, AJobMayBeSilentForTwentyTimesTheSlowestAndTwoMinutesAtLeast) {
  StageTimes times;
  times.add(kDenoise, 7s);
  EXPECT_EQ(times.allowed(kDenoise, {}), 140s);
  auto small = kDenoise;
  small.size = 16;
  times.add(small, 10ms);
  EXPECT_EQ(times.allowed(small, {}), 120s);
  times.add(kDenoise, 200s);
  EXPECT_EQ(times.allowed(kDenoise, {}), 4000s);
}

TEST(StageTimes, WhatWasNeverMeasuredHasHalfAnHour) {
  StageTimes times;
  times.add(kDenoise, 1s);
  EXPECT_EQ(times.allowed({"light", "sdxl", "denoise", 18}, {}), 1800s);
  EXPECT_EQ(times.allowed({"main", "other", "denoise", 18}, {}), 1800s);
  EXPECT_EQ(times.allowed({"main", "sdxl", "decode", 18}, {}), 1800s);
  EXPECT_EQ(times.allowed({"main", "sdxl", "denoise", 22}, {}), 1800s);
}

TEST(StageTimes, LoadingMayComeFromASlowDiskThoughItWasFastBefore) {
  StageTimes times;
  const StageKey load{"main", "sdxl", "load", 18};
  times.add(load, 500ms);
  EXPECT_EQ(times.allowed(load, {}), 1800s);
  times.add(load, 100s);
  EXPECT_EQ(times.allowed(load, {}), 2000s);
}

TEST(StageTimes, ASizeClassIsADoublingOfThePixels) {
  EXPECT_EQ(size_class(512 * 512), size_class(512 * 1000));
  EXPECT_EQ(size_class(512 * 512) + 2, size_class(1024 * 1024));
  EXPECT_EQ(size_class(0), 0);
  EXPECT_EQ(size_class(-3), 0);
  EXPECT_GT(size_class(1e300), 0);
}

}  // namespace
}  // namespace atelier::scheduler
