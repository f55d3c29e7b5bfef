// The contract of JobStore (domain/jobs/job_store.h): the same cases for the database and for the
// double of the scheduler's tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <random>
#include <thread>
#include <utility>

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

constexpr auto kNode = "node";

std::string folder() { return testing::TempDir() + "job-store-contract"; }

template <class Store>
std::unique_ptr<domain::JobStore> make_store();
template <>
std::unique_ptr<domain::JobStore> make_store<SqliteJobStore>() {
  std::filesystem::remove_all(folder());
  std::filesystem::create_directories(folder());
  return std::make_unique<SqliteJobStore>(folder() + "/atelier.db");
}
template <>
std::unique_ptr<domain::JobStore> make_store<scheduler::MemoryJobStore>() {
  return std::make_unique<scheduler::MemoryJobStore>();
}

Job job(const std::string& id, int priority = 2, const std::string& client = "cli") {
  Job job;
  job.id = id;
  job.client = client;
  job.priority = priority;
  card::GenerationInput input;
  input.model = "some model";
  job.input.parameters = card::TaskInput::of(card::generate_task(), input);
  job.input.attachments["image"] = "abc";
  return job;
}

std::vector<std::string> ids(const auto& jobs) {
  std::vector<std::string> result;
  for (const auto& each : jobs) result.push_back(each.id);
  return result;
}

template <class Store>
class JobStoreContract : public testing::Test {
 protected:
  ~JobStoreContract() override { std::filesystem::remove_all(folder()); }

  void insert(const std::string& id, int priority = 2, bool other_task = false) {
    auto inserted = job(id, priority);
    if (other_task)
      inserted.input.parameters = card::TaskInput::of_unknown("sculpt", {{"clay", 2}});
    store_->insert(inserted);
  }
  void end(const std::string& id, std::int64_t finished_ms = 9) {
    auto ended = *store_->find(id);
    ended.finished_ms = finished_ms;
    const auto expected = std::exchange(ended.state, JobState::kCancelled);
    EXPECT_TRUE(store_->finish(ended, expected));
  }
  std::vector<std::string> recent(const domain::JobFilter& filter) {
    return ids(store_->recent(filter));
  }
  std::vector<std::string> window(const domain::WindowSize& size = {}) {
    return ids(store_->window(size));
  }
  const std::unique_ptr<domain::JobStore> store_ = make_store<Store>();
};

using Stores = testing::Types<SqliteJobStore, scheduler::MemoryJobStore>;
TYPED_TEST_SUITE(JobStoreContract, Stores);

TYPED_TEST(JobStoreContract, TheQueueIsOrderedByPriorityThenByAcceptance) {
  this->insert("09", 0);
  this->insert("05");
  this->insert("07");
  EXPECT_THAT(this->window(), ElementsAre("05", "07", "09"));
  EXPECT_THAT(this->window({.oldest = 1, .clients = 0}), ElementsAre("05", "09"));
}

TYPED_TEST(JobStoreContract, TheWindowHasLightRows) {
  auto waits = job("01", 3, "gallery");
  waits.created_ms = 7;
  this->store_->insert(waits);
  this->insert("02", 0, true);
  const auto window = this->store_->window({});
  ASSERT_EQ(window.size(), 2U);
  EXPECT_EQ(window[0].task, "generate");
  EXPECT_EQ(window[0].client, "gallery");
  EXPECT_EQ(window[0].model, "some model");
  EXPECT_EQ(window[0].priority, 3);
  EXPECT_EQ(window[0].created_ms, 7);
  EXPECT_EQ(window[0].rank, 0);
  EXPECT_EQ(window[0].finished_steps, 0);
  EXPECT_EQ(window[1].task, "sculpt");
  EXPECT_EQ(window[1].model, "");
  EXPECT_LT(window[0].sequence, window[1].sequence);
}

TYPED_TEST(JobStoreContract, TheWindowHasTheOldestJobsOfSeveralClientsOfEachPriority) {
  for (const int priority : {0, 2}) {
    const auto prefix = std::to_string(priority);
    for (const char* id : {"a1", "a2", "a3", "a4"}) {
      this->store_->insert(job(prefix + id, priority, "a"));
    }
    for (const char* id : {"b1", "b2", "b3"}) {
      this->store_->insert(job(prefix + id, priority, "b"));
    }
    this->store_->insert(job(prefix + "c1", priority, "c"));
  }
  EXPECT_THAT(this->window({.oldest = 3, .clients = 3, .jobs_of_client = 2}),
              ElementsAre("2a1", "2a2", "2a3", "2b1", "2b2", "2c1", "0a1", "0a2", "0a3", "0b1",
                          "0b2", "0c1"));
  EXPECT_THAT(this->window({.oldest = 1, .clients = 1, .jobs_of_client = 2}),
              ElementsAre("2a1", "2a2", "0a1", "0a2"));
}

