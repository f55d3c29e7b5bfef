// Requests that are sent again, ended jobs that are run again, the length of each queue: with a
// worker on the fake engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "tests/doubles/scheduler_fixture.h"

namespace atelier::scheduler {
namespace {

using testing::HasSubstr;

class SubmissionTest : public LocalSchedulerTest {
 protected:
  SubmissionTest() { options_.workers[0].launch = worker("step_ms=20"); }

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
  static NewJob keyed(const std::string& digest) {
    auto job = new_job(2);
    job.request = {"key", digest};
    return job;
  }
  Job repeat(const Repeat& repeat) {
    std::promise<Accepted> promise;
    scheduler_->repeat(repeat, [&](Accepted one) { promise.set_value(std::move(one)); });
    auto accepted = promise.get_future().get();
    if (const auto* error = std::get_if<Error>(&accepted)) throw Error(*error);
    return std::get<Job>(std::move(accepted));
  }
  Repeated repeat_ended(JobState state, const domain::QueueFilter& filter = {}) {
    std::promise<Repeated> promise;
    scheduler_->repeat_ended(state, filter, "again",
                             [&](Repeated all) { promise.set_value(std::move(all)); });
    return promise.get_future().get();
  }
  // The error of a call; kInternal where it throws none.
  static Error error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::kInternal, "nothing was thrown"};
  }
};

TEST_F(SubmissionTest, ARequestThatIsSentAgainWithItsKeyIsTheSameJob) {
  std::int64_t now = 1'000'000'000'000;
  options_.now_ms = [&now] { return now; };
  start();
  EXPECT_FALSE(scheduler_->job_of_key("test", {"key", "a"}));
  const auto first = scheduler_->submit(keyed("a")).id;
  EXPECT_EQ(scheduler_->submit(keyed("a")).id, first);
  Hearing(*scheduler_, first).wait_for_end();
  const auto again = scheduler_->submit(keyed("a"));
  EXPECT_EQ(again.id, first);
  EXPECT_EQ(again.state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->job_of_key("test", {"key", "a"})->id, first);
  const auto other = refusal(keyed("b"));
  EXPECT_EQ(other.code(), ErrorCode::kConflict);
  EXPECT_THAT(other.what(), HasSubstr(first));
  EXPECT_EQ(error_of([&] { scheduler_->job_of_key("test", {"key", "b"}); }).code(),
            ErrorCode::kConflict);
  auto of_other_client = keyed("b");
  of_other_client.client = "other";
  EXPECT_NE(scheduler_->submit(of_other_client).id, first);
  scheduler_.reset();
  start();  // also after a restart
  EXPECT_EQ(scheduler_->submit(keyed("a")).id, first);
  scheduler_.reset();
  now += std::chrono::milliseconds(domain::limits::kRequestKeyKept).count() + 1;
  start();
  EXPECT_NE(scheduler_->submit(keyed("b")).id, first);
}

