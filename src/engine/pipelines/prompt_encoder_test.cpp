// Prompt encoding and previews on the tiny seeded models.
#include "engine/pipelines/prompt_encoder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../../../tests/golden/tiny_model.h"
#include "engine/pipelines/diffusion_model.h"
#include "engine/tensor/random.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

std::unique_ptr<Model> tiny(const std::string& name) {
  std::ifstream file(std::filesystem::path(ATELIER_SOURCE_DIR "/tests/golden/data/pipelines") /
                     (name + ".json"));
  std::stringstream text;
  text << file.rdbuf();
  const auto folder = std::filesystem::temp_directory_path() /
                      ("atelier-prompts-" + name + std::to_string(getpid()));
  golden::write_tiny_model(folder, boost::json::parse(text.str()).at("model").as_object());
  auto model = load_model(detect_model(CheckpointFiles(folder, name)), {});
  std::filesystem::remove_all(folder);  // the mapping stays readable
  return model;
}

std::string repeated(const std::string& word, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) {
    text += word;
  }
  return text;
}

class PromptEncoding : public testing::Test {
 protected:
  const c10::InferenceMode inference_;
};

TEST_F(PromptEncoding, ALongPromptIsEncodedInRowsOfSeventyFiveTokens) {
  const auto loaded = tiny("sd15");
  DiffusionModel& model = DiffusionModel::of(*loaded);
  PromptEncoder& prompts = model.prompts();
  const PromptPair pair = prompts.encode(repeated("cat ", 100), "dog", 0, true);
  ASSERT_EQ(pair.positive.states.size(1), 2 * 77);
  ASSERT_EQ(pair.negative->states.size(1), 2 * 77);
  const Tensor first = prompts.encode(repeated("cat ", 75), {}, 0, false).positive.states;
  const Tensor rest = prompts.encode(repeated("cat ", 25), {}, 0, false).positive.states;
  EXPECT_TRUE(at::allclose(pair.positive.states.slice(1, 0, 77), first, 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(pair.positive.states.slice(1, 77), rest, 1e-4, 1e-5));
  const Tensor empty = prompts.encode("", {}, 0, false).positive.states;
  EXPECT_TRUE(at::allclose(pair.negative->states.slice(1, 77), empty, 1e-4, 1e-5));
}

TEST_F(PromptEncoding, AnAbsentNegativePromptIsZerosForSdxlAndTheEmptyTextForSd15) {
  const auto large_loaded = tiny("sdxl");
  DiffusionModel& large = DiffusionModel::of(*large_loaded);
  const PromptPair absent = large.prompts().encode("a cat", std::nullopt, 0, true);
  EXPECT_EQ(absent.negative->states.abs().max().item<float>(), 0);
  EXPECT_EQ(absent.negative->pooled.abs().max().item<float>(), 0);
  EXPECT_EQ(absent.positive.states.size(2), 64);
  const PromptPair empty = large.prompts().encode("a cat", "", 0, true);
  EXPECT_GT(empty.negative->states.abs().max().item<float>(), 0.1);
  const auto small_loaded = tiny("sd15");
  DiffusionModel& small = DiffusionModel::of(*small_loaded);
  const Tensor from_absent =
      small.prompts().encode("a cat", std::nullopt, 0, true).negative->states;
  EXPECT_TRUE(
      at::equal(from_absent, small.prompts().encode("a cat", "", 0, true).negative->states));
}

TEST_F(PromptEncoding, ClipSkipCountsAsA1111DoesAndMovesThePositivePromptAlone) {
  const auto loaded = tiny("sd15");
  DiffusionModel& model = DiffusionModel::of(*loaded);
  const PromptPair none = model.prompts().encode("a cat", "a dog", 0, true);
  const PromptPair one = model.prompts().encode("a cat", "a dog", 1, true);
  const PromptPair two = model.prompts().encode("a cat", "a dog", 2, true);
  EXPECT_TRUE(at::equal(none.positive.states, one.positive.states));
  EXPECT_FALSE(at::allclose(none.positive.states, two.positive.states, 1e-3, 1e-3));
  EXPECT_TRUE(at::equal(none.negative->states, two.negative->states));
  EXPECT_THROW(model.prompts().encode("a cat", {}, 9, false), Error);
}

TEST_F(PromptEncoding, EncodedPromptsAreCached) {
  const auto loaded = tiny("sd15");
  DiffusionModel& model = DiffusionModel::of(*loaded);
  const Tensor first = model.prompts().encode("a cat", {}, 0, false).positive.states;
  EXPECT_EQ(model.prompts().encode("a cat", {}, 0, false).positive.states.data_ptr(),
            first.data_ptr());
  for (int i = 0; i < 70; ++i) {
    model.prompts().encode("cat " + std::to_string(i), {}, 0, false);
  }
  EXPECT_NE(model.prompts().encode("a cat", {}, 0, false).positive.states.data_ptr(),
            first.data_ptr());
}

TEST_F(PromptEncoding, APreviewOfLargeLatentsFollowsTheDecoder) {
  const auto loaded = tiny("sd15");
  DiffusionModel& model = DiffusionModel::of(*loaded);
  NoiseSource noise(3, 1);
  const Tensor coarse = noise.normal_like(at::empty({1, 4, 5, 5}));
  const Tensor latents =
      at::upsample_nearest2d(coarse, {40, 40});  // above what is decoded as it is
  LatentPreview::Fit fit;
  const media::Image preview = model.preview().draw(latents, model.vae(), fit);
  EXPECT_EQ(preview.width, 160);
  EXPECT_EQ(preview.height, 160);
  const auto [low, high] = std::minmax_element(preview.pixels.begin(), preview.pixels.end());
  EXPECT_GT(*high - *low, 40);
}

}  // namespace
}  // namespace atelier::engine
