#include "storage/sqlite/sqlite_job_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <thread>

#include "card/tasks/generate.h"
#include "platform/error.h"
#include "platform/utf8.h"
#include "tests/doubles/first_table.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::JobState;
using domain::Requeue;

constexpr auto kNode = "local";

class JobStoreTest : public testing::Test {
 protected:
  JobStoreTest() {
    std::filesystem::remove_all(folder());
    std::filesystem::create_directories(folder());
  }
  ~JobStoreTest() override { std::filesystem::remove_all(folder()); }

  static std::string folder() {
    return testing::TempDir() + "jobs-" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  static std::string path() { return folder() + "/atelier.db"; }
};

Job job(const std::string& id, int priority = 2) {
  Job result;
  result.id = id;
  result.client = "cli";
  result.priority = priority;
  result.created_ms = 1;
  card::GenerationInput input;
  input.prompt = "a \"red\" circle, ünïcode 🎨\n";
  input.width = 128;
  input.seed = 18446744073709551615ULL;
  input.guidance = 7.25;
  result.input.parameters = card::TaskInput::of(card::generate_task(), input);
  result.input.attachments["image"] = "abc";
  return result;
}

std::vector<std::string> ids(const auto& jobs) {
  std::vector<std::string> result;
  for (const auto& entry : jobs) result.push_back(entry.id);
  return result;
}

TEST_F(JobStoreTest, AJobSurvivesTheProcess) {
  {
    SqliteJobStore(path()).insert(job("01"));
  }
  SqliteJobStore store(path());
  const auto found = store.find("01");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, JobState::kQueued);
  EXPECT_EQ(found->client, "cli");
  const auto& input = found->input.parameters.as<card::GenerationInput>();
  EXPECT_EQ(input.prompt, job("01").input.parameters.text("prompt"));
  EXPECT_EQ(input.width, 128);
  EXPECT_FALSE(input.height);
  EXPECT_FALSE(input.negative_prompt);
  EXPECT_EQ(input.seed, 18446744073709551615ULL);
  EXPECT_EQ(input.guidance, 7.25);
  EXPECT_THAT(found->input.attachments, testing::ElementsAre(testing::Pair("image", "abc")));
  EXPECT_FALSE(store.find("02"));
}

TEST_F(JobStoreTest, TheQueueIsOrderedByPriorityThenAge) {
  SqliteJobStore store(path());
  for (const auto& [id, priority] : {std::pair{"01", 0}, {"02", 2}, {"03", 3}, {"04", 2}}) {
    store.insert(job(id, priority));
  }
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("03", "02", "04", "01"));
  EXPECT_THAT(ids(store.recent({.limit = 3})), testing::ElementsAre("04", "03", "02"));
  EXPECT_EQ(store.counts().queued[2], 2);
}

TEST_F(JobStoreTest, ListsAreFilteredByStateAndByAge) {
  SqliteJobStore store(path());
  for (const char* id : {"01", "02", "03", "04"}) store.insert(job(id));
  ASSERT_TRUE(store.claim("02", kNode, 5));
  auto ended = *store.find("04");
  ended.state = JobState::kCancelled;
  ASSERT_TRUE(store.finish(ended, JobState::kQueued));
  using testing::ElementsAre;
  EXPECT_THAT(ids(store.recent({.states = {JobState::kQueued}})), ElementsAre("03", "01"));
  EXPECT_THAT(ids(store.recent({.states = {JobState::kQueued, JobState::kRunning}})),
              ElementsAre("03", "02", "01"));
  EXPECT_THAT(ids(store.recent({.limit = 2, .before = "04"})), ElementsAre("03", "02"));
  EXPECT_THAT(ids(store.recent({.states = {JobState::kQueued}, .before = "03"})),
              ElementsAre("01"));
  EXPECT_TRUE(store.recent({.before = "' OR 1 --"}).empty());
}

