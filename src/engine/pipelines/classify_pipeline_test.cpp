#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "card/tasks/classify.h"
#include "engine/models/image_classifier.h"
#include "engine/weights/sparse_checkpoint.h"
#include "json/describe.h"
#include "tests/golden/pattern_picture.h"
#include "tests/golden/pipeline_run.h"
#include "tests/golden/tiny_classifier.h"
#include "tests/golden/tiny_upscaler.h"

namespace atelier::engine {
namespace {

// Flat pictures, which the tiny network rates differently.
media::Image flat(std::uint8_t level) {
  media::Image image{20, 12, 3, {}};
  image.pixels.assign(image.byte_count(), level);
  return image;
}

class ClassifyPipeline : public testing::Test {
 protected:
  ClassifyPipeline() { golden::write_tiny_classifier(folder_.path()); }

  RunResult run(std::vector<media::Frame> frames, const std::string& dtype = "fp32") {
    card::ClassifyInput input;
    input.dtype = dtype;
    RunRequest request;
    request.task = "classify";
    request.input_json = json::write_json(input);
    request.models["model"] = {"tiny", folder_.path().string()};
    if (!frames.empty()) request.attachments["image"] = std::move(frames);
    return run_pipeline(std::move(request), observer_);
  }
  static card::ClassifyFacts facts_of(const RunResult& result) {
    return json::read_json<card::ClassifyFacts>(result.facts_json);
  }
  static std::vector<card::LabelScore> labels_of(const RunResult& result) {
    return json::read_json<std::vector<card::LabelScore>>(result.outputs.at(0).json);
  }
  static double score_of(const RunResult& result, const std::string& label) {
    for (const auto& entry : labels_of(result)) {
      if (entry.label == label) return entry.score;
    }
    throw std::runtime_error("no label " + label);
  }
  // Four frames, and the one that the network rates highest by `label` when each is alone.
  std::vector<media::Frame> frames() const {
    return {{flat(10), 0, 12},
            {flat(250), 3, 12},
            {golden::pattern_picture(20, 12), 6, 12},
            {flat(128), 9, 12}};
  }
  int highest_by(const std::string& label) {
    double highest = -1;
    int number = -1;
    for (const media::Frame& frame : frames()) {
      const double score = score_of(run({frame}), label);
      EXPECT_NE(score, highest);
      if (score > highest) number = frame.number;
      highest = std::max(score, highest);
    }
    return number;
  }

  const TemporaryFolder folder_;
  RecordingObserver observer_;
};

TEST_F(ClassifyPipeline, GivesLabelsWithTheHighestScoreFirst) {
  const auto result = run({{golden::pattern_picture(40, 24), 0}});
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].kind, "labels");
  const auto labels = labels_of(result);
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_GT(labels[0].score, labels[1].score);
  EXPECT_NEAR(labels[0].score + labels[1].score, 1, 1e-6);
  const auto facts = facts_of(result);
  EXPECT_EQ(facts.model, "tiny");
  EXPECT_EQ(facts.model_title, "Tiny");
  EXPECT_EQ(facts.model_hash.size(), 10U);
  EXPECT_EQ(facts.label, labels[0].label);
  EXPECT_EQ(facts.score, labels[0].score);
  EXPECT_EQ(facts.flagged, "marked");
  EXPECT_EQ(facts.frames, 1);
  EXPECT_EQ(facts.frames_total, 1);
  EXPECT_EQ(facts.frame, 0);
  EXPECT_EQ(facts.source_width, 40);
  EXPECT_EQ(facts.source_height, 24);
  EXPECT_EQ(facts.dtype, "fp32");
}

TEST_F(ClassifyPipeline, GivesTheFrameWithTheHighestScoreOfTheFlaggedLabel) {
  for (const char* const flagged : {"marked", "plain"}) {
    golden::write_text(folder_.path() / "atelier.json",
                       std::string(R"({"flagged": ")") + flagged + R"("})");
    const int number = highest_by(flagged);
    const auto result = run(frames());
    EXPECT_EQ(facts_of(result).frame, number) << flagged;
    EXPECT_EQ(facts_of(result).frames, 4);
    EXPECT_EQ(facts_of(result).frames_total, 12);
    for (const media::Frame& frame : frames()) {
      if (frame.number == number) {
        EXPECT_EQ(score_of(result, flagged), score_of(run({frame}), flagged));
      }
    }
  }
}

TEST_F(ClassifyPipeline, GivesTheFrameWithTheHighestScoreWhereNoLabelIsFlagged) {
  std::filesystem::remove(folder_.path() / "atelier.json");
  double highest = 0;
  int number = -1;
  for (const media::Frame& frame : frames()) {
    const double score = facts_of(run({frame})).score;
    if (score > highest) number = frame.number;
    highest = std::max(score, highest);
  }
  const auto facts = facts_of(run(frames()));
  EXPECT_EQ(facts.flagged, "");
  EXPECT_EQ(facts.frame, number);
  EXPECT_EQ(facts.score, highest);
}

TEST_F(ClassifyPipeline, ReportsEachFrameAndStopsBetweenThem) {
  run(frames());
  ASSERT_EQ(observer_.seen.size(), 5U);  // before the first one, and after each
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(observer_.seen[static_cast<std::size_t>(i)].stage, "frame");
    EXPECT_EQ(observer_.seen[static_cast<std::size_t>(i)].step, i);
    EXPECT_EQ(observer_.seen[static_cast<std::size_t>(i)].total, 4);
  }
  observer_ = {};
  observer_.cancel_after = 2;
  EXPECT_THROW(run(frames()), Error);
  EXPECT_EQ(observer_.seen.size(), 2U);
}

TEST_F(ClassifyPipeline, IsCancelledInsideAFrame) {
  run({{flat(1), 0}});
  const int polls = observer_.polls;
  ASSERT_GT(polls, 2);
  for (const int poll : {1, 2, polls}) {
    observer_ = {};
    observer_.cancel_at_poll = poll;
    EXPECT_THROW(run({{flat(1), 0}}), Error) << poll;
    EXPECT_EQ(observer_.polls, poll);
    EXPECT_EQ(observer_.seen.size(), poll == 1 ? 0U : 1U);  // of the frame's beginning
  }
}

TEST_F(ClassifyPipeline, ComputesInTheRequestedNumberFormat) {
  const auto exact = run({{flat(40), 0}});
  const auto fast = run({{flat(40), 0}}, "bf16");
  EXPECT_EQ(facts_of(fast).dtype, "bf16");
  EXPECT_NEAR(score_of(fast, "marked"), score_of(exact, "marked"), 0.05);
}

TEST_F(ClassifyPipeline, RefusesARequestWithoutAPictureAndModelsThatDoNotClassify) {
  try {
    run({});
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.field(), "image");
  }
  RunRequest request;
  request.task = "classify";
  request.input_json = "{}";
  const auto file = folder_.path() / "upscaler.safetensors";
  golden::write_tiny_upscaler(file);
  request.models["model"] = {"enlarger", file.string()};
  request.attachments["image"].push_back({flat(1), 0});
  try {
    run_pipeline(std::move(request), observer_);
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("'enlarger' (real_esrgan) cannot classify"));
  }
}

TEST_F(ClassifyPipeline, ServesModelsThatClassify) {
  const auto card = describe_model(detect_model(CheckpointFiles(folder_.path(), "tiny")));
  EXPECT_NE(card::served(card, "classify"), nullptr);
  EXPECT_EQ(card::served(card, "upscale"), nullptr);
  EXPECT_EQ(card.capabilities, std::vector<std::string>{"classify"});
}

}  // namespace
}  // namespace atelier::engine