TEST_F(SubmissionTest, ManyRequestsWithOneKeyAtOnceAreOneJobAndOnePlace) {
  options_.queue_max.fill(2);
  start();
  const auto running = occupy();
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      try {
        const auto id = scheduler_->submit(keyed("a")).id;
        const std::lock_guard lock(mutex);
        ids.insert(id);
      } catch (const Error& error) {  // both places were held for a moment
        EXPECT_EQ(error.code(), ErrorCode::kQueueFull);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_NE(scheduler_->submit(new_job(1)).id, *ids.begin());  // the other place is free
  EXPECT_EQ(refusal(new_job(1)).code(), ErrorCode::kQueueFull);
  scheduler_->cancel(running);
}

TEST_F(SubmissionTest, AnEndedJobIsRunAgainWithItsSeedOrANewOne) {
  start();
  auto ask = new_job(2);
  ask.priority = 1;
  ask.attachments["image"] =
      scheduler_->artifact(run(new_job(2)).result.value().artifacts()[0]).bytes;
  ask.input.parameters = ask.input.parameters.with("strength", 0.9);
  const auto first = run(ask);
  ASSERT_EQ(first.state, JobState::kSucceeded);
  const auto same = repeat({.id = first.id, .client = "again"});
  EXPECT_NE(same.id, first.id);
  EXPECT_EQ(same.repeat_of, first.id);
  EXPECT_EQ(same.client, "again");
  EXPECT_EQ(same.priority, 1);
  EXPECT_EQ(same.input.parameters.json(), first.input.parameters.json());
  EXPECT_EQ(scheduler_->artifact(same.input.attachments.at("image")).bytes,
            ask.attachments.at("image"));
  EXPECT_EQ(Hearing(*scheduler_, same.id).wait_for_end().state, JobState::kSucceeded);
  const auto fresh = repeat({.id = first.id, .seed = RepeatSeed::kNew});
  EXPECT_TRUE(fresh.input.parameters.has("seed"));
  EXPECT_NE(fresh.input.parameters.json(), first.input.parameters.json());
  EXPECT_NE(Hearing(*scheduler_, fresh.id).wait_for_end().result.value().artifacts(),
            first.result.value().artifacts());
}

TEST_F(SubmissionTest, AJobThatCannotBeRunAgainIsRefusedWithASentence) {
  start();
  const auto running = occupy();
  const auto waits = error_of([&] { repeat({.id = running}); });
  EXPECT_EQ(waits.code(), ErrorCode::kConflict);
  EXPECT_THAT(waits.what(), HasSubstr("still running"));
  EXPECT_EQ(error_of([&] { repeat({.id = "nothing"}); }).code(), ErrorCode::kNotFound);
  const auto store = [this](const std::string& id, card::TaskInput input) {
    Job job;
    job.id = id;
    job.input.parameters = std::move(input);
    jobs_.insert(job);
    job.state = JobState::kFailed;
    jobs_.finish(job, JobState::kQueued);
    return error_of([&] { repeat({.id = id, .seed = RepeatSeed::kNew}); });
  };
  const auto unknown = store("old task", card::TaskInput::of_unknown("sculpt", {{"clay", 2}}));
  EXPECT_EQ(unknown.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.what(), HasSubstr("sculpt"));
  const auto generation = new_job().input.parameters;
  const auto invalid = store("old range", generation.with("steps", 5'000'000));
  EXPECT_EQ(invalid.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(invalid.field(), "steps");
  const auto removed = store("old model", generation.with("model", "a model of the past"));
  EXPECT_EQ(removed.code(), ErrorCode::kNotFound);
  EXPECT_THAT(removed.what(), HasSubstr("a model of the past"));
  EXPECT_EQ(scheduler_->job("old task").state, JobState::kFailed);
  EXPECT_EQ(scheduler_->recent_jobs({}).size(), 4U);
  scheduler_->cancel(running);
}

TEST_F(SubmissionTest, EndedJobsThatMatchAreRunAgainOnceTheOldestFirst) {
  start();
  scheduler_->wait_for_models();
  for (const int priority : {0, 1, 2, 3}) scheduler_->set_paused(priority, true);
  const auto first = wait_in_queue(0, "robot"), second = wait_in_queue(0, "person");
  auto broken = new_job(1);
  broken.input.parameters = broken.input.parameters.with("model", "");
  const auto third = scheduler_->submit(broken).id;
  EXPECT_EQ(scheduler_->cancel_queued({}), 3);
  EXPECT_TRUE(repeat_ended(JobState::kFailed).jobs.empty());
  const auto of_robot = repeat_ended(JobState::kCancelled, {.client = "robot"});
  ASSERT_EQ(of_robot.jobs.size(), 1U);
  EXPECT_EQ(of_robot.jobs[0].repeat_of, first);
  EXPECT_EQ(of_robot.jobs[0].client, "again");
  EXPECT_EQ(of_robot.jobs[0].state, JobState::kQueued);
  const auto rest = repeat_ended(JobState::kCancelled);
  ASSERT_EQ(rest.jobs.size(), 2U);
  EXPECT_EQ(rest.jobs[0].repeat_of, second);
  EXPECT_EQ(rest.jobs[1].repeat_of, third);
  EXPECT_TRUE(rest.refused.empty());
  EXPECT_TRUE(repeat_ended(JobState::kCancelled).jobs.empty());
  EXPECT_EQ(error_of([&] { repeat_ended(JobState::kFailed, {.priority = 7}); }).code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(SubmissionTest, OneRefusalDoesNotKeepTheOthersFromRunningAgainButAFullQueueDoes) {
  options_.queue_max = {64, 2, 64, 64};
  start();
  scheduler_->wait_for_models();
  for (const int priority : {1, 2}) scheduler_->set_paused(priority, true);
  Job removed;
  removed.id = "removed";
  removed.input.parameters = new_job().input.parameters.with("model", "a model of the past");
  jobs_.insert(removed);
  for (int i = 0; i < 3; ++i) {
    wait_in_queue(1);
    EXPECT_EQ(scheduler_->cancel_queued({.priority = 1}), 1);
  }
  scheduler_->cancel("removed");
  const auto repeated = repeat_ended(JobState::kCancelled);
  EXPECT_EQ(repeated.jobs.size(), 2U);
  ASSERT_EQ(repeated.refused.size(), 2U);
  EXPECT_EQ(repeated.refused[0].id, "removed");
  EXPECT_EQ(repeated.refused[0].error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(repeated.refused[1].error.code(), ErrorCode::kQueueFull);
  EXPECT_TRUE(repeat_ended(JobState::kCancelled).jobs.empty());
}

TEST_F(SubmissionTest, EachPriorityHasALengthOfItsOwnAlsoForJobsThatAreMovedThere) {
  options_.queue_max = {3, 3, 1, 1};
  start();
  const auto running = occupy();
  const auto moved = wait_in_queue(1), first = wait_in_queue(1), front = wait_in_queue(3);
  EXPECT_EQ(scheduler_->queue().priorities[0].queued_max, 1);
  EXPECT_EQ(scheduler_->queue().priorities[3].queued_max, 3);
  const auto full = error_of([&] { scheduler_->set_priority(moved, 3); });
  EXPECT_EQ(full.code(), ErrorCode::kQueueFull);
  EXPECT_THAT(full.what(), HasSubstr("Queue is full: 1 jobs"));
  EXPECT_EQ(scheduler_->job(moved).priority, 1);
  scheduler_->cancel(front);
  EXPECT_EQ(scheduler_->set_priority(moved, 3).priority, 3);
  scheduler_->cancel(moved);
  EXPECT_EQ(scheduler_->set_priority(first, 3).priority, 3);  // no place was lost
  EXPECT_EQ(error_of([&] { scheduler_->set_priority(running, 3); }).code(), ErrorCode::kConflict);
  scheduler_->cancel(running);
}

TEST_F(SubmissionTest, TheOrderOfTheQueueCanBeRead) {
  start();
  const auto running = occupy();
  const auto low = wait_in_queue(0), first = wait_in_queue(2), moved = wait_in_queue(0);
  scheduler_->set_priority(moved, 2);
  const auto page = scheduler_->queue_page({}, 2);
  ASSERT_EQ(page.jobs.size(), 2U);
  EXPECT_EQ(page.jobs[0].id, first);
  EXPECT_EQ(page.jobs[1].id, moved);
  EXPECT_FALSE(page.is_last);
  const auto last = scheduler_->queue_page(domain::place_of(page.jobs[1]), 2);
  ASSERT_EQ(last.jobs.size(), 1U);
  EXPECT_EQ(last.jobs[0].id, low);
  EXPECT_EQ(last.position, 3);
  scheduler_->cancel(running);
}

}  // namespace
}  // namespace atelier::scheduler
