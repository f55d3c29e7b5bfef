#include "storage/sqlite/queue_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "storage/sqlite/schema.h"

namespace atelier::storage {
namespace {

// The inputs of jobs may be large; they lie in the rows, not in the indexes.
TEST(QueueWindow, IsReadFromIndexesAloneWithoutSorting) {
  const auto path = testing::TempDir() + "queue-window.db";
  std::filesystem::remove(path);
  {
    Database database(path);
    bring_up_to_date(database);
    for (const auto sql : QueueWindow::statements()) {
      SCOPED_TRACE(sql);
      Statement plan(database, "EXPLAIN QUERY PLAN " + std::string(sql));
      ASSERT_TRUE(plan.step());
      EXPECT_THAT(plan.text(3), testing::StartsWith("SEARCH jobs USING COVERING INDEX"));
      EXPECT_FALSE(plan.step()) << plan.text(3);
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace atelier::storage
