#include "engine/residency/resident_set.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

TEST(ResidentSet, DropsTheLeastRecentlyUsedToMakeRoom) {
  ResidentSet<int> set(100);
  set.add("a", "a", 40, std::make_unique<int>(1));
  set.add("b", "b", 40, std::make_unique<int>(2));
  ASSERT_NE(set.find("a"), nullptr);
  set.make_room(40);
  EXPECT_EQ(set.find("b"), nullptr);
  EXPECT_EQ(*set.find("a"), 1);
  EXPECT_EQ(set.ids(), std::vector<std::string>{"a"});
}

TEST(ResidentSet, AModelLargerThanTheLimitEmptiesItAndIsKeptAlone) {
  ResidentSet<int> set(100);
  set.add("a", "a", 40, std::make_unique<int>(1));
  set.make_room(500);
  EXPECT_EQ(set.total_bytes(), 0);
  set.add("big", "big", 500, std::make_unique<int>(3));
  EXPECT_EQ(*set.find("big"), 3);
}

TEST(ResidentSet, DropsWhatIsStaleAndKeepsTheRest) {
  ResidentSet<int> set(100);
  set.add("a", "a", 40, std::make_unique<int>(1));
  set.add("b", "b", 40, std::make_unique<int>(2));
  set.drop_if([](int model) { return model == 1; });
  EXPECT_EQ(set.find("a"), nullptr);
  EXPECT_EQ(*set.find("b"), 2);
  EXPECT_EQ(set.total_bytes(), 40);
}

}  // namespace
}  // namespace atelier::engine