TYPED_TEST(JobStoreContract, TheCountsFollowEachWrite) {
  const auto counted = [this] {
    domain::QueueCounts counts;
    for (const auto& each : this->store_->recent({.limit = 1000})) {
      counts.queued[static_cast<std::size_t>(each.priority)] +=
          each.state == JobState::kQueued ? 1 : 0;
      counts.running += each.state == JobState::kRunning ? 1 : 0;
    }
    return counts;
  };
  std::mt19937 random(11);
  for (int i = 0; i < 250; ++i) {
    const auto id = std::to_string(random() % 40);
    const int priority = static_cast<int>(random() % 4);
    const auto found = this->store_->find(id);
    switch (random() % 12) {
      case 0:
        EXPECT_EQ(this->store_->requeue(id, "", Requeue::kUncounted),
                  found && found->state == JobState::kRunning);
        break;
      case 1:
      case 2:
        EXPECT_EQ(this->store_->claim(id, kNode, 5).has_value(),
                  found && found->state == JobState::kQueued);
        break;
      case 3:
        if (found && !domain::is_terminal(found->state)) this->end(id);
        break;
      case 4:
        EXPECT_EQ(this->store_->set_priority(id, priority),
                  found && found->state == JobState::kQueued);
        break;
      case 5:
        if (random() % 4 == 0) {
          this->store_->cancel_queued({.priority = priority}, 9, [] { return 1; });
        }
        break;
      case 6:
        this->store_->prune(5, 100);
        break;
      default:
        if (found) {
          EXPECT_THROW(this->store_->insert(job(id, priority)), Error);
        } else {
          this->store_->insert(job(id, priority));
        }
    }
    ASSERT_EQ(this->store_->counts(), counted()) << "after write " << i;
  }
  EXPECT_GT(this->store_->counts().running, 0);
}

TYPED_TEST(JobStoreContract, JobsThatComeAtTheSameTimeAreAllAccepted) {
  constexpr int kThreads = 16, kJobs = 8;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kJobs; ++i) {
        const auto inserted =
            this->store_->insert(job(std::to_string(thread) + "-" + std::to_string(i)));
        EXPECT_TRUE(this->store_->find(inserted.id));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(this->store_->counts().queued[2], kThreads * kJobs);
  EXPECT_EQ(this->store_->recent({.limit = 1000}).size(), std::size_t{kThreads * kJobs});
}

TYPED_TEST(JobStoreContract, AKeyOfAClientStandsForOneJob) {
  EXPECT_FALSE(this->store_->find_key("cli", "k", 0));
  EXPECT_TRUE(this->store_->insert(job("01"), {.request = {"k", "digest"}}).is_new);
  const auto again = this->store_->insert(job("02"), {.request = {"k", "another digest"}});
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.id, "01");
  EXPECT_EQ(again.digest, "digest");
  EXPECT_TRUE(this->store_->insert(job("03"), {.request = {"other"}}).is_new);
  EXPECT_TRUE(this->store_->insert(job("04", 2, "other client"), {.request = {"k"}}).is_new);
  EXPECT_TRUE(this->store_->insert(job("05")).is_new);
  EXPECT_TRUE(this->store_->insert(job("06")).is_new);
  this->end("01");
  EXPECT_EQ(this->store_->insert(job("07"), {.request = {"k"}}).id, "01");
  EXPECT_EQ(this->store_->find_key("cli", "k", 0)->id, "01");
  EXPECT_EQ(this->store_->find_key("cli", "k", 0)->digest, "digest");
  EXPECT_EQ(this->store_->find_key("other client", "k", 0)->id, "04");
  EXPECT_FALSE(this->store_->find_key("cli", "", 0));
  EXPECT_THAT(this->recent({}), ElementsAre("06", "05", "04", "03", "01"));
  EXPECT_EQ(this->store_->counts().queued[2], 4);
}