TEST_F(JobStoreTest, OneClaimSucceeds) {
  SqliteJobStore store(path());
  store.insert(job("01"));
  std::atomic<int> wins = 0;
  std::vector<std::thread> claimants;
  for (int i = 0; i < 4; ++i) {
    claimants.emplace_back([&] { wins += store.claim("01", kNode, 5) ? 1 : 0; });
  }
  for (auto& claimant : claimants) claimant.join();
  EXPECT_EQ(wins, 1);
  const auto running = store.running(kNode);
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(running[0].attempt, 1);
  EXPECT_EQ(running[0].started_ms, 5);
}

TEST_F(JobStoreTest, ARepeatedJobCountsItsAttempts) {
  SqliteJobStore store(path());
  store.insert(job("01"));
  EXPECT_FALSE(store.requeue("01", "not running", Requeue::kAfterAttempt));
  ASSERT_TRUE(store.claim("01", kNode, 5));
  ASSERT_TRUE(store.requeue("01", "the worker died", Requeue::kAfterAttempt));
  EXPECT_EQ(store.find("01")->reason, "the worker died");
  ASSERT_TRUE(store.claim("01", kNode, 6));
  EXPECT_EQ(store.find("01")->attempt, 2);
}

TEST_F(JobStoreTest, AStopIsNotAnAttemptAndCrashesOfTheStationAreCountedSeparately) {
  SqliteJobStore store(path());
  store.insert(job("01"));
  ASSERT_TRUE(store.claim("01", kNode, 5));
  ASSERT_TRUE(store.requeue("01", "stopped", Requeue::kUncounted));
  EXPECT_EQ(store.find("01")->attempt, 0);
  EXPECT_EQ(store.find("01")->station_crashes, 0);
  ASSERT_TRUE(store.claim("01", kNode, 6));
  ASSERT_TRUE(store.requeue("01", "crashed", Requeue::kAfterStationCrash));
  EXPECT_EQ(store.find("01")->attempt, 0);
  EXPECT_EQ(store.find("01")->station_crashes, 1);
  ASSERT_TRUE(store.claim("01", kNode, 7));
  EXPECT_EQ(store.running(kNode).at(0).attempt, 1);
  EXPECT_EQ(store.running(kNode).at(0).station_crashes, 1);
}

TEST_F(JobStoreTest, AFileOfTheFirstVersionIsBroughtUpToDate) {
  Database(path()).execute(std::string(kFirstTable) + "PRAGMA user_version=1;");
  SqliteJobStore store(path());
  EXPECT_EQ(store.find("01")->attempt, 1);
  ASSERT_TRUE(store.claim("01", kNode, 5));
  EXPECT_TRUE(store.requeue("01", "crashed", Requeue::kAfterStationCrash));
  EXPECT_EQ(store.find("01")->station_crashes, 1);
}

TEST_F(JobStoreTest, AFileOfTheSecondVersionKeepsItsOrderAndItsEvents) {
  constexpr std::int64_t kEnd = 1'700'000'000'000;
  Database(path()).execute(
      std::string(kFirstTable) +
      "ALTER TABLE jobs ADD COLUMN station_crashes INTEGER NOT NULL DEFAULT 0;"
      "INSERT INTO jobs VALUES ('04','generate','api','queued',2,1,1,0,0,'','{}','','','',2);"
      "INSERT INTO jobs VALUES ('03','generate','api','cancelled',2,1,1,0,1700000000000,'','{}',"
      "'','','',0); PRAGMA user_version=2;");
  SqliteJobStore store(path());
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("01", "04"));
  store.insert(job("00"));  // by a clock that was set back
  EXPECT_THAT(ids(store.recent({})), testing::ElementsAre("00", "04", "03", "01"));
  EXPECT_EQ(store.find("04")->station_crashes, 2);
  EXPECT_EQ(store.find("03")->last_event, kEnd * 1000);
  EXPECT_GT(store.reserve_events(1), kEnd * 1000);
}

