#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"
#include "tests/golden/classifier_golden.h"

namespace atelier::engine {
namespace {

using testing::HasSubstr;

const char* const kFile = ATELIER_SOURCE_DIR "/tests/golden/data/models/open_nsfw.onnx";

TEST(OpenNsfwClassifier, GivesTheScoresOfOnnxRuntimeFromPixelsOn) {
  expect_golden_scores(kFile, ModelGolden("open_nsfw"), at::kFloat);
}

TEST(OpenNsfwClassifier, StaysNearOnnxRuntimeInBfloat16) {
  expect_golden_scores(kFile, ModelGolden("open_nsfw"), at::kBFloat16);
}

TEST(OpenNsfwClassifier, FlagsTheSecondOutput) {
  const DetectedModel found = detect_model(CheckpointFiles(kFile, "nsfw"));
  EXPECT_EQ(found.card.family, "open_nsfw");
  const auto* facts = found.facts.find<ClassifierFacts>();
  ASSERT_NE(facts, nullptr);
  EXPECT_EQ(facts->labels, (std::vector<std::string>{"sfw", "nsfw"}));
  EXPECT_EQ(facts->flagged, "nsfw");
}

TEST(OpenNsfwClassifier, IsEndedByItsCheck) {
  const auto model = load_model(detect_model(CheckpointFiles(kFile)), {});
  const auto& classifier = model->capability<ImageClassifier>();
  int calls = 0;
  classifier.scores(golden::pattern_picture(40, 30), [&] { ++calls; });
  int count = 0;
  const auto stop = [&] {
    if (++count == calls) throw Error(ErrorCode::kCancelled, "enough");
  };
  EXPECT_THROW(classifier.scores(golden::pattern_picture(40, 30), stop), Error);
  EXPECT_EQ(count, calls);
}

TEST(OpenNsfwClassifier, LeavesOtherGraphsToOtherFamilies) {
  const TemporaryFolder folder;
  std::string file = read_golden("open_nsfw.onnx");
  const std::string softmax = "Softmax";
  const auto at = file.find(softmax);
  ASSERT_NE(at, std::string::npos);
  file.replace(at, softmax.size(), "Sigmoid");
  const auto path = folder.write("other.onnx", file);
  try {
    detect_model(CheckpointFiles(path));
    FAIL() << "it was recognised";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("is an ONNX graph of a network that is not known here"));
  }
}

}  // namespace
}  // namespace atelier::engine
