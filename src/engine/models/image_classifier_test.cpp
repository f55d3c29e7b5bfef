#include "engine/models/image_classifier.h"

#include <gtest/gtest.h>

#include <limits>

#include "platform/error.h"

namespace atelier::engine {
namespace {

using Labels = std::vector<std::string>;

TEST(ImageClassifier, FlagsTheLabelThatTheCardNames) {
  const Labels labels{"marked", "plain", "nsfw"};
  EXPECT_EQ(flagged_label(labels, {{"flagged", "plain"}}), "plain");
  EXPECT_EQ(flagged_label(labels, {{"flagged", "absent"}}), "nsfw");
  EXPECT_EQ(flagged_label(labels, {{"flagged", 1}}), "nsfw");
}

TEST(ImageClassifier, FlagsTheFirstLabelThatStandsForUnsafeContent) {
  EXPECT_EQ(flagged_label({"sfw", "NSFW", "porn"}, {}), "NSFW");
  EXPECT_EQ(flagged_label({"neutral", "Porn"}, {}), "Porn");
  EXPECT_EQ(flagged_label({"a", "explicit"}, {}), "explicit");
  EXPECT_EQ(flagged_label({"a", "Unsafe"}, {}), "Unsafe");
  EXPECT_EQ(flagged_label({"not nsfw", "cat"}, {}), "");
  EXPECT_EQ(flagged_label({}, {{"flagged", ""}}), "");
}

TEST(ImageClassifier, RefusesScoresThatAreNotNumbers) {
  EXPECT_EQ(checked_scores(at::tensor({0.25F, 0.75F}).reshape({1, 2})),
            (std::vector<double>{0.25, 0.75}));
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THROW(checked_scores(at::tensor({0.25F, wrong})), Error);
  }
}

}  // namespace
}  // namespace atelier::engine
