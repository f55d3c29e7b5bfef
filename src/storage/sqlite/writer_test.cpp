#include "storage/sqlite/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <latch>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/error.h"

namespace atelier::storage {
namespace {

class WriterTest : public testing::Test {
 protected:
  WriterTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    database_ = std::make_unique<Database>(folder_ + "/some.db");
    database_->execute("PRAGMA journal_mode=WAL; CREATE TABLE words (word TEXT PRIMARY KEY)");
    other_ = std::make_unique<Database>(folder_ + "/some.db");
    writer_ = std::make_unique<Writer>(*database_, counter_);
  }
  ~WriterTest() override {
    writer_.reset();
    other_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  static QueueChange insert(Database& database, const std::string& word) {
    Statement(database, "INSERT INTO words VALUES (?)").bind(1, word).run();
    QueueChange change;
    change.add_queued(2, 1);
    return change;
  }
  static std::int64_t words_in(Database& database) {
    Statement row(database, "SELECT count(*) FROM words");
    row.step();
    return row.integer(0);
  }

  // Runs the works while one write is under way, so that they wait together. How many of them
  // threw.
  int write_together(const std::vector<Writer::Work>& works) {
    std::latch under_way(1), all_wait(1);
    std::thread first([&] {
      writer_->write([&](Database&) {
        under_way.count_down();
        all_wait.wait();
        return QueueChange{};
      });
    });
    under_way.wait();
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (const auto& work : works) {
      threads.emplace_back([&] {
        try {
          writer_->write(work);
        } catch (const Error&) {
          ++failed;
        }
      });
    }
    while (writer_->waiting() < works.size()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    all_wait.count_down();
    first.join();
    for (auto& thread : threads) thread.join();
    return failed;
  }

  const std::string folder_ = testing::TempDir() + "writer-" +
                              testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<Database> database_, other_;
  QueueCounter counter_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, WritesThatWaitTogetherShareATransaction) {
  std::set<std::int64_t> seen_inside, seen_outside;  // by one thread at a time
  std::vector<Writer::Work> works;
  for (int i = 0; i < 8; ++i) {
    works.emplace_back([&, i](Database& database) {
      seen_inside.insert(words_in(database));
      seen_outside.insert(words_in(*other_));
      return insert(database, std::to_string(i));
    });
  }
  EXPECT_EQ(write_together(works), 0);
  EXPECT_THAT(seen_inside, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(seen_outside, testing::ElementsAre(0));
  EXPECT_EQ(words_in(*other_), 8);
  EXPECT_EQ(counter_.counts().queued[2], 8);
}

TEST_F(WriterTest, AWriteThatFailsDoesNotFailThoseThatWaitedWithIt) {
  writer_->write([](Database& database) { return insert(database, "taken"); });
  std::vector<Writer::Work> works;
  for (const char* word : {"one", "taken", "two", "taken", "three"}) {
    works.emplace_back([word](Database& database) { return insert(database, word); });
  }
  EXPECT_EQ(write_together(works), 2);
  EXPECT_EQ(words_in(*other_), 4);
  EXPECT_EQ(counter_.counts().queued[2], 4);
}

TEST_F(WriterTest, AWriteThatFailsChangesNothing) {
  EXPECT_THROW(writer_->write([](Database& database) -> QueueChange {
    insert(database, "half");
    throw Error(ErrorCode::kInternal, "no");
  }),
               Error);
  EXPECT_EQ(words_in(*other_), 0);
  EXPECT_EQ(counter_.counts().queued[2], 0);
  writer_->write([](Database& database) { return insert(database, "whole"); });
  EXPECT_EQ(words_in(*other_), 1);
}

TEST_F(WriterTest, AWriteThatIsNotWaitedForReportsItsOutcomeOnceItIsCounted) {
  std::vector<std::string> outcomes;  // on the writer's thread until write() returns
  const auto report = [&](const std::exception_ptr& failure) {
    outcomes.push_back(failure ? Writer::as_error(failure).what()
                               : std::to_string(counter_.counts().queued[2]));
  };
  writer_->write_later([](Database& database) { return insert(database, "one"); }, report);
  writer_->write_later(
      [](Database&) -> QueueChange { throw Error(ErrorCode::kInternal, "refused"); }, report);
  writer_->write_later([](Database& database) { return insert(database, "two"); }, report);
  writer_->write([](Database&) { return QueueChange{}; });
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[1], "refused");
  EXPECT_EQ(outcomes[2], "2");
  EXPECT_EQ(words_in(*other_), 2);
}

TEST_F(WriterTest, WritesThatWaitAreMadeBeforeTheWriterIsDestroyed) {
  int made = 0;
  for (int i = 0; i < 20; ++i) {
    writer_->write_later([i](Database& database) { return insert(database, std::to_string(i)); },
                         [&made](const std::exception_ptr& failure) { made += failure ? 0 : 1; });
  }
  writer_.reset();
  EXPECT_EQ(made, 20);
  EXPECT_EQ(words_in(*other_), 20);
}

TEST(QueueCounter, PlacesAndJobsTogetherFillTheQueue) {
  QueueCounter counter;
  EXPECT_TRUE(counter.hold_place(1, 2));
  EXPECT_TRUE(counter.hold_place(1, 2));
  EXPECT_FALSE(counter.hold_place(1, 2));
  EXPECT_TRUE(counter.hold_place(2, 2));
  QueueChange inserted;  // into one of the places
  inserted.add_queued(1, 1);
  inserted.places_used[1] = 1;
  counter.apply(inserted);
  EXPECT_FALSE(counter.hold_place(1, 2));
  counter.leave_place(1);
  EXPECT_TRUE(counter.hold_place(1, 2));
}

}  // namespace
}  // namespace atelier::storage
