#include "platform/condition.h"

#include <gtest/gtest.h>

#include <thread>

namespace atelier::platform {
namespace {

using namespace std::chrono_literals;

TEST(Condition, WakesWhoWaits) {
  std::mutex mutex;
  Condition changed;
  bool ready = false, seen = false;
  std::thread other([&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready; });
    seen = true;
    changed.notify_all();
  });
  {
    std::unique_lock lock(mutex);
    ready = true;
    changed.notify_one();
    EXPECT_TRUE(changed.wait_for(lock, 60s, [&] { return seen; }));
  }
  other.join();
}

TEST(Condition, WaitsAsLongAsItSaysAndNoLonger) {
  std::mutex mutex;
  Condition changed;
  std::unique_lock lock(mutex);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(changed.wait_for(lock, 50ms, [] { return false; }));
  const auto taken = std::chrono::steady_clock::now() - before;
  EXPECT_GE(taken, 50ms);
  EXPECT_LT(taken, 30s);
  EXPECT_FALSE(changed.wait_until(lock, before, [] { return false; }));
  EXPECT_TRUE(changed.wait_until(lock, before, [] { return true; }));
}

}  // namespace
}  // namespace atelier::platform