// Written by the programs of those schemas (tests/data/databases/README.md).
TEST_F(JobStoreTest, ADatabaseOfSchema3KeepsItsJobs) {
  std::filesystem::copy_file(std::string(ATELIER_SOURCE_DIR) + "/tests/data/databases/schema3.db",
                             path());
  SqliteJobStore store(path());
  const auto jobs = store.recent({.task = "generate"});
  ASSERT_EQ(jobs.size(), 5U);
  const auto& first = jobs[4];
  const auto& input = first.input.parameters.as<card::GenerationInput>();
  EXPECT_EQ(input.prompt, "a red circle, ünïcode 🎨");
  EXPECT_EQ(input.seed, 18446744073709551615ULL);
  EXPECT_EQ(input.steps, 3);
  EXPECT_TRUE(first.input.attachments.empty());
  ASSERT_TRUE(first.result);
  EXPECT_EQ(first.result->artifacts().size(), 2U);
  EXPECT_EQ(first.result->outputs[0].media_type, "image/png");
  EXPECT_EQ(first.result->used.as<card::GenerationUsed>().seed, 18446744073709551615ULL);
  EXPECT_TRUE(first.result->timing.contains("denoise_ms"));
  EXPECT_THAT(card::roles_of(jobs[3].input.attachments), testing::ElementsAre("image"));
  EXPECT_EQ(jobs[3].result->used.text("matte"), "#102030");
  EXPECT_THAT(card::roles_of(jobs[2].input.attachments), testing::ElementsAre("image", "mask"));
  EXPECT_FALSE(jobs[2].input.parameters.as<card::GenerationInput>().keep_outside);
  EXPECT_EQ(jobs[1].state, JobState::kQueued);
  EXPECT_EQ(jobs[0].input.parameters.text("prompt"), "waits");
  EXPECT_THROW(store.find("damaged"), Error);
}

