#include "platform/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::platform {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Nearest, CountsWhatAFingerGetsWrong) {
  EXPECT_EQ(edit_distance("steps", "steps"), 0U);
  EXPECT_EQ(edit_distance("stepz", "steps"), 1U);
  EXPECT_EQ(edit_distance("prot", "port"), 1U);  // exchanged
  EXPECT_EQ(edit_distance("", "port"), 4U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, NamesWhatLooksAlikeAndNothingElse) {
  const std::vector<std::string> known{"euler", "euler_ancestral", "heun", "pndm"};
  EXPECT_THAT(near_names("eular", known), ElementsAre("euler"));
  EXPECT_THAT(near_names("eul", known), ElementsAre("euler", "euler_ancestral"));
  EXPECT_THAT(near_names("unrelated", known), IsEmpty());
  EXPECT_THAT(near_names("", known), IsEmpty());
  EXPECT_THAT(near_names("x", {"n", "y"}), IsEmpty());
  EXPECT_THAT(near_names(std::string(100'000, 'x'), known), IsEmpty());
}

}  // namespace
}  // namespace atelier::platform