TYPED_TEST(JobStoreContract, AKeyIsFreeAgainAfterItsTime) {
  auto early = job("01"), late = job("02");
  early.created_ms = 100;
  late.created_ms = 300;
  const domain::RequestKey key{"k", "digest"};
  EXPECT_TRUE(this->store_->insert(early, {.request = key}).is_new);
  EXPECT_TRUE(this->store_->find_key("cli", "k", 100));
  EXPECT_FALSE(this->store_->find_key("cli", "k", 101));
  EXPECT_FALSE(this->store_->insert(late, {.request = key, .keys_since_ms = 100}).is_new);
  EXPECT_TRUE(this->store_->insert(late, {.request = key, .keys_since_ms = 101}).is_new);
  EXPECT_EQ(this->store_->find_key("cli", "k", 0)->id, "02");
  EXPECT_THAT(this->recent({}), ElementsAre("02", "01"));
}

TYPED_TEST(JobStoreContract, PlacesAreHeldUntilTheirJobsAreInserted) {
  auto& store = *this->store_;
  ASSERT_TRUE(store.hold_place(2, 2));
  ASSERT_TRUE(store.hold_place(2, 2));
  EXPECT_FALSE(store.hold_place(2, 2));
  store.insert(job("01"), {.request = {"k"}, .holds_place = true});
  EXPECT_FALSE(store.hold_place(2, 2));
  store.insert(job("02"),
               {.request = {"k"}, .holds_place = true});  // the same job: its place stays
  EXPECT_FALSE(store.hold_place(2, 2));
  store.leave_place(2);
  EXPECT_TRUE(store.hold_place(2, 2));
  store.leave_place(2);
  ASSERT_TRUE(store.claim("01", kNode, 5));
  EXPECT_TRUE(store.hold_place(2, 1));
}

TYPED_TEST(JobStoreContract, AJobWhoseInsertionIsNotWaitedForIsThereWhenItIsReported) {
  auto& store = *this->store_;
  ASSERT_TRUE(store.hold_place(2, 2));
  const auto insert = [&store](const std::string& id, const domain::InsertOptions& options) {
    std::promise<std::pair<domain::InsertOutcome, int>> reported;
    store.insert_later(std::make_shared<const Job>(job(id)), options,
                       [&](domain::InsertOutcome outcome) {
                         reported.set_value({std::move(outcome), store.counts().queued[2]});
                       });
    return reported.get_future().get();
  };
  const auto [first, queued] = insert("01", {.request = {.key = "k"}, .holds_place = true});
  EXPECT_TRUE(std::get<domain::Inserted>(first).is_new);
  EXPECT_EQ(queued, 1);
  EXPECT_TRUE(store.find("01"));
  const auto [again, still_queued] = insert("02", {.request = {.key = "k"}});
  EXPECT_EQ(std::get<domain::Inserted>(again).id, "01");
  EXPECT_EQ(still_queued, 1);
  EXPECT_TRUE(store.hold_place(2, 2));  // the job took the one that was held for it
  EXPECT_FALSE(store.hold_place(2, 2));
  const auto [repeated, unchanged] = insert("01", {});
  EXPECT_TRUE(std::holds_alternative<Error>(repeated));
  EXPECT_EQ(unchanged, 1);
}

TYPED_TEST(JobStoreContract, ANodeSeesItsOwnRunningJobs) {
  this->insert("01");
  this->insert("02");
  ASSERT_TRUE(this->store_->claim("01", "here", 5));
  ASSERT_TRUE(this->store_->claim("02", "there", 5));
  EXPECT_THAT(ids(this->store_->running("here")), ElementsAre("01"));
  EXPECT_THAT(ids(this->store_->running("there")), ElementsAre("02"));
  EXPECT_TRUE(this->store_->running("elsewhere").empty());
  EXPECT_EQ(this->store_->counts().running, 2);
  ASSERT_TRUE(this->store_->requeue("02", "again", Requeue::kUncounted));
  ASSERT_TRUE(this->store_->claim("02", "here", 6));
  EXPECT_THAT(ids(this->store_->running("here")), ElementsAre("01", "02"));
}

