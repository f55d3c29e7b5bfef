#include "engine/pipelines/sizes.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

TEST(Sizes, AMissingSizeIsTheNativeOne) {
  const SizePlan plan = plan_size(std::nullopt, std::nullopt, 512, 768, false);
  EXPECT_EQ(plan.width, 512);
  EXPECT_EQ(plan.made_height, 768);
  EXPECT_FALSE(plan.enlarged());
}

TEST(Sizes, FarAboveTheNativePixelsIsGeneratedSmallerInTheSameShape) {
  const SizePlan square = plan_size(1024, 1024, 128, 128, false);
  EXPECT_EQ(square.made_width, 128);
  EXPECT_TRUE(square.enlarged());
  const SizePlan wide = plan_size(1536, 640, 128, 128, false);
  EXPECT_EQ(wide.made_width, 200);
  EXPECT_EQ(wide.made_height, 80);
  EXPECT_EQ(wide.width, 1536);
}

TEST(Sizes, FourTimesTheNativePixelsIsStillGeneratedAtThatSize) {
  EXPECT_FALSE(plan_size(256, 256, 128, 128, false).enlarged());
  EXPECT_TRUE(plan_size(264, 256, 128, 128, false).enlarged());
}

TEST(Sizes, ExactSizeTurnsThisOff) {
  EXPECT_FALSE(plan_size(1024, 1024, 128, 128, true).enlarged());
}

}  // namespace
}  // namespace atelier::engine
