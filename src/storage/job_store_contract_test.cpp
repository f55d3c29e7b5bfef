// The contract of JobStore (domain/jobs/job_store.h): the same cases for the database and for the
// double of the scheduler's tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "card/tasks/enhance.h"
#include "card/tasks/generate.h"
#include "platform/error.h"
#include "storage/sqlite/sqlite_job_store.h"
#include "tests/doubles/memory_stores.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::JobState;
using domain::Requeue;
using testing::ElementsAre;

template <class Store>
std::unique_ptr<domain::JobStore> make_store();
template <>
std::unique_ptr<domain::JobStore> make_store<SqliteJobStore>() {
  return std::make_unique<SqliteJobStore>(":memory:");
}
template <>
std::unique_ptr<domain::JobStore> make_store<scheduler::MemoryJobStore>() {
  return std::make_unique<scheduler::MemoryJobStore>();
}

template <class Store>
class JobStoreContract : public testing::Test {
 protected:
  void insert(const std::string& id, int priority = 2, bool other_task = false) {
    Job job;
    job.id = id;
    job.priority = priority;
    job.input.parameters =
        other_task ? card::TaskInput::of_unknown("sculpt", {{"clay", 2}})
                   : card::TaskInput::of(card::generate_task(), card::GenerationInput{});
    job.input.attachments["image"] = "abc";
    store_->insert(job);
  }
  std::vector<std::string> recent(const domain::JobFilter& filter) {
    return ids(store_->recent(filter));
  }
  static std::vector<std::string> ids(const std::vector<Job>& jobs) {
    std::vector<std::string> result;
    for (const auto& job : jobs) result.push_back(job.id);
    return result;
  }
  const std::unique_ptr<domain::JobStore> store_ = make_store<Store>();
};

using Stores = testing::Types<SqliteJobStore, scheduler::MemoryJobStore>;
TYPED_TEST_SUITE(JobStoreContract, Stores);

TYPED_TEST(JobStoreContract, TheQueueIsOrderedByPriorityThenByAcceptance) {
  this->insert("09", 0);
  this->insert("05");
  this->insert("07");
  EXPECT_THAT(this->ids(this->store_->queued(9)), ElementsAre("05", "07", "09"));
  EXPECT_THAT(this->ids(this->store_->queued(1)), ElementsAre("05"));
  EXPECT_EQ(this->store_->count_queued(2), 2);
  EXPECT_EQ(this->store_->count_queued(3), 0);
}

TYPED_TEST(JobStoreContract, ListsAreFilteredFromTheNewestOn) {
  this->insert("01");
  this->insert("02", 2, true);
  this->insert("03");
  ASSERT_TRUE(this->store_->claim("01", 5));
  EXPECT_THAT(this->recent({}), ElementsAre("03", "02", "01"));
  EXPECT_THAT(this->recent({.limit = 1}), ElementsAre("03"));
  EXPECT_THAT(this->recent({.before = "03"}), ElementsAre("02", "01"));
  EXPECT_THAT(this->recent({.states = {JobState::kRunning}}), ElementsAre("01"));
  EXPECT_THAT(this->recent({.task = "generate"}), ElementsAre("03", "01"));
  EXPECT_THAT(this->recent({.task = "sculpt"}), ElementsAre("02"));
  EXPECT_TRUE(this->recent({.before = "no such job"}).empty());
}

TYPED_TEST(JobStoreContract, AJobIsClaimedOnce) {
  this->insert("01");
  EXPECT_TRUE(this->store_->claim("01", 5));
  EXPECT_FALSE(this->store_->claim("01", 6));
  EXPECT_FALSE(this->store_->claim("02", 6));
  const auto job = this->store_->find("01");
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, JobState::kRunning);
  EXPECT_EQ(job->attempt, 1);
  EXPECT_EQ(job->started_ms, 5);
  EXPECT_THAT(this->ids(this->store_->running()), ElementsAre("01"));
}

TYPED_TEST(JobStoreContract, ARequeueCountsAsRequested) {
  this->insert("01");
  const auto again = [&](Requeue counted) {
    EXPECT_TRUE(this->store_->claim("01", 5));
    EXPECT_TRUE(this->store_->requeue("01", "why", counted));
    EXPECT_FALSE(this->store_->requeue("01", "why", counted));
    return *this->store_->find("01");
  };
  EXPECT_EQ(again(Requeue::kAfterAttempt).attempt, 1);
  EXPECT_EQ(again(Requeue::kUncounted).attempt, 1);
  const auto crashed = again(Requeue::kAfterStationCrash);
  EXPECT_EQ(crashed.attempt, 1);
  EXPECT_EQ(crashed.station_crashes, 1);
  EXPECT_EQ(crashed.reason, "why");
  EXPECT_EQ(crashed.state, JobState::kQueued);
}

