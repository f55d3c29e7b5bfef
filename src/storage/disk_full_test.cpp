// Every write of the stores with a disk that becomes full before or during it: the write succeeds,
// or fails with a sentence and changes nothing; it succeeds once there is space.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "card/tasks/generate.h"
#include "faulty_disk.h"
#include "platform/error.h"
#include "storage/disk/artifact_folder.h"
#include "storage/sqlite/sqlite_job_store.h"
#include "tests/doubles/first_table.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::JobState;
using domain::Requeue;

constexpr auto kNode = "local";
constexpr std::int64_t kStep = 1500;  // bytes; pages have 4096

Job job(const std::string& id) {
  Job result;
  result.id = id;
  card::GenerationInput input;
  input.prompt = std::string(5000, 'p');  // more than a page
  result.input.parameters = card::TaskInput::of(card::generate_task(), input);
  return result;
}

class DiskFull : public testing::Test {
 protected:
  DiskFull() { clear(); }
  ~DiskFull() override {
    faulty_disk::leave(faulty_disk::kNoLimit);
    std::filesystem::remove_all(folder_);
  }

  void clear() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  std::string database() const { return (folder_ / "atelier.db").string(); }

  // Whether it was done; else it was refused with a sentence.
  static bool attempt(const std::function<void()>& write) {
    std::string sentence;
    try {
      write();
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInternal);
      sentence = error.what();
    }
    EXPECT_THAT(sentence, testing::HasSubstr("free some"));
    return false;
  }

  // `write` with so little space, more each time, until it succeeds. `before` creates the state
  // again each time; `done` says, from the files alone, whether the write is there.
  void with_less_and_less_space(const std::function<void()>& before,
                                const std::function<void()>& write,
                                const std::function<bool()>& done) {
    int refused = 0;
    for (std::int64_t space = 0;; space += kStep) {
      SCOPED_TRACE(space);
      clear();
      before();
      faulty_disk::leave(space);
      const bool succeeded = attempt(write);
      faulty_disk::leave(faulty_disk::kNoLimit);
      EXPECT_EQ(done(), succeeded);
      if (succeeded) break;
      ++refused;
      write();
      EXPECT_TRUE(done());
    }
    EXPECT_GT(refused, 0);
  }

  // A write to an open store that holds a queued job "q" and a running job "r".
  void change(const std::function<void(SqliteJobStore&)>& write,
              const std::function<bool(SqliteJobStore&)>& done) {
    std::unique_ptr<SqliteJobStore> store;
    with_less_and_less_space(
        [&] {
          store = std::make_unique<SqliteJobStore>(database());
          store->insert(job("q"));
          store->insert(job("r"));
          ASSERT_TRUE(store->claim("r", kNode, 5));
        },
        [&] { write(*store); },
        [&] {
          SqliteJobStore reader(database());
          EXPECT_EQ(store->counts(), reader.counts());
          return done(reader);
        });
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + "disk-full-" +
      testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(DiskFull, ANewDatabaseIsCompleteOrRefused) {
  with_less_and_less_space([] {}, [&] { SqliteJobStore store(database()); },
                           [&] {
                             Database file(database());
                             Statement version(file, "PRAGMA user_version");
                             version.step();
                             return version.integer(0) > 0;
                           });
}

TEST_F(DiskFull, AnOldDatabaseIsBroughtUpToDateOrStaysOld) {
  const auto version = [&] {
    Database file(database());
    Statement row(file, "PRAGMA user_version");
    row.step();
    return row.integer(0);
  };
  with_less_and_less_space(
      [&] { Database(database()).execute(std::string(kFirstTable) + "PRAGMA user_version=1;"); },
      [&] { SqliteJobStore store(database()); }, [&] { return version() > 1; });
  EXPECT_TRUE(SqliteJobStore(database()).find("01"));
}

TEST_F(DiskFull, AJobIsAcceptedOrNot) {
  change([](auto& store) { store.insert(job("new")); },
         [](auto& store) { return store.find("new").has_value(); });
}

TEST_F(DiskFull, AClaimIsMadeOrNot) {
  change([](auto& store) { EXPECT_TRUE(store.claim("q", kNode, 5)); },
         [](auto& store) { return store.find("q")->state == JobState::kRunning; });
}

TEST_F(DiskFull, AJobGoesBackToTheQueueOrGoesOnRunning) {
  change([](auto& store) { EXPECT_TRUE(store.requeue("r", "again", Requeue::kAfterAttempt)); },
         [](auto& store) { return store.find("r")->state == JobState::kQueued; });
}

TEST_F(DiskFull, AFinishedStepIsStoredOrNot) {
  auto running = job("s");
  running.input.steps = {{.title = "Enlarge", .input = running.input.parameters},
                         {.title = "Refine", .input = running.input.parameters}};
  const auto kept = [](SqliteJobStore& store) { return !store.find("s")->finished_steps.empty(); };
  std::unique_ptr<SqliteJobStore> store;
  with_less_and_less_space(
      [&] {
        store = std::make_unique<SqliteJobStore>(database());
        store->insert(running);
        ASSERT_TRUE(store->claim("s", kNode, 5));
      },
      [&] {
        auto done = running;
        card::GenerationUsed used;
        used.prompt = std::string(9000, 'u');
        done.finished_steps = {{.outputs = {}, .used = {}, .timing = {}}};
        done.finished_steps[0].used = card::TaskFacts::of(card::generate_task(), used);
        EXPECT_TRUE(store->keep_steps(done));
      },
      [&] {
        SqliteJobStore reader(database());
        return kept(reader);
      });
}

TEST_F(DiskFull, AnEndIsStoredOrTheJobGoesOnRunning) {
  auto ended = job("r");
  ended.state = JobState::kSucceeded;
  ended.result.emplace();
  card::GenerationUsed used;
  used.prompt = std::string(9000, 'u');
  ended.result->used = card::TaskFacts::of(card::generate_task(), used);
  change([&](auto& store) { EXPECT_TRUE(store.finish(ended, JobState::kRunning)); },
         [](auto& store) { return store.find("r")->state == JobState::kSucceeded; });
}

TEST_F(DiskFull, JobsAreCancelledTogetherOrNotAtAll) {
  change(
      [](auto& store) {
        if (!store.find("other")) store.insert(job("other"));
        EXPECT_EQ(store.cancel_queued({}, 9, [] { return 1; }).size(), 2U);
      },
      [](auto& store) {
        const bool first = store.find("q")->state == JobState::kCancelled;
        const auto other = store.find("other");
        EXPECT_EQ(first, other && other->state == JobState::kCancelled);
        return first;
      });
}

TEST_F(DiskFull, APriorityIsPausedOrNot) {
  change([](auto& store) { store.set_paused(1, true); },
         [](auto& store) { return store.paused()[1]; });
}

TEST_F(DiskFull, AQueuedJobIsMovedOrNot) {
  change([](auto& store) { EXPECT_TRUE(store.set_priority("q", 3)); },
         [](auto& store) { return store.find("q")->priority == 3; });
}

TEST_F(DiskFull, EndedJobsAreDeletedOrStay) {
  auto ended = job("r");
  ended.state = JobState::kCancelled;
  change(
      [&](auto& store) {
        store.finish(ended, JobState::kRunning);  // false where the first attempt did that
        EXPECT_EQ(store.prune(0, 1).size(), 1U);
      },
      [](auto& store) { return !store.find("r").has_value(); });
}

TEST_F(DiskFull, EventIdsAreReservedOrNotAndNeverTwice) {
  std::int64_t last = 0;
  std::int64_t before = 0;
  change(
      [&](auto& store) {
        const auto first = store.reserve_events(10);
        EXPECT_GE(first, 1);
        last = first;
      },
      [&](auto& store) {
        const auto next = store.reserve_events(1);
        EXPECT_GT(next, before);
        const bool done = last > 0 && next >= last + 10;
        before = done ? 0 : next;
        last = 0;
        return done;
      });
}

TEST_F(DiskFull, ARowThatCannotBeReadIsPassedOverAlsoWhereItCannotBeMarked) {
  SqliteJobStore store(database());
  store.insert(job("bad"));
  store.insert(job("good"));
  Database(database()).execute("UPDATE jobs SET input = '' WHERE id = 'bad'");
  faulty_disk::leave(0);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(store.recent({}).size(), 1U);
    EXPECT_EQ(store.recent({}).front().id, "good");
    EXPECT_THROW(store.find("bad"), Error);
    EXPECT_THROW(store.claim("bad", kNode, 5), Error);
  }
  faulty_disk::leave(faulty_disk::kNoLimit);
  EXPECT_FALSE(store.claim("bad", kNode, 5));
  ASSERT_EQ(store.window({}).size(), 1U);
  EXPECT_TRUE(store.claim("good", kNode, 5));
}

