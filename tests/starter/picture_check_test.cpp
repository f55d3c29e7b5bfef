#include "picture_check.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "drawn_truth.h"

namespace atelier::starter {
namespace {

constexpr int kScenes = 500;

int right_answers(bool worn) {
  int right = 0;
  for (int seed = 0; seed < kScenes; ++seed) {
    const DrawnScene scene = draw_truth(static_cast<std::uint32_t>(seed), worn);
    const Verdict verdict = judge(scene.picture(), scene.truth);
    right += verdict.right() ? 1 : 0;
    if (!verdict.right()) std::printf("scene %d: %s\n", seed, verdict.seen.c_str());
  }
  return right;
}

TEST(PictureCheck, IsRightOnNinetyNinePercentOfDrawnScenes) {
  EXPECT_GE(right_answers(false), kScenes * 99 / 100);
}

TEST(PictureCheck, IsRightOnNinetyNinePercentOfBlurredAndNoisyScenes) {
  EXPECT_GE(right_answers(true), kScenes * 99 / 100);
}

TEST(PictureCheck, IsNearChanceWhenThePromptsAreShuffled) {
  int right = 0;
  for (int seed = 0; seed < kScenes; ++seed) {
    const DrawnScene scene = draw_truth(static_cast<std::uint32_t>(seed), false);
    const DrawnScene other = draw_truth(static_cast<std::uint32_t>((seed + 1) % kScenes), false);
    right += judge(scene.picture(), other.truth).right() ? 1 : 0;
  }
  EXPECT_LE(right, kScenes * 2 / 100);  // 12 colours twice and 6 shapes: a chance match is rare
}

TEST(PictureCheck, ReportsEachFactThatIsWrong) {
  int pairs = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const DrawnScene scene = draw_truth(seed, false);
    const auto other_colour = [](Colour colour) {
      return static_cast<Colour>((static_cast<int>(colour) + 1) % 12);
    };
    Expectation wrong = scene.truth;
    wrong.background = other_colour(*wrong.background);
    EXPECT_FALSE(judge(scene.picture(), wrong).background);

    wrong = scene.truth;
    wrong.objects[0].colour = other_colour(wrong.objects[0].colour);
    EXPECT_FALSE(judge(scene.picture(), wrong).right());

    wrong = scene.truth;
    wrong.objects[0].shape = static_cast<Shape>((static_cast<int>(wrong.objects[0].shape) + 1) % 6);
    EXPECT_FALSE(judge(scene.picture(), wrong).right());

    wrong = scene.truth;
    wrong.objects.push_back(wrong.objects[0]);
    EXPECT_FALSE(judge(scene.picture(), wrong).count);

    const auto same = [](const ExpectedObject& a, const ExpectedObject& b) {
      return a.shape == b.shape && a.colour == b.colour;
    };
    if (scene.truth.objects.size() == 2 && !same(scene.truth.objects[0], scene.truth.objects[1])) {
      wrong = scene.truth;
      std::swap(wrong.objects[0], wrong.objects[1]);
      EXPECT_FALSE(judge(scene.picture(), wrong).right());
      ++pairs;
    }
  }
  EXPECT_GT(pairs, 5);
}

TEST(PictureCheck, CallsAnEmptyPictureItsBackground) {
  const std::vector<std::uint8_t> rgb(64 * 64 * 3, 250);
  const Seen seen = look({64, 64, rgb});
  EXPECT_EQ(seen.background, Colour::kWhite);
  EXPECT_TRUE(seen.objects.empty());
}

TEST(PictureCheck, AcceptsInvalidPictures) {
  EXPECT_TRUE(look({0, 0, {}}).objects.empty());
  const std::vector<std::uint8_t> short_rgb(10);
  EXPECT_TRUE(look({64, 64, short_rgb}).objects.empty());
}

TEST(PictureCheck, KnowsItsNamesBothWays) {
  EXPECT_EQ(colour_named("grey"), Colour::kGray);
  EXPECT_EQ(shape_named("ring"), Shape::kRing);
  EXPECT_EQ(place_named("bottom left"), Place::kBottomLeft);
  EXPECT_EQ(relation_named("above"), Relation::kAbove);
  EXPECT_FALSE(colour_named("mauve").has_value());
  const std::set<std::string_view> names(kColourNames.begin(), kColourNames.end());
  EXPECT_EQ(names.size(), kColourNames.size());
}

}  // namespace
}  // namespace atelier::starter