TYPED_TEST(JobStoreContract, AQueuedJobBecomesTheLastOneOfItsNewPriority) {
  for (const char* id : {"01", "02", "03"}) this->insert(id);
  this->insert("04", 1);
  EXPECT_TRUE(this->store_->set_priority("02", 1));
  EXPECT_THAT(this->window(), ElementsAre("01", "03", "04", "02"));
  EXPECT_EQ(this->store_->find("02")->priority, 1);
  EXPECT_EQ(this->store_->counts().queued, (std::array{0, 2, 2, 0}));
  ASSERT_TRUE(this->store_->claim("01", kNode, 5));
  EXPECT_FALSE(this->store_->set_priority("01", 3));
  EXPECT_FALSE(this->store_->set_priority("no such job", 3));
}

TYPED_TEST(JobStoreContract, JobsThatChangeTheirPriorityStayInTheOrderOfTheirMoves) {
  auto& store = *this->store_;
  for (const char* id : {"01", "02", "03", "04"}) this->insert(id);
  this->insert("05", 1);
  EXPECT_TRUE(store.set_priority("03", 1));
  EXPECT_TRUE(store.set_priority("01", 1));
  this->insert("06", 1);  // accepted after the moves
  EXPECT_THAT(this->window(), ElementsAre("02", "04", "05", "03", "01", "06"));
  EXPECT_THAT(this->recent({}), ElementsAre("06", "05", "04", "03", "02", "01"));  // as accepted
  ASSERT_TRUE(store.claim("01", kNode, 5));
  EXPECT_TRUE(store.set_priority("02", 1));
  ASSERT_TRUE(store.requeue("01", "", Requeue::kUncounted));  // it keeps its place
  EXPECT_THAT(this->window(), ElementsAre("04", "05", "03", "01", "06", "02"));
  EXPECT_TRUE(store.move_to_front("02"));
  EXPECT_TRUE(store.set_priority("02", 2));  // also no longer in front
  EXPECT_THAT(this->window(), ElementsAre("04", "02", "05", "03", "01", "06"));
  EXPECT_THAT(this->window({.oldest = 1, .clients = 5, .jobs_of_client = 9}),
              ElementsAre("04", "02", "05", "03", "01", "06"));
}

TYPED_TEST(JobStoreContract, TheOrderOfTheQueueIsReadInPages) {
  auto& store = *this->store_;
  EXPECT_TRUE(store.queue_page({}, 5).jobs.empty());
  EXPECT_TRUE(store.queue_page({}, 5).is_last);
  for (const char* id : {"01", "02", "03"}) this->insert(id);
  for (const char* id : {"04", "05"}) this->insert(id, 3);
  this->insert("06", 0);
  ASSERT_TRUE(store.move_to_front("03"));
  const auto first = store.queue_page({}, 3);
  EXPECT_THAT(ids(first.jobs), ElementsAre("04", "05", "03"));
  EXPECT_EQ(first.position, 1);
  EXPECT_FALSE(first.is_last);
  ASSERT_TRUE(store.claim("04", kNode, 5));
  const auto after = domain::place_of(first.jobs.back());
  const auto second = store.queue_page(after, 2);
  EXPECT_THAT(ids(second.jobs), ElementsAre("01", "02"));
  EXPECT_EQ(second.position, 3);  // one before them has left
  EXPECT_FALSE(second.is_last);
  ASSERT_TRUE(store.claim("03", kNode, 5));  // the place of a job that has left is one still
  EXPECT_THAT(ids(store.queue_page(after, 3).jobs), ElementsAre("01", "02", "06"));
  const auto last = store.queue_page(domain::place_of(second.jobs.back()), 3);
  EXPECT_THAT(ids(last.jobs), ElementsAre("06"));
  EXPECT_EQ(last.position, 4);
  EXPECT_TRUE(last.is_last);
}

TYPED_TEST(JobStoreContract, JobsThatNoOtherOneRepeatsAreFound) {
  auto& store = *this->store_;
  for (const char* id : {"01", "02", "03"}) this->insert(id);
  store.insert(job("04", 0, "other"));
  for (const char* id : {"01", "02", "04"}) this->end(id);
  const auto found = [&](const domain::QueueFilter& filter, int limit = 9) {
    return store.not_repeated(JobState::kCancelled, filter, limit);
  };
  EXPECT_THAT(found({}), ElementsAre("01", "02", "04"));
  EXPECT_THAT(found({}, 2), ElementsAre("01", "02"));
  EXPECT_THAT(found({.client = "other"}), ElementsAre("04"));
  EXPECT_THAT(found({.priority = 2}), ElementsAre("01", "02"));
  EXPECT_TRUE(found({.task = "sculpt"}).empty());
  EXPECT_TRUE(store.not_repeated(JobState::kFailed, {}, 9).empty());
  auto again = job("05");
  again.repeat_of = "01";
  store.insert(again);
  EXPECT_EQ(store.find("05")->repeat_of, "01");
  EXPECT_THAT(this->recent({.states = {JobState::kCancelled}, .not_repeated = true}),
              ElementsAre("04", "02"));
  EXPECT_THAT(found({}), ElementsAre("02", "04"));
  this->end("05");
  EXPECT_THAT(found({}), ElementsAre("02", "04", "05"));
}

