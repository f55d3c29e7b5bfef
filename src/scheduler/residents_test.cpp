#include "scheduler/residents.h"

#include <gtest/gtest.h>

namespace atelier::scheduler {
namespace {

TEST(Residents, FollowTheReportsOfTheWorker) {
  Residents models;
  models.report({{"a", 10}, {"b", 20}}, 100);
  EXPECT_EQ(models.bytes(), 30);
  models.report({{"b", 25}}, 200);
  const auto view = models.view({}, {}, std::nullopt);
  ASSERT_EQ(view.size(), 1U);
  EXPECT_EQ(view[0].id, "b");
  EXPECT_EQ(view[0].bytes, 25);
  EXPECT_EQ(view[0].last_used_ms, 100);
  EXPECT_FALSE(models.contains("a"));
}

TEST(Residents, TheLastUseIsTheEndOfAJobAndStartsTheKeepAlive) {
  Residents models;
  models.report({{"a", 10}}, 100);
  models.used("a", true, 500);
  models.used("unknown", true, 500);
  const auto view = models.view({"a"}, {"a"}, 1000);
  ASSERT_EQ(view.size(), 1U);
  EXPECT_EQ(view[0].last_used_ms, 500);
  EXPECT_EQ(view[0].expires_ms, 1500);
  EXPECT_TRUE(view[0].unload_after_use);
  EXPECT_TRUE(view[0].busy);
  EXPECT_TRUE(view[0].pinned);
}

TEST(Residents, AnEvictionUnderWayIsSeenUntilTheModelHasGone) {
  Residents models;
  models.report({{"a", 10}, {"b", 20}}, 100);
  models.evicting("a", 300);
  EXPECT_EQ(models.view({}, {}, std::nullopt)[0].evicting_since_ms, 300);
  models.report({{"b", 20}}, 400);
  EXPECT_EQ(models.view({}, {}, std::nullopt).size(), 1U);
  models.report({{"a", 10}, {"b", 20}}, 500);
  EXPECT_FALSE(models.view({}, {}, std::nullopt)[0].evicting_since_ms);
}

}  // namespace
}  // namespace atelier::scheduler