TEST_F(JobStoreTest, ADatabaseOfSchema4KeepsItsJobs) {
  std::filesystem::copy_file(std::string(ATELIER_SOURCE_DIR) + "/tests/data/databases/schema4.db",
                             path());
  SqliteJobStore store(path());
  const auto jobs = store.recent({});
  ASSERT_EQ(jobs.size(), 8U);
  EXPECT_EQ(jobs[0].state, JobState::kCancelled);
  EXPECT_EQ(jobs[1].state, JobState::kQueued);
  EXPECT_EQ(jobs[2].state, JobState::kRunning);
  EXPECT_EQ(jobs[2].input.parameters.text("prompt"), "runs");
  EXPECT_EQ(jobs[3].input.task(), "upscale");
  ASSERT_TRUE(jobs[4].failure);
  EXPECT_EQ(jobs[4].failure->code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(jobs[4].failure->field, "");
  EXPECT_EQ(jobs[5].input.parameters.members().at("scale"), 2);
  ASSERT_TRUE(jobs[7].result);
  EXPECT_EQ(jobs[7].result->artifacts().size(), 2U);
  EXPECT_EQ(jobs[7].result->used.as<card::GenerationUsed>().seed, 18446744073709551615ULL);
  EXPECT_THAT(ids(store.running(kNode)), testing::ElementsAre(jobs[2].id));
  for (const auto& each : jobs) {
    EXPECT_TRUE(each.input.steps.empty() && each.finished_steps.empty());
  }
}

TEST_F(JobStoreTest, ADatabaseOfSchema6KeepsItsQueue) {
  std::filesystem::copy_file(std::string(ATELIER_SOURCE_DIR) + "/tests/data/databases/schema6.db",
                             path());
  SqliteJobStore store(path());
  const auto jobs = store.recent({});
  ASSERT_EQ(jobs.size(), 9U);  // and one that cannot be read
  const auto running = store.running("local");
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(running[0].finished_steps.size(), 1U);
  ASSERT_EQ(store.counts(), (domain::QueueCounts{.queued = {1, 1, 1, 1}, .running = 1}));
  ASSERT_TRUE(store.requeue(running[0].id, "again", Requeue::kAfterStationCrash));
  const auto window = store.window({});
  ASSERT_EQ(window.size(), 5U);
  std::vector<int> priorities;
  for (const auto& waiting : window) {
    priorities.push_back(waiting.priority);
    EXPECT_EQ(waiting.client, "api");
    EXPECT_EQ(waiting.model, "fake");
    EXPECT_GT(waiting.created_ms, 0);
    EXPECT_EQ(waiting.finished_steps, waiting.id == running[0].id ? 1 : 0);
  }
  EXPECT_THAT(priorities, testing::ElementsAre(3, 2, 2, 1, 0));
  EXPECT_EQ(window[1].id, running[0].id);
  const auto& first = jobs[8];
  ASSERT_TRUE(first.result);
  EXPECT_EQ(first.state, JobState::kSucceeded);
  EXPECT_EQ(first.result->used.as<card::GenerationUsed>().seed, 18446744073709551615ULL);
  EXPECT_EQ(store.paused(), (std::array{false, false, false, false}));
  EXPECT_EQ(store.prune(2, std::numeric_limits<std::int64_t>::max()).size(), 2U);
}

// A running job of two steps, of which the first has made the artifact `made`.
Job composite_job(const std::string& id, const std::string& made) {
  auto result = job(id);
  result.input.steps = {{.title = "Enlarge", .input = result.input.parameters},
                        {.title = "Refine", .input = result.input.parameters}};
  result.finished_steps = {
      {.outputs = {{"picture", made, "image/png", {}}}, .used = {}, .timing = {}}};
  return result;
}

TEST_F(JobStoreTest, PicturesOfStepsAreNamedUntilTheJobEnds) {
  const std::string made(32, 'b');
  SqliteJobStore store(path());
  auto running = composite_job("01", made);
  store.insert(running);
  ASSERT_TRUE(store.claim("01", kNode, 5));
  EXPECT_THAT(store.named_artifacts(), testing::Optional(testing::IsEmpty()));
  ASSERT_TRUE(store.keep_steps(running));
  EXPECT_THAT(store.named_artifacts(), testing::Optional(testing::ElementsAre(made)));
  running.state = JobState::kCancelled;
  ASSERT_TRUE(store.finish(running, JobState::kRunning));
  EXPECT_THAT(store.named_artifacts(), testing::Optional(testing::IsEmpty()));
}

TEST_F(JobStoreTest, AJobThatRunsWithAllOfItsStepsFinishedIsDamaged) {
  SqliteJobStore store(path());
  auto running = composite_job("01", "a");
  store.insert(running);
  ASSERT_TRUE(store.claim("01", kNode, 5));
  running.finished_steps.resize(2);
  ASSERT_TRUE(store.keep_steps(running));
  EXPECT_TRUE(store.running(kNode).empty());
}

TEST_F(JobStoreTest, ATerminalStateIsNeverLeft) {
  SqliteJobStore store(path());
  auto ended = job("01");
  store.insert(ended);
  ASSERT_TRUE(store.claim("01", kNode, 5));
  ended.state = JobState::kSucceeded;
  ended.finished_ms = 9;
  card::GenerationUsed used;
  used.sampler = "DPM++ 2M";
  used.strength = 0.5;
  ended.result = domain::JobResult{.outputs = {{"picture", "a", "image/png", {}},
                                               {"picture", "b", "image/png", {}},
                                               {"labels", "", "", {{"ring", 0.5}}}},
                                   .used = card::TaskFacts::of(card::generate_task(), used),
                                   .timing = {{"denoise_ms", 12.5}}};
  EXPECT_TRUE(store.finish(ended, JobState::kRunning));
  EXPECT_FALSE(store.finish(ended, JobState::kRunning));
  EXPECT_FALSE(store.claim("01", kNode, 6));
  EXPECT_FALSE(store.requeue("01", "no", Requeue::kUncounted));
  const auto found = store.find("01");
  ASSERT_TRUE(found && found->result);
  EXPECT_THAT(found->result->artifacts(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(found->result->outputs[2].value.at("ring"), 0.5);
  EXPECT_EQ(found->result->used.as<card::GenerationUsed>().sampler, "DPM++ 2M");
  EXPECT_EQ(found->result->used.as<card::GenerationUsed>().strength, 0.5);
  EXPECT_EQ(found->result->timing.at("denoise_ms"), 12.5);
}

TEST_F(JobStoreTest, AFailureKeepsItsSentence) {
  SqliteJobStore store(path());
  auto failed = job("01");
  store.insert(failed);
  failed.state = JobState::kFailed;
  failed.failure = domain::JobFailure{ErrorCode::kWorkerLost, "the worker died twice", "steps"};
  ASSERT_TRUE(store.finish(failed, JobState::kQueued));
  const auto found = store.find("01");
  ASSERT_TRUE(found && found->failure);
  EXPECT_EQ(found->failure->code, ErrorCode::kWorkerLost);
  EXPECT_EQ(found->failure->sentence, "the worker died twice");
  EXPECT_EQ(found->failure->field, "steps");
}

TEST_F(JobStoreTest, TheQueueSurvivesTheProcess) {
  {
    SqliteJobStore store(path());
    for (const char* id : {"01", "02", "03"}) store.insert(job(id), {.request = {id}});
    ASSERT_TRUE(store.move_to_front("03"));
    ASSERT_TRUE(store.claim("01", "another node", 5));
    store.set_paused(2, true);
  }
  SqliteJobStore store(path());
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("03", "02"));
  EXPECT_TRUE(store.running(kNode).empty());
  EXPECT_THAT(ids(store.running("another node")), testing::ElementsAre("01"));
  EXPECT_EQ(store.counts(), (domain::QueueCounts{.queued = {0, 0, 2, 0}, .running = 1}));
  EXPECT_EQ(store.paused(), (std::array{false, false, true, false}));
  EXPECT_EQ(store.insert(job("04"), {.request = {"02"}}).id, "02");
}

TEST_F(JobStoreTest, ReadersDoNotWaitForAWriter) {
  SqliteJobStore store(path());
  store.insert(job("01"));
  Database other(path());
  other.execute("BEGIN IMMEDIATE");
  std::atomic<bool> written = false;
  std::thread writer([&] {
    store.insert(job("02"));
    written = true;
  });
  EXPECT_TRUE(store.find("01"));
  EXPECT_FALSE(store.find("02"));
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("01"));
  EXPECT_THAT(ids(store.recent({})), testing::ElementsAre("01"));
  EXPECT_EQ(store.counts().queued[2], 1);
  EXPECT_FALSE(written);
  other.execute("COMMIT");
  writer.join();
  EXPECT_TRUE(store.find("02"));
}

// Made in one statement: 100,000 jobs of one client, then some of others.
TEST_F(JobStoreTest, TheWindowShowsOtherClientsBehindAHundredThousandJobsOfOne) {
  SqliteJobStore store(path());
  store.insert(job("first", 0));
  Database(path()).execute(
      "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
      "INSERT INTO jobs (id, task, client, state, priority, attempt, created_ms, started_ms, "
      "finished_ms, reason, input, result, failure_code, failure_sentence, sequence, place) "
      "SELECT printf('%08d', i), task, client, state, priority, attempt, created_ms, 0, 0, '', "
      "input, '', '', '', i, i << 20 FROM n JOIN jobs ON id = 'first'");
  SqliteJobStore full(path());
  EXPECT_EQ(full.counts().queued[0], 100'000);
  const domain::WindowSize size;
  for (int client = 0; client < size.clients + 5; ++client) {
    auto late = job("late" + std::to_string(client), 0);
    late.client = "client" + std::to_string(client);
    full.insert(late);
  }
  full.insert(job("urgent", 3));
  auto quickest = std::chrono::steady_clock::duration::max();
  std::set<std::string> clients;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto window = full.window(size);
    quickest = std::min(quickest, std::chrono::steady_clock::now() - start);
    ASSERT_FALSE(window.empty());
    EXPECT_EQ(window[0].id, "urgent");
    EXPECT_EQ(window[1].id, "first");
    EXPECT_LE(std::ssize(window), 1 + size.oldest + size.clients * size.jobs_of_client);
    for (const auto& waiting : window) clients.insert(waiting.client);
  }
  // More clients than one window shows are shown in turn.
  EXPECT_EQ(std::ssize(clients), size.clients + 6);
  EXPECT_LT(quickest, std::chrono::milliseconds(2));
}

TEST_F(JobStoreTest, TheOrderIsThatOfAcceptanceNotThatOfTheIds) {
  for (const char* id : {"09", "05", "07"}) SqliteJobStore(path()).insert(job(id));
  SqliteJobStore store(path());
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("09", "05", "07"));
  EXPECT_THAT(ids(store.recent({})), testing::ElementsAre("07", "05", "09"));
  EXPECT_THAT(ids(store.recent({.before = "07"})), testing::ElementsAre("05", "09"));
  EXPECT_TRUE(store.recent({.before = "no such job"}).empty());
}