TYPED_TEST(JobStoreContract, AQueuedJobMovesToTheFrontOfItsPriority) {
  for (const char* id : {"01", "02", "03"}) this->insert(id);
  this->insert("04", 3);
  EXPECT_TRUE(this->store_->move_to_front("02"));
  EXPECT_THAT(this->window(), ElementsAre("04", "02", "01", "03"));
  EXPECT_TRUE(this->store_->move_to_front("03"));
  EXPECT_THAT(this->window(), ElementsAre("04", "03", "02", "01"));
  EXPECT_THAT(this->window({.oldest = 1, .clients = 0}), ElementsAre("04", "03"));
  EXPECT_THAT(this->recent({}), ElementsAre("04", "03", "02", "01"));  // as accepted
  ASSERT_TRUE(this->store_->claim("01", kNode, 5));
  EXPECT_FALSE(this->store_->move_to_front("01"));
  EXPECT_FALSE(this->store_->move_to_front("no such job"));
  ASSERT_TRUE(this->store_->claim("03", kNode, 5));
  ASSERT_TRUE(this->store_->requeue("03", "", Requeue::kUncounted));
  EXPECT_THAT(this->window(), ElementsAre("04", "03", "02"));  // it keeps its place
}

TYPED_TEST(JobStoreContract, QueuedJobsThatMatchAreCancelledTogether) {
  this->store_->insert(job("01", 2, "a"));
  this->store_->insert(job("02", 2, "b"));
  this->store_->insert(job("03", 0, "a"));
  this->insert("04", 0, true);
  this->store_->insert(job("05", 2, "a"));
  ASSERT_TRUE(this->store_->claim("01", kNode, 5));
  std::int64_t event = 40;
  const auto cancel = [&](const domain::QueueFilter& filter) {
    return this->store_->cancel_queued(filter, 9, [&event] { return event++; });
  };
  EXPECT_TRUE(cancel({.client = "a", .priority = 3}).empty());
  const auto of_client = cancel({.client = "a"});
  EXPECT_THAT(ids(of_client), ElementsAre("03", "05"));
  EXPECT_EQ(of_client[0].last_event, 40);
  EXPECT_EQ(of_client[1].last_event, 41);
  const auto cancelled = *this->store_->find("05");
  EXPECT_EQ(cancelled.state, JobState::kCancelled);
  EXPECT_EQ(cancelled.finished_ms, 9);
  EXPECT_EQ(cancelled.last_event, 41);
  EXPECT_THAT(ids(cancel({.task = "sculpt", .priority = 0})), ElementsAre("04"));
  EXPECT_THAT(ids(cancel({})), ElementsAre("02"));
  EXPECT_TRUE(cancel({}).empty());
  EXPECT_EQ(this->store_->find("01")->state, JobState::kRunning);
  EXPECT_EQ(this->store_->counts(), (domain::QueueCounts{.queued = {}, .running = 1}));
}

TYPED_TEST(JobStoreContract, APauseChangesNoJob) {
  this->insert("01");
  this->store_->set_paused(2, true);
  this->store_->set_paused(2, true);
  this->store_->set_paused(0, true);
  EXPECT_EQ(this->store_->paused(), (std::array{true, false, true, false}));
  EXPECT_EQ(this->store_->find("01")->state, JobState::kQueued);
  EXPECT_THAT(this->window(), ElementsAre("01"));
  this->store_->set_paused(2, false);
  this->store_->set_paused(1, false);
  EXPECT_EQ(this->store_->paused(), (std::array{true, false, false, false}));
}