TEST_F(DiskFull, WhatIsStoredCanBeReadOnAFullDisk) {
  SqliteJobStore store(database());
  ArtifactFolder artifacts(folder_ / "artifacts");
  store.insert(job("01"));
  const auto id =
      artifacts.put(std::vector<std::uint8_t>(10), "image/png", domain::ArtifactOrigin::kUploaded);
  faulty_disk::leave(0);
  EXPECT_TRUE(store.find("01"));
  EXPECT_EQ(store.window({}).size(), 1U);
  EXPECT_EQ(store.recent({}).size(), 1U);
  EXPECT_EQ(store.counts().queued[2], 1);
  EXPECT_EQ(artifacts.get(id).bytes.size(), 10U);
  EXPECT_EQ(artifacts.sweep({}).uploads, 1U);  // making space needs none
}

TEST_F(DiskFull, APictureIsKeptWholeOrLeavesNothing) {
  const std::vector<std::uint8_t> bytes(20'000, 7);
  for (const auto origin : {domain::ArtifactOrigin::kMade, domain::ArtifactOrigin::kUploaded}) {
    std::unique_ptr<ArtifactFolder> artifacts;
    with_less_and_less_space(
        [&] { artifacts = std::make_unique<ArtifactFolder>(folder_ / "artifacts"); },
        [&] { artifacts->put(bytes, "image/png", origin); },
        [&] {
          std::size_t files = 0;
          for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
            if (!entry.is_regular_file()) continue;
            EXPECT_EQ(entry.file_size(), bytes.size());
            ++files;
          }
          return files == 1;
        });
  }
}

}  // namespace
}  // namespace atelier::storage
