#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "card/tasks/upscale.h"
#include "engine/weights/sparse_checkpoint.h"
#include "json/describe.h"
#include "tests/golden/pipeline_run.h"
#include "tests/golden/suspending_observer.h"
#include "tests/golden/tiny_upscaler.h"

namespace atelier::engine {
namespace {

media::Image picture(int width, int height, int channels) {
  media::Image image{width, height, channels, {}};
  for (std::size_t i = 0; i < image.byte_count(); ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 7 % 256));
  }
  return image;
}

card::UpscaleInput with_scale(int scale) {
  card::UpscaleInput input;
  input.scale = scale;
  return input;
}

card::UpscaleInput with_tile(int tile) {
  card::UpscaleInput input;
  input.tile = tile;
  return input;
}

class UpscalePipeline : public testing::Test {
 protected:
  UpscalePipeline() { golden::write_tiny_upscaler(file()); }
  std::string file() const { return (folder_.path() / "tiny.safetensors").string(); }

  RunResult run(media::Image image, const card::UpscaleInput& input = {}) {
    RunRequest request;
    request.task = "upscale";
    request.input_json = json::write_json(input);
    request.models["model"] = {"tiny", file()};
    request.attachments["image"].push_back({std::move(image)});
    return run_pipeline(std::move(request), observer_);
  }
  static card::UpscaleFacts facts_of(const RunResult& result) {
    return json::read_json<card::UpscaleFacts>(result.facts_json);
  }

  const TemporaryFolder folder_;
  RecordingObserver observer_;
};

TEST_F(UpscalePipeline, EnlargesByTheNetworksScale) {
  const auto result = run(picture(20, 12, 3));
  ASSERT_EQ(result.outputs.size(), 1U);
  const auto& image = result.outputs[0].picture;
  EXPECT_EQ(image.width, 80);
  EXPECT_EQ(image.height, 48);
  EXPECT_EQ(image.channels, 3);
  const auto facts = facts_of(result);
  EXPECT_EQ(facts.model, "tiny");
  EXPECT_EQ(facts.scale, 4);
  EXPECT_EQ(facts.tiles, 1);
  EXPECT_EQ(facts.source_width, 20);
}

TEST_F(UpscalePipeline, ResamplesToAnotherScale) {
  const auto result = run(picture(20, 12, 3), with_scale(3));
  EXPECT_EQ(result.outputs[0].picture.width, 60);
  EXPECT_EQ(facts_of(result).network_scale, 4);
}

TEST_F(UpscalePipeline, KeepsAlpha) {
  auto image = picture(20, 12, 4);
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) image.pixels[i] = 255;
  const auto result = run(image);
  EXPECT_EQ(result.outputs[0].picture.channels, 4);
  EXPECT_EQ(observer_.seen.back().total, 2);  // colour and alpha
}

TEST_F(UpscalePipeline, WhatIsHiddenUnderTransparentPartsDoesNotChangeTheVisibleOnes) {
  // Opaque on the left, transparent on the right, half transparent between.
  const auto with_hidden = [](std::uint8_t hidden) {
    auto image = picture(24, 16, 4);
    for (int i = 0; i < 24 * 16; ++i) {
      auto* pixel = &image.pixels[static_cast<std::size_t>(i) * 4];
      const int x = i % 24;
      pixel[3] = static_cast<std::uint8_t>(x < 10 ? 255 : x < 12 ? 100 : 0);
      if (x >= 12) pixel[0] = pixel[1] = pixel[2] = hidden;
    }
    return image;
  };
  const auto black = run(with_hidden(0)).outputs[0].picture;
  EXPECT_EQ(black.pixels, run(with_hidden(255)).outputs[0].picture.pixels);
}

TEST_F(UpscalePipeline, AColourThatFadesOutHasNoFringe) {
  media::Image fading{24, 16, 4, {}}, opaque{24, 16, 3, {}};
  for (int i = 0; i < 24 * 16; ++i) {
    const auto alpha = static_cast<std::uint8_t>(std::max(0, 255 - 20 * (i % 24)));
    const bool visible = alpha > 0;
    fading.pixels.insert(fading.pixels.end(), {std::uint8_t(visible ? 200 : 0), 30, 20, alpha});
    opaque.pixels.insert(opaque.pixels.end(), {200, 30, 20});
  }
  const auto made = run(fading).outputs[0].picture, flat = run(opaque).outputs[0].picture;
  ASSERT_EQ(made.channels, 4);
  for (std::size_t i = 0; i * 3 < flat.pixels.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      ASSERT_EQ(made.pixels[i * 4 + c], flat.pixels[i * 3 + c]) << i;
    }
  }
}

TEST_F(UpscalePipeline, ReportsEachTileAndStopsBetweenThem) {
  run(picture(400, 20, 3), with_tile(192));
  ASSERT_GT(observer_.seen.size(), 2U);
  EXPECT_EQ(observer_.seen.front().stage, "tile");
  EXPECT_EQ(observer_.seen.front().step, 0);
  EXPECT_EQ(observer_.seen.front().total, observer_.seen.back().total);
  EXPECT_EQ(observer_.seen[1].step, 1);
  EXPECT_EQ(observer_.seen.back().step, observer_.seen.back().total);
  observer_ = {};
  observer_.cancel_after = 1;
  EXPECT_THROW(run(picture(400, 20, 3), with_tile(192)), Error);
  EXPECT_EQ(observer_.seen.size(), 1U);
}

TEST_F(UpscalePipeline, RefusesAResultThatIsTooLargeBeforeAnythingIsLoaded) {
  media::Image image{4000, 3200, 1, {}};
  image.pixels.assign(image.byte_count(), 0);
  try {
    run(std::move(image));
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
    EXPECT_EQ(error.field(), "image");
    EXPECT_THAT(error.what(), testing::HasSubstr("200 million are allowed"));
  }
  EXPECT_TRUE(observer_.seen.empty());
}

TEST_F(UpscalePipeline, ServesModelsThatEnlarge) {
  const auto card = describe_model(detect_model(CheckpointFiles(file(), "tiny")));
  const auto* upscaling = card::served(card, "upscale");
  ASSERT_NE(upscaling, nullptr);
  EXPECT_EQ(card::served(card, "classify"), nullptr);
  EXPECT_EQ(card::find_parameter(upscaling->parameters, "scale")->default_value, "4");
}

TEST_F(UpscalePipeline, ASuspendedRunDoesItsTileAgainAndMakesTheSamePicture) {
  RunRequest request;
  request.task = "upscale";
  auto input = with_tile(64);
  input.scale = 3;  // resampled afterwards
  request.input_json = json::write_json(input);
  request.models["model"] = {"tiny", file()};
  request.attachments["image"].push_back({picture(150, 90, 4)});
  golden::SuspendingObserver whole, suspended;
  const auto expected = run_pipeline(request, whole);
  suspended.at = golden::spread(whole.questions, 20);
  const auto made = run_pipeline(request, suspended);
  EXPECT_GE(suspended.steps.size(), 20U);
  EXPECT_TRUE(std::ranges::is_sorted(suspended.steps));
  EXPECT_GT(suspended.steps.back(), 3);
  EXPECT_EQ(made.outputs.at(0).picture.pixels, expected.outputs.at(0).picture.pixels);
  EXPECT_EQ(suspended.progresses.size(), whole.progresses.size());
}

}  // namespace
}  // namespace atelier::engine
