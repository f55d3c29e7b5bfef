#include "engine/models/unet2d.h"

#include "platform/error.h"
#include "tests/golden/model_golden.h"

namespace atelier::engine {
namespace {

struct Asked {
  Tensor sample, context;
  AddedConditioning added;
  double timestep;
};

Asked asked_of(const GoldenCase& one, const UNet2DConfig& config) {
  const std::vector<std::int64_t> size = golden_integers(one.inputs.at("size"));
  const auto batch = one.inputs.at("batch").to_number<std::int64_t>();
  const auto tokens = one.inputs.at("tokens").to_number<std::int64_t>();
  Asked asked;
  asked.sample = seeded_input("sample_" + std::to_string(size[0]) + "x" + std::to_string(size[1]),
                              {batch, config.in_channels, size[0], size[1]});
  asked.context = seeded_input("context", {batch, tokens, config.cross_attention_dim});
  asked.timestep = one.inputs.at("timestep").to_number<double>();
  if (config.text_time) {
    asked.added = {
        seeded_input("pooled", {batch, 64}),
        at::tensor({1024, 1024, 0, 0, 1024, 1024, 640, 1536, 8, 16, 512, 768}, at::kFloat)
            .view({2, 6})};
  }
  return asked;
}

void compare(const std::string& name, at::ScalarType dtype = at::kFloat) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  const SeededSource source = golden.source();
  const Binder binder(source, dtype);
  const UNet2DConfig config = UNet2DConfig::from_json(golden.config());
  const UNet2D unet(config, binder);
  binder.check_all_used();
  for (const GoldenCase& one : golden.cases()) {
    const Asked asked = asked_of(one, config);
    const Conditioning conditioning = unet.prepare(asked.context, asked.added);
    const Tensor found = unet.forward(asked.sample, asked.timestep, conditioning);
    expect_golden(found, one.outputs.at("sample"), dtype, "t " + std::to_string(asked.timestep));
  }
}

TEST(UNet2D, GivesTheReferenceNumbersOfStableDiffusion15) { compare("unet_sd15"); }

TEST(UNet2D, GivesTheReferenceNumbersOfNineChannels) { compare("unet_sd15_inpaint"); }

TEST(UNet2D, GivesTheReferenceNumbersOfSdxl) { compare("unet_sdxl"); }

TEST(UNet2D, GivesTheReferenceNumbersOfOddWidthsAndHeads) { compare("unet_odd"); }

// One case: CPUs without bf16 instructions are slow. The tiny SDXL is no measure: with one channel
// in a group the reference's own bf16 is 12 to 22 % off.
TEST(UNet2D, StaysNearTheReferenceInBfloat16) { compare("unet_sd15_inpaint", at::kBFloat16); }

TEST(UNet2D, AsksBetweenBlocksWhetherToStop) {
  const ModelGolden golden("unet_odd");
  const SeededSource source = golden.source();
  const UNet2D unet(UNet2DConfig::from_json(golden.config()), Binder(source, at::kFloat));
  const Asked asked = asked_of(golden.cases()[0], unet.config());
  const Conditioning conditioning = unet.prepare(asked.context);
  int asks = 0;
  const Hooks hooks{[&] {
    if (++asks == 5) throw Error(ErrorCode::kCancelled, "stopped");
  }};
  EXPECT_THROW(unet.forward(asked.sample, 1, conditioning, hooks), Error);
  EXPECT_EQ(asks, 5);
}

TEST(UNet2D, RefusesWhatItDoesNotHave) {
  const auto config = [](const char* key, boost::json::value value) {
    return UNet2DConfig::from_json({{key, std::move(value)}});
  };
  EXPECT_THROW(config("class_embed_type", "timestep"), Error);
  EXPECT_THROW(config("down_block_types", boost::json::array{"SimpleCrossAttnDownBlock2D"}), Error);
  EXPECT_THROW(config("attention_head_dim", boost::json::array{8, 8}), Error);
  EXPECT_THROW(config("block_out_channels", boost::json::array{320, -1}), Error);
  EXPECT_THROW(config("norm_num_groups", 7), Error);
  EXPECT_NO_THROW(config("class_embed_type", nullptr));
}

TEST(UNet2D, RefusesInputsOfAnotherModel) {
  const ModelGolden golden("unet_sdxl");
  const SeededSource source = golden.source();
  const UNet2D unet(UNet2DConfig::from_json(golden.config()), Binder(source, at::kFloat));
  const Asked asked = asked_of(golden.cases()[0], unet.config());
  EXPECT_THROW(unet.prepare(asked.context), Error);
  EXPECT_THROW(unet.prepare(at::zeros({2, 7, 32}), asked.added), Error);
  const Conditioning conditioning = unet.prepare(asked.context, asked.added);
  EXPECT_THROW(unet.forward(at::zeros({2, 9, 8, 8}), 1, conditioning), Error);
  EXPECT_THROW(unet.forward(at::zeros({1, 4, 8, 8}), 1, conditioning), Error);
}

}  // namespace
}  // namespace atelier::engine
