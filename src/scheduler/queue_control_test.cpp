// Pausing, cancelling many, reordering: with a worker on the fake engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "domain/settings/limits.h"
#include "tests/doubles/scheduler_fixture.h"

namespace atelier::scheduler {
namespace {

class QueueControlTest : public LocalSchedulerTest {
 protected:
  QueueControlTest() { options_.workers[0].launch = worker("step_ms=20"); }

  // A job that runs until it is cancelled.
  std::string occupy() {
    const auto id = scheduler_->submit(new_job(900)).id;
    Hearing(*scheduler_, id).wait(is_denoising);
    return id;
  }
  std::string wait_in_queue(int priority, const std::string& client = "test") {
    auto job = new_job(1);
    job.priority = priority;
    job.client = client;
    return scheduler_->submit(job).id;
  }
  PriorityQueue queue_of(int priority) {
    return scheduler_->queue().priorities.at(static_cast<std::size_t>(3 - priority));
  }
  std::int64_t started(const std::string& id) {
    return Hearing(*scheduler_, id).wait_for_end().started_ms;
  }
};

TEST_F(QueueControlTest, APausedPriorityWaitsAndOthersRun) {
  start();
  scheduler_->wait_for_models();
  scheduler_->set_paused(0, true);
  const auto held = wait_in_queue(0);
  const auto other = wait_in_queue(1);
  EXPECT_EQ(Hearing(*scheduler_, other).wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->job(held).state, JobState::kQueued);
  EXPECT_EQ(queue_of(0).queued, 1);
  EXPECT_TRUE(queue_of(0).paused);
  EXPECT_THAT(scheduler_->status().notices,
              testing::Contains(testing::HasSubstr("jobs of priority 0 are paused")));
  EXPECT_FALSE(queue_of(1).paused);
  scheduler_.reset();
  start();
  EXPECT_EQ(run(new_job(1)).state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->job(held).state, JobState::kQueued);  // also after a restart
  EXPECT_EQ(scheduler_->status().notices.size(), 1U);
  scheduler_->set_paused(0, false);
  EXPECT_TRUE(scheduler_->status().notices.empty());
  EXPECT_EQ(Hearing(*scheduler_, held).wait_for_end().state, JobState::kSucceeded);
}

TEST_F(QueueControlTest, JobsBeyondThoseThatTheBoardHoldsAreFollowedAndRun) {
  options_.queue_max.fill(2000);
  start();
  scheduler_->wait_for_models();
  scheduler_->set_paused(0, true);
  for (std::size_t i = 0; i < domain::limits::kJobsShown; ++i) wait_in_queue(0, "many");
  const auto late = wait_in_queue(0, "few"), later = wait_in_queue(0, "few");
  EXPECT_EQ(scheduler_->job(late).state, JobState::kQueued);
  Hearing hearing(*scheduler_, late);
  hearing.wait([](const Job& job) { return job.state == JobState::kQueued; });
  EXPECT_EQ(scheduler_->cancel_queued({.client = "many"}), 1000);
  EXPECT_EQ(scheduler_->cancel(later).state, JobState::kCancelled);
  scheduler_->set_paused(0, false);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
}

TEST_F(QueueControlTest, QueuedJobsThatMatchAreCancelledAtOnceAndTheirListenersSeeIt) {
  start();
  const auto running = occupy();
  const auto first = wait_in_queue(2, "robot"), second = wait_in_queue(0, "robot");
  const auto other = wait_in_queue(2, "person");
  Hearing hearing(*scheduler_, first);
  EXPECT_EQ(scheduler_->cancel_queued({.client = "robot"}), 2);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_EQ(hearing.events().back().type, domain::kEndEvent);
  EXPECT_EQ(Hearing(*scheduler_, second).wait_for_end().state, JobState::kCancelled);
  EXPECT_GT(scheduler_->end_event(second), 0);
  EXPECT_EQ(scheduler_->job(other).state, JobState::kQueued);
  EXPECT_EQ(scheduler_->job(running).state, JobState::kRunning);
  EXPECT_EQ(scheduler_->cancel_queued({.client = "robot"}), 0);
  scheduler_->cancel(running);
  EXPECT_EQ(Hearing(*scheduler_, other).wait_for_end().state, JobState::kSucceeded);
}

TEST_F(QueueControlTest, AJobThatIsRaisedRunsBeforeEarlierOnes) {
  start();
  const auto running = occupy();
  const auto earlier = wait_in_queue(1), raised = wait_in_queue(0);
  Hearing hearing(*scheduler_, raised);
  EXPECT_EQ(scheduler_->set_priority(raised, 3).priority, 3);
  hearing.wait([](const Job& job) { return job.priority == 3; });
  EXPECT_EQ(queue_of(3).queued, 1);
  EXPECT_EQ(queue_of(0).queued, 0);
  scheduler_->cancel(running);
  EXPECT_LE(started(raised), started(earlier));
}

TEST_F(QueueControlTest, AJobThatIsMovedToTheFrontRunsBeforeThoseOfItsPriority) {
  start();
  const auto running = occupy();
  const auto earlier = wait_in_queue(2), moved = wait_in_queue(2);
  scheduler_->move_to_front(moved);
  scheduler_->set_priority(moved, 2);  // which it has: its place stays
  scheduler_->cancel(running);
  EXPECT_LE(started(moved), started(earlier));
}

TEST_F(QueueControlTest, RefusesWhatIsNotInTheQueueAndUnknownPriorities) {
  start();
  const auto running = occupy();
  const auto code_of = [](const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code_of([&] { scheduler_->set_priority(running, 3); }), ErrorCode::kConflict);
  EXPECT_EQ(code_of([&] { scheduler_->move_to_front(running); }), ErrorCode::kConflict);
  EXPECT_EQ(code_of([&] { scheduler_->move_to_front("nothing"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { scheduler_->set_priority(running, 4); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { scheduler_->set_paused(-1, true); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { scheduler_->cancel_queued({.priority = 9}); }),
            ErrorCode::kInvalidArgument);
}

// The store has cancelled a job whose first event was not sent yet.
TEST_F(QueueControlTest, JobsThatAreCancelledWhileTheyAreSubmittedEndForTheirListeners) {
  start();
  const auto running = occupy();
  std::vector<std::string> ids;
  std::thread cancelling([this] {
    for (int i = 0; i < 200; ++i) scheduler_->cancel_queued({.client = "robot"});
  });
  for (int i = 0; i < 40; ++i) ids.push_back(wait_in_queue(2, "robot"));
  cancelling.join();
  scheduler_->cancel_queued({.client = "robot"});
  for (const auto& id : ids) {
    EXPECT_EQ(Hearing(*scheduler_, id).wait_for_end().state, JobState::kCancelled);
  }
  scheduler_->cancel(running);
}

}  // namespace
}  // namespace atelier::scheduler
