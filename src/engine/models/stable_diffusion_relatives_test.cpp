// Models that share names with Stable Diffusion and compute something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/models/all_models.h"
#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class RelativesTest : public testing::Test {
 protected:
  // What is said of a single file with these tensors; "" when it is taken.
  std::string refusal(const std::vector<ListedTensor>& tensors) {
    write_sparse_safetensors(path_, tensors, "F16");
    try {
      layout_ = detect_model(CheckpointFiles(path_)).layout;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      return error.what();
    }
    return "";
  }

  static std::vector<ListedTensor> without(std::vector<ListedTensor> tensors,
                                           std::initializer_list<const char*> starts) {
    std::erase_if(tensors, [&](const ListedTensor& tensor) {
      return std::any_of(starts.begin(), starts.end(),
                         [&](const char* start) { return tensor.name.starts_with(start); });
    });
    return tensors;
  }
  static std::vector<ListedTensor> with(std::vector<ListedTensor> tensors, const char* name) {
    tensors.push_back({name, {4, 4}, {}});
    return tensors;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "model.safetensors";
  CheckpointLayout layout_;
  const std::vector<ListedTensor> sd15_ = read_tensor_list("ldm_sd15");
  const std::vector<ListedTensor> sdxl_ = read_tensor_list("ldm_sdxl");
};

TEST_F(RelativesTest, AWholeModelIsTaken) {
  EXPECT_EQ(refusal(sd15_), "");
  EXPECT_EQ(refusal(sdxl_), "");
}

TEST_F(RelativesTest, AMissingPartIsNamedExactly) {
  EXPECT_THAT(refusal(without(sd15_, {"first_stage_model."})),
              HasSubstr("no autoencoder (VAE) inside"));
  EXPECT_THAT(refusal(without(sd15_, {"cond_stage_model."})),
              HasSubstr("no text encoder (CLIP-L) inside"));
  EXPECT_THAT(refusal(without(sdxl_, {"conditioner.embedders.0."})),
              HasSubstr("no first text encoder (CLIP-L) inside"));
  EXPECT_THAT(refusal(without(sdxl_, {"conditioner.embedders.1."})),
              HasSubstr("no second text encoder (OpenCLIP bigG) inside"));
  EXPECT_THAT(refusal(without(sdxl_, {"conditioner.", "first_stage_model."})),
              HasSubstr("no first text encoder (CLIP-L) and no second text encoder (OpenCLIP bigG) "
                        "and no autoencoder (VAE) inside"));
}

TEST_F(RelativesTest, PartsAloneAreCalledByTheirName) {
  EXPECT_THAT(
      refusal(without(sd15_, {"model.diffusion_model.", "model_ema.", "cond_stage_model."})),
      HasSubstr("autoencoder (VAE) alone"));
  EXPECT_THAT(
      refusal(without(sd15_, {"model.diffusion_model.", "model_ema.", "first_stage_model."})),
      HasSubstr("text encoder alone"));
  EXPECT_THAT(refusal(read_tensor_list("unet_sd15")), HasSubstr("bare UNet"));
  EXPECT_THAT(refusal(read_tensor_list("clip_l")), HasSubstr("text encoder alone"));
  EXPECT_THAT(refusal(read_tensor_list("vae")), HasSubstr("autoencoder (VAE) alone"));
  EXPECT_THAT(refusal({{"emb_params", {4, 768}, {}}}), HasSubstr("textual inversion"));
}

TEST_F(RelativesTest, AFileOfMovingAveragesIsNamed) {
  auto tensors = without(sd15_, {"model_ema."});
  for (ListedTensor& tensor : tensors) {
    if (!tensor.name.starts_with("model.diffusion_model.")) continue;
    tensor.name.erase(0, std::string_view("model.").size());
    std::erase(tensor.name, '.');
    tensor.name.insert(0, "model_ema.");
  }
  EXPECT_THAT(refusal(tensors), HasSubstr("moving average (EMA)"));
}

TEST_F(RelativesTest, DistilledModelsAreRecognised) {
  constexpr const char* kMiddle = "model.diffusion_model.middle_block.1.";
  // SSD-1B: no attention in the middle, fewer transformer blocks elsewhere.
  EXPECT_THAT(refusal(without(sdxl_, {kMiddle})), AllOf(HasSubstr("SSD-1B"), HasSubstr("KOALA")));
  EXPECT_THAT(
      refusal(without(sdxl_, {"model.diffusion_model.input_blocks.8.1.transformer_blocks.9.",
                              "model.diffusion_model.output_blocks.2.1.transformer_blocks.9."})),
      HasSubstr("fewer blocks than SDXL"));
  EXPECT_THAT(refusal(without(sdxl_, {"model.diffusion_model.input_blocks.5."})),
              HasSubstr("fewer blocks than SDXL"));
  EXPECT_THAT(refusal(without(sd15_, {kMiddle, "model.diffusion_model.middle_block."})),
              AllOf(HasSubstr("fewer blocks than Stable Diffusion 1.5"), HasSubstr("small-sd")));
}

TEST_F(RelativesTest, WhatComputesSomethingMoreIsRefused) {
  const struct {
    const char *tensor, *sentence;
  } relatives[] = {
      {"model.diffusion_model.time_embed.cond_proj.weight", "guidance scale"},
      {"model.diffusion_model.input_blocks.1.1.proj_in.scale_weight", "scaled fp8"},
      {"model.diffusion_model.input_blocks.1.1.proj_in.weight.absmax", "bitsandbytes"},
      {"model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.lora_up.weight",
       "LoRA"},
      {"first_stage_model.decoder.conv_in.scale_weight", "scaled fp8"},
  };
  for (const auto& relative : relatives) {
    EXPECT_THAT(refusal(with(sd15_, relative.tensor)),
                AllOf(HasSubstr(relative.sentence), HasSubstr(relative.tensor)));
  }
}

TEST_F(RelativesTest, WhatIsBesideTheModelIsListedOrKnown) {
  EXPECT_EQ(refusal(with(sd15_, "embedding_manager.token")), "");
  EXPECT_THAT(layout_.left_over, testing::ElementsAre("embedding_manager.token"));
  EXPECT_EQ(refusal(with(sd15_, "cond_stage_model.transformer.text_projection.weight")), "");
  EXPECT_TRUE(layout_.left_over.empty());
  // One of the network's own without a place there: left to the network to refuse.
  EXPECT_EQ(refusal(with(sd15_, "model.diffusion_model.surprise.weight")), "");
  EXPECT_NE(layout_.find("unet")->weights.find("surprise.weight"), nullptr);
}

}  // namespace
}  // namespace atelier::engine
