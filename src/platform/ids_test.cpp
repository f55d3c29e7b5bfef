#include "platform/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace atelier::platform {
namespace {

TEST(Ids, AreUniqueAndInOrder) {
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 10000; ++i) {
    const std::string id = new_id();
    EXPECT_EQ(id.size(), 26U);
    EXPECT_LT(last, id);
    EXPECT_TRUE(seen.insert(id).second);
    last = id;
  }
}

}  // namespace
}  // namespace atelier::platform