TEST_F(JobStoreTest, NoEventIdIsGivenTwice) {
  const auto first = SqliteJobStore(path()).reserve_events(100);
  SqliteJobStore store(path());
  const auto second = store.reserve_events(100);
  EXPECT_EQ(second, first + 100);
  EXPECT_EQ(store.reserve_events(1), second + 100);
}

std::string sentence_of(const std::function<void()>& what, ErrorCode code) {
  try {
    what();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST_F(JobStoreTest, ARowThatCannotBeReadIsSetAsideAndTheRestGoesOn) {
  for (const char* damage : {"input = '{\"warnings\":7}'", "input = '{', client = x'ff'",
                             "input = x'7b22ff'", "result = '[1]'", "state = 'asleep'"}) {
    SCOPED_TRACE(damage);
    std::filesystem::remove_all(folder());
    std::filesystem::create_directories(folder());
    SqliteJobStore store(path());
    for (const char* id : {"01", "02", "03"}) store.insert(job(id));
    Database(path()).execute("UPDATE jobs SET " + std::string(damage) + " WHERE id = '01'");
    EXPECT_THAT(ids(store.recent({})), testing::ElementsAre("03", "02"));
    EXPECT_THAT(ids(store.window({})), testing::ElementsAre("02", "03"));
    EXPECT_EQ(store.counts().queued[2], 2);
    const auto sentence = sentence_of([&] { store.find("01"); }, ErrorCode::kInternal);
    EXPECT_THAT(sentence, testing::HasSubstr("job 01 cannot be read"));
    EXPECT_EQ(sentence_of([&] { store.find("01"); }, ErrorCode::kInternal), sentence);
    EXPECT_TRUE(store.find("02"));
    Database(path()).execute(
        "UPDATE jobs SET input = '{}', result = '', state = 'queued' WHERE id = '01'");
    EXPECT_TRUE(SqliteJobStore(path()).find("01"));  // the next start tries again
  }
}

TEST_F(JobStoreTest, ARowThatCannotBeReadIsSetAsideWhenItIsClaimed) {
  SqliteJobStore store(path());
  for (const char* id : {"01", "02"}) store.insert(job(id));
  Database(path()).execute("UPDATE jobs SET input = '{' WHERE id = '01'");
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("01", "02"));  // it is not read for that
  EXPECT_FALSE(store.claim("01", kNode, 5));
  EXPECT_THAT(ids(store.window({})), testing::ElementsAre("02"));
  EXPECT_EQ(store.counts(), (domain::QueueCounts{.queued = {0, 0, 1, 0}, .running = 0}));
  EXPECT_THROW(store.find("01"), Error);
  EXPECT_FALSE(store.claim("01", kNode, 5));
  Database(path()).execute("UPDATE jobs SET input = '{}' WHERE id = '01'");
  SqliteJobStore next(path());
  EXPECT_EQ(next.find("01")->state, JobState::kQueued);
  EXPECT_EQ(next.find("01")->attempt, 0);
  EXPECT_EQ(next.counts().queued[2], 2);
}

TEST_F(JobStoreTest, ARunningRowThatCannotBeReadDoesNotStopTheRecovery) {
  SqliteJobStore store(path());
  for (const char* id : {"01", "02"}) {
    store.insert(job(id));
    ASSERT_TRUE(store.claim(id, kNode, 5));
  }
  Database(path()).execute("UPDATE jobs SET input = '' WHERE id = '01'");
  EXPECT_THAT(ids(store.running(kNode)), testing::ElementsAre("02"));
}

// Text of any bytes can be written and read.
TEST_F(JobStoreTest, AnyTextCanBeWrittenAndRead) {
  std::mt19937 random(3);
  const auto bytes = [&] {
    std::string text;
    for (auto size = random() % 40; size > 0; --size) text += static_cast<char>(random());
    return text;
  };
  SqliteJobStore store(path());
  for (int i = 0; i < 80; ++i) {
    auto written = job("job" + std::to_string(i));
    written.client = bytes();
    written.reason = bytes();
    card::GenerationInput parameters;
    parameters.prompt = bytes();
    parameters.negative_prompt = bytes();
    parameters.sampler = bytes();
    written.input.parameters = card::TaskInput::of(card::generate_task(), parameters);
    written.input.warnings = {bytes(), platform::cut(bytes(), 7)};
    store.insert(written);
    ASSERT_TRUE(store.claim(written.id, kNode, 5));
    const auto reason = bytes();
    ASSERT_TRUE(store.requeue(written.id, reason, Requeue::kAfterAttempt));
    auto found = store.find(written.id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->client, platform::valid_utf8(written.client));
    EXPECT_EQ(found->reason, platform::valid_utf8(reason));
    EXPECT_EQ(found->input.parameters.text("prompt"), platform::valid_utf8(parameters.prompt));
    found->state = i % 2 == 0 ? JobState::kFailed : JobState::kSucceeded;
    const auto sentence = bytes();
    found->failure = domain::JobFailure{ErrorCode::kInternal, sentence};
    found->result.emplace();
    card::GenerationUsed used;
    used.prompt = bytes();
    used.model = bytes();
    found->result->used = card::TaskFacts::of(card::generate_task(), used);
    found->result->timing["denoise_ms"] = std::numeric_limits<double>::infinity();
    ASSERT_TRUE(store.finish(*found, JobState::kQueued));
    const auto ended = store.find(written.id);
    ASSERT_TRUE(ended);
    if (i % 2 == 0) {
      ASSERT_TRUE(ended->failure);
      EXPECT_EQ(ended->failure->sentence, platform::valid_utf8(sentence));
    }
  }
  EXPECT_EQ(store.recent({.limit = 1000}).size(), 80U);
}

TEST_F(JobStoreTest, TheArtifactsThatJobsNameAreFoundInUnreadableRowsToo) {
  SqliteJobStore store(path());
  EXPECT_FALSE(store.named_artifacts());  // nothing is known: the file may be a new one
  auto named = job("01");
  named.input.attachments["image"] = std::string(32, 'a');
  store.insert(named);
  named.id = "02";
  named.input.attachments["mask"] = std::string(32, '7');
  store.insert(named);
  Database(path()).execute("UPDATE jobs SET input = '{' || input WHERE id = '02'");
  EXPECT_THAT(store.named_artifacts(),
              testing::Optional(testing::ElementsAre(std::string(32, '7'), std::string(32, 'a'))));
}

TEST_F(JobStoreTest, DamageOfTheFileIsAnInternalError) {
  {
    SqliteJobStore store(path());
    for (int i = 0; i < 50; ++i) store.insert(job("job" + std::to_string(i)));
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(8192, '\xff');
  }
  EXPECT_THAT(sentence_of([] { SqliteJobStore(path()).recent({}); }, ErrorCode::kInternal),
              testing::HasSubstr("move the file away"));
}

TEST_F(JobStoreTest, AFileOfANewerVersionIsRefused) {
  {
    Database(path()).execute("PRAGMA user_version=99");
  }
  try {
    SqliteJobStore store(path());
    FAIL() << "it was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("newer version"));
  }
}

TEST_F(JobStoreTest, AFileThatIsNotADatabaseIsRefusedWithASentence) {
  std::filesystem::create_directories(path());  // a folder of that name
  EXPECT_THROW(SqliteJobStore store(path()), Error);
}

}  // namespace
}  // namespace atelier::storage