TYPED_TEST(JobStoreContract, AnEndRequiresTheExpectedStateAndIsFinal) {
  this->insert("01");
  auto ended = *this->store_->find("01");
  ended.state = JobState::kSucceeded;
  ended.finished_ms = 9;
  ended.last_event = 4;
  ended.result = domain::JobResult{
      .outputs = {{"picture", "a", "image/png", {}}}, .used = {}, .timing = {{"load_ms", 1}}};
  EXPECT_FALSE(this->store_->finish(ended, JobState::kRunning));
  ASSERT_TRUE(this->store_->claim("01", 5));
  EXPECT_TRUE(this->store_->finish(ended, JobState::kRunning));
  EXPECT_FALSE(this->store_->finish(ended, JobState::kRunning));
  EXPECT_FALSE(this->store_->claim("01", 6));
  const auto found = this->store_->find("01");
  ASSERT_TRUE(found && found->result);
  EXPECT_THAT(found->result->artifacts(), ElementsAre("a"));
  EXPECT_EQ(found->last_event, 4);
  EXPECT_EQ(found->input.attachments.at("image"), "abc");
}

TYPED_TEST(JobStoreContract, AFailureKeepsItsCodeItsSentenceAndItsField) {
  this->insert("01");
  auto failed = *this->store_->find("01");
  failed.state = JobState::kFailed;
  failed.failure = domain::JobFailure{ErrorCode::kInvalidArgument, "too large", "steps"};
  ASSERT_TRUE(this->store_->finish(failed, JobState::kQueued));
  const auto found = this->store_->find("01");
  ASSERT_TRUE(found && found->failure);
  EXPECT_EQ(found->failure->code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(found->failure->sentence, "too large");
  EXPECT_EQ(found->failure->field, "steps");
}

TYPED_TEST(JobStoreContract, FinishedStepsAreKeptUntilTheEnd) {
  Job job;
  job.id = "01";
  job.input.parameters = card::TaskInput::of(card::enhance_task(), card::EnhanceInput{});
  job.input.attachments["image"] = "abc";
  job.input.steps = card::enhance_task().steps(job.input.parameters, {{"image", {64, 80}}});
  this->store_->insert(job);
  job.finished_steps = {{.outputs = {{"picture", "large", "image/png", {}}},
                         .used = card::TaskFacts(card::upscale_task(), {{"scale", 2}}),
                         .timing = {{"run_ms", 3}}}};
  EXPECT_FALSE(this->store_->keep_steps(job));  // it does not run
  ASSERT_TRUE(this->store_->claim("01", 5));
  EXPECT_TRUE(this->store_->running().at(0).finished_steps.empty());
  EXPECT_TRUE(this->store_->keep_steps(job));
  ASSERT_TRUE(this->store_->requeue("01", "again", Requeue::kUncounted));
  auto found = this->store_->queued(1).at(0);
  ASSERT_EQ(found.finished_steps.size(), 1U);
  EXPECT_THAT(found.finished_steps[0].artifacts(), ElementsAre("large"));
  EXPECT_EQ(found.finished_steps[0].used.template as<card::UpscaleFacts>().scale, 2);
  EXPECT_EQ(found.finished_steps[0].timing.at("run_ms"), 3);
  ASSERT_EQ(found.input.steps.size(), 2U);
  EXPECT_EQ(found.input.steps[0].fields.at("model"), "upscaler");
  EXPECT_EQ(found.input.steps[0].attachments.at("image").role, "image");
  EXPECT_FALSE(found.input.steps[0].attachments.at("image").step);
  EXPECT_EQ(found.input.steps[1].title, "Refine");
  EXPECT_EQ(found.input.steps[1].attachments.at("image").step, 0);
  EXPECT_EQ(found.input.steps[1].input.template as<card::GenerationInput>().height, 160);
  ASSERT_TRUE(this->store_->claim("01", 6));
  found.state = JobState::kFailed;
  ASSERT_TRUE(this->store_->finish(found, JobState::kRunning));
  EXPECT_TRUE(this->store_->find("01")->finished_steps.empty());
  EXPECT_FALSE(this->store_->keep_steps(job));
}

TYPED_TEST(JobStoreContract, AJobOfAnUnknownTaskIsKeptAsItIs) {
  this->insert("01", 2, true);
  const auto found = this->store_->find("01");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->input.task(), "sculpt");
  EXPECT_EQ(found->input.parameters.task(), nullptr);
  EXPECT_EQ(found->input.parameters.json(), R"({"clay":2})");
}

TYPED_TEST(JobStoreContract, EventIdsAreGivenOnce) {
  const auto first = this->store_->reserve_events(10);
  EXPECT_EQ(this->store_->reserve_events(10), first + 10);
}

}  // namespace
}  // namespace atelier::storage