TYPED_TEST(JobStoreContract, OldEndedJobsArePruned) {
  for (const char* id : {"01", "02", "03", "04", "05", "06"}) this->insert(id);
  ASSERT_TRUE(this->store_->claim("02", kNode, 1));
  this->end("06", 5);
  this->end("05", 20);
  this->end("04", 5);
  this->end("03", 5);
  EXPECT_TRUE(this->store_->prune(4, 10).empty());
  EXPECT_TRUE(this->store_->prune(0, 5).empty());
  EXPECT_THAT(this->store_->prune(2, 10), ElementsAre("03", "04"));
  EXPECT_TRUE(this->store_->prune(2, 10).empty());
  EXPECT_THAT(this->recent({}), ElementsAre("06", "05", "02", "01"));
  EXPECT_THAT(this->store_->prune(0, 100), ElementsAre("05", "06"));
  EXPECT_THAT(this->recent({}), ElementsAre("02", "01"));
}

TYPED_TEST(JobStoreContract, ListsAreFilteredFromTheNewestOn) {
  this->insert("01");
  this->insert("02", 2, true);
  this->insert("03");
  ASSERT_TRUE(this->store_->claim("01", kNode, 5));
  EXPECT_THAT(this->recent({}), ElementsAre("03", "02", "01"));
  EXPECT_THAT(this->recent({.limit = 1}), ElementsAre("03"));
  EXPECT_THAT(this->recent({.before = "03"}), ElementsAre("02", "01"));
  EXPECT_THAT(this->recent({.states = {JobState::kRunning}}), ElementsAre("01"));
  EXPECT_THAT(this->recent({.task = "generate"}), ElementsAre("03", "01"));
  EXPECT_THAT(this->recent({.task = "sculpt"}), ElementsAre("02"));
  EXPECT_TRUE(this->recent({.before = "no such job"}).empty());
  this->store_->insert(job("04", 2, "other"));
  EXPECT_THAT(this->recent({.client = "other"}), ElementsAre("04"));
  EXPECT_THAT(this->recent({.task = "generate", .before = "04", .client = "cli"}),
              ElementsAre("03", "01"));
}

TYPED_TEST(JobStoreContract, AJobIsClaimedOnce) {
  this->insert("01");
  const auto claimed = this->store_->claim("01", kNode, 5);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->state, JobState::kRunning);
  EXPECT_EQ(claimed->attempt, 1);
  EXPECT_EQ(claimed->input.attachments.at("image"), "abc");
  EXPECT_FALSE(this->store_->claim("01", kNode, 6));
  EXPECT_FALSE(this->store_->claim("02", kNode, 6));
  const auto job = this->store_->find("01");
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, JobState::kRunning);
  EXPECT_EQ(job->attempt, 1);
  EXPECT_EQ(job->started_ms, 5);
  EXPECT_THAT(ids(this->store_->running(kNode)), ElementsAre("01"));
}

TYPED_TEST(JobStoreContract, ARequeueCountsAsRequested) {
  this->insert("01");
  const auto again = [&](Requeue counted) {
    EXPECT_TRUE(this->store_->claim("01", kNode, 5));
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
  ASSERT_TRUE(this->store_->claim("01", kNode, 5));
  EXPECT_TRUE(this->store_->finish(ended, JobState::kRunning));
  EXPECT_FALSE(this->store_->finish(ended, JobState::kRunning));
  EXPECT_FALSE(this->store_->claim("01", kNode, 6));
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
  job.input.steps[0].input = job.input.steps[0].input.with_text("model", "enlarger");
  job.input.steps[1].input = job.input.steps[1].input.with_text("model", "refiner");
  this->store_->insert(job);
  EXPECT_EQ(this->store_->window({}).at(0).model, "enlarger");
  job.finished_steps = {{.outputs = {{"picture", "large", "image/png", {}}},
                         .used = card::TaskFacts(card::upscale_task(), {{"scale", 2}}),
                         .timing = {{"run_ms", 3}}}};
  EXPECT_FALSE(this->store_->keep_steps(job));  // it does not run
  ASSERT_TRUE(this->store_->claim("01", kNode, 5));
  EXPECT_TRUE(this->store_->running(kNode).at(0).finished_steps.empty());
  EXPECT_TRUE(this->store_->keep_steps(job));
  ASSERT_TRUE(this->store_->requeue("01", "again", Requeue::kUncounted));
  const auto waits = this->store_->window({}).at(0);
  EXPECT_EQ(waits.finished_steps, 1);
  EXPECT_EQ(waits.model, "refiner");
  auto found = *this->store_->find("01");
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
  ASSERT_TRUE(this->store_->claim("01", kNode, 6));
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
