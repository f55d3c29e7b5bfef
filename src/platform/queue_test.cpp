#include "platform/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace atelier::platform {
namespace {

using namespace std::chrono_literals;

TEST(Queue, HandsItemsOutInOrder) {
  Queue<int> queue;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.push(int{i}), Push::kTaken);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.take(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(Queue, WhenFullRefusesTheItemAndLeavesItToTheCaller) {
  Queue<std::unique_ptr<int>> queue(1);
  EXPECT_EQ(queue.push(std::make_unique<int>(1)), Push::kTaken);
  auto second = std::make_unique<int>(2);
  EXPECT_EQ(queue.push(std::move(second)), Push::kFull);
  ASSERT_TRUE(second);
  EXPECT_EQ(**queue.take(), 1);
  EXPECT_EQ(queue.push(std::move(second)), Push::kTaken);
  EXPECT_FALSE(second);
}

TEST(Queue, TakeWaitsForAnItemNoLongerThanItMay) {
  Queue<int> queue;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(queue.take(20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  std::thread later([&queue] {
    std::this_thread::sleep_for(20ms);
    queue.push(7);
  });
  EXPECT_EQ(queue.take(10min), 7);
  later.join();
}

TEST(Queue, CloseWakesAllWhoWaitAndReturnsWhatWasLeft) {
  Queue<int> queue;
  std::vector<std::thread> waiting;
  std::atomic<int> ended{0};
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&queue, &ended] {
      if (!queue.take()) ++ended;
    });
  }
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(queue.close().empty());
  for (auto& thread : waiting) thread.join();
  EXPECT_EQ(ended, 3);
  EXPECT_TRUE(queue.closed());

  Queue<int> left;
  left.push(1);
  left.push(2);
  EXPECT_EQ(left.close(), (std::deque<int>{1, 2}));
  EXPECT_FALSE(left.take());
  EXPECT_FALSE(left.take(1h));
  EXPECT_EQ(left.push(3), Push::kClosed);
  EXPECT_TRUE(left.close().empty());
}

TEST(Queue, RemovesWhatMatchesAndKeepsTheOrderOfBoth) {
  Queue<int> queue;
  for (int i = 0; i < 6; ++i) queue.push(int{i});
  EXPECT_EQ(queue.remove_if([](int item) { return item % 2 == 1; }), (std::deque<int>{1, 3, 5}));
  for (const int expected : {0, 2, 4}) EXPECT_EQ(queue.take(), expected);
}

TEST(Queue, BetweenManyThreadsNothingIsLostOrTakenTwice) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  Queue<int> queue(64);
  std::atomic<std::int64_t> sum{0};
  std::atomic<int> count{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&queue, t] {
      for (int i = 0; i < kEach; ++i) {
        while (queue.push(t * kEach + i) != Push::kTaken) std::this_thread::yield();
      }
    });
    threads.emplace_back([&] {
      while (count < kThreads * kEach) {
        if (const auto item = queue.take(1ms)) {
          sum += *item;
          ++count;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  constexpr std::int64_t kAll = kThreads * kEach;
  EXPECT_EQ(count, kAll);
  EXPECT_EQ(sum, kAll * (kAll - 1) / 2);
}

}  // namespace
}  // namespace atelier::platform
