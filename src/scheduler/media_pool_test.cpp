#include "scheduler/media_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "tests/doubles/scripted_child.h"

namespace atelier::scheduler {
namespace {

using namespace std::chrono_literals;

// The outcome of a caller's picture: "" or the reason why it was not read.
std::future<std::string> read_for_caller(MediaPool& pool) {
  const auto outcome = std::make_shared<std::promise<std::string>>();
  pool.post(
      [outcome](Decoder& decoder) {
        decoder.decode(protocol::Bytes{1, 2, 3});
        outcome->set_value("");
      },
      [outcome](const Error& error) { outcome->set_value(error.what()); });
  return outcome->get_future();
}

TEST(MediaPool, AStopFailsTasksOfCallersAndTheStationsTasksContinue) {
  MediaPool pool(saying(""), 1);  // its decoder never gets ready
  auto under_way = read_for_caller(pool), waiting = read_for_caller(pool);
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(pool.stopping());
  pool.stop_callers();
  EXPECT_TRUE(pool.stopping());
  auto late = read_for_caller(pool);
  for (auto* caller : {&under_way, &waiting, &late}) {
    ASSERT_EQ(caller->wait_for(30s), std::future_status::ready);
    EXPECT_THAT(caller->get(), testing::HasSubstr("stopping"));
  }
  std::promise<void> done;
  pool.post([&](Decoder&) { done.set_value(); },
            [](const Error& error) { ADD_FAILURE() << error.what(); }, MediaPool::For::kStation);
  EXPECT_EQ(done.get_future().wait_for(30s), std::future_status::ready);
}

TEST(MediaPool, AStopEndsWhatRunsAndFailsWhatWaits) {
  MediaPool pool(saying(""), 1);
  std::promise<std::string> first, second;
  const auto fail = [](std::promise<std::string>& promise) {
    return [&promise](const Error& error) { promise.set_value(error.what()); };
  };
  const protocol::Bytes file{1, 2, 3};
  pool.post([&](Decoder& decoder) { decoder.decode(file); }, fail(first), MediaPool::For::kStation);
  pool.post([&](Decoder& decoder) { decoder.decode(file); }, fail(second),
            MediaPool::For::kStation);
  std::this_thread::sleep_for(100ms);
  const auto begin = std::chrono::steady_clock::now();
  pool.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  EXPECT_THAT(first.get_future().get(), testing::HasSubstr("stopping"));
  EXPECT_THAT(second.get_future().get(), testing::HasSubstr("stopping"));
}

}  // namespace
}  // namespace atelier::scheduler
