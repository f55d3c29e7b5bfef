#include "scheduler/under_way.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace atelier::scheduler {
namespace {

TEST(UnderWay, WaitsForTheLastCopyOfEachToken) {
  UnderWay calls;
  calls.wait();
  auto first = calls.begin();
  auto copy = first;
  auto second = calls.begin();
  first.reset();
  second.reset();
  auto waited = std::async(std::launch::async, [&] { calls.wait(); });
  EXPECT_EQ(waited.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  copy.reset();
  waited.get();
}

}  // namespace
}  // namespace atelier::scheduler
