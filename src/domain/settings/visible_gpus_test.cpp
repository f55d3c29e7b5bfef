#include "domain/settings/visible_gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<platform::GpuState> four() {
  std::vector<platform::GpuState> gpus;
  for (int i = 0; i < 4; ++i) {
    gpus.push_back({.index = i, .uuid = "GPU-" + std::to_string(i) + "abc", .name = "GPU"});
  }
  return gpus;
}

TEST(VisibleGpus, AreAllWhereNoneIsNamed) {
  const auto visible = visible_gpus("", four());
  EXPECT_THAT(visible.devices, ElementsAre("GPU-0abc", "GPU-1abc", "GPU-2abc", "GPU-3abc"));
  EXPECT_THAT(visible.indices, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(visible.problems, IsEmpty());
}

TEST(VisibleGpus, AreNamedByIndexOrUuidInTheOrderOfTheList) {
  const auto visible = visible_gpus("3, GPU-1,3", four());
  EXPECT_THAT(visible.devices, ElementsAre("GPU-3abc", "GPU-1abc"));
  EXPECT_THAT(visible.indices, ElementsAre(3, 1));
  EXPECT_THAT(visible.problems, IsEmpty());
}

TEST(VisibleGpus, MinusOneHidesAll) {
  const auto visible = visible_gpus("-1", four());
  EXPECT_THAT(visible.devices, IsEmpty());
  EXPECT_THAT(visible.indices, IsEmpty());
  EXPECT_THAT(visible.problems, IsEmpty());
}

TEST(VisibleGpus, AnEntryThatNamesNoneEndsTheList) {
  for (const std::string entry : {"7", "GPU-", "x", "1x", ""}) {
    const auto visible = visible_gpus("2," + entry + ",1", four());
    EXPECT_THAT(visible.devices, ElementsAre("GPU-2abc")) << entry;
    EXPECT_THAT(visible.problems, ElementsAre(HasSubstr("there is no GPU '" + entry + "'")));
  }
}

TEST(VisibleGpus, APartOfAGpuIsPassedOn) {
  const auto visible = visible_gpus("MIG-1234,0", four());
  EXPECT_THAT(visible.devices, ElementsAre("MIG-1234", "GPU-0abc"));
  EXPECT_THAT(visible.indices, ElementsAre(0));
}

TEST(VisibleGpus, OneThatIsLostFromTheStartIsNotUsed) {
  auto gpus = four();
  gpus[1] = {.index = 1, .uuid = "", .name = "", .problem = "GPU 1 is lost"};
  const auto visible = visible_gpus("", gpus);
  EXPECT_THAT(visible.devices, ElementsAre("GPU-0abc", "GPU-2abc", "GPU-3abc"));
  EXPECT_THAT(visible.indices, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(visible.problems, ElementsAre(HasSubstr("GPU 1 is lost; it is not used")));
}

}  // namespace
}  // namespace atelier::domain
