#include "engine/models/autoencoder_kl.h"

#include "platform/error.h"
#include "tests/golden/model_golden.h"

namespace atelier::engine {
namespace {

std::string input_name(const char* what, const std::vector<std::int64_t>& size) {
  std::string name = what;
  name += std::to_string(size[0]);
  name += 'x';
  return name += std::to_string(size[1]);
}

void compare_case(const AutoencoderKl& vae, const GoldenCase& one, at::ScalarType dtype) {
  const std::vector<std::int64_t> size = golden_integers(one.inputs.at("size"));
  const std::string task(one.inputs.at("task").as_string());
  SCOPED_TRACE(task);
  if (task.ends_with("encode")) {
    const Tensor image = seeded_input(input_name("image_", size), {1, 3, size[0], size[1]});
    const LatentMoments moments = task == "encode" ? vae.encode(image) : vae.tiled_encode(image);
    expect_golden(moments.mean, one.outputs.at("mean"), dtype, "mean");
    expect_golden(moments.logvar, one.outputs.at("logvar"), dtype, "logvar");
  } else {
    const Tensor latents = seeded_input(input_name("latents_", size), {1, 4, size[0], size[1]}) * 3;
    const Tensor image = task == "decode" ? vae.decode(latents) : vae.tiled_decode(latents);
    expect_golden(image, one.outputs.at("image"), dtype, "image");
  }
}

void compare(const std::string& name, at::ScalarType dtype = at::kFloat) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  const SeededSource source = golden.source();
  const Binder binder(source, dtype);
  const AutoencoderKl vae(AutoencoderKlConfig::from_json(golden.config()), binder);
  binder.check_all_used();
  for (const GoldenCase& one : golden.cases()) compare_case(vae, one, dtype);
}

TEST(AutoencoderKl, GivesTheReferenceNumbersWholeAndTiled) { compare("vae"); }

TEST(AutoencoderKl, GivesTheReferenceNumbersAtScaleEight) { compare("vae_scale8"); }

TEST(AutoencoderKl, StaysNearTheReferenceInBfloat16) { compare("vae_scale8", at::kBFloat16); }

TEST(AutoencoderKl, DecodesSmallLatentsWithoutTiles) {
  const ModelGolden golden("vae");
  const SeededSource source = golden.source();
  const AutoencoderKl vae(AutoencoderKlConfig::from_json(golden.config()),
                          Binder(source, at::kFloat));
  const Tensor latents = seeded_input("small", {1, 4, 8, 8});
  EXPECT_TRUE(vae.tiled_decode(latents).equal(vae.decode(latents)));
}

TEST(AutoencoderKl, RefusesSidesThatDoNotFit) {
  const ModelGolden golden("vae");
  const SeededSource source = golden.source();
  const AutoencoderKl vae(AutoencoderKlConfig::from_json(golden.config()),
                          Binder(source, at::kFloat));
  EXPECT_THROW(vae.encode(at::zeros({1, 3, 30, 32})), Error);
  EXPECT_THROW(vae.encode(at::zeros({1, 4, 32, 32})), Error);
  EXPECT_THROW(vae.decode(at::zeros({1, 3, 8, 8})), Error);
}

TEST(AutoencoderKlConfig, TellsAGivenUpcastFromTheDefault) {
  EXPECT_FALSE(AutoencoderKlConfig::from_json({}).force_upcast_given);
  const AutoencoderKlConfig given = AutoencoderKlConfig::from_json({{"force_upcast", false}});
  EXPECT_TRUE(given.force_upcast_given);
  EXPECT_FALSE(given.force_upcast);
  EXPECT_THROW(AutoencoderKlConfig::from_json({{"latents_mean", boost::json::array{0.1}}}), Error);
}

TEST(AutoencoderKl, BindsSingleLayersAgain) {
  const ModelGolden golden("vae");
  const SeededSource source = golden.source();
  const AutoencoderKlConfig config = AutoencoderKlConfig::from_json(golden.config());
  AutoencoderKl vae(config, Binder(source, at::kFloat));
  const Tensor latents = seeded_input("small", {1, 4, 8, 8});
  const Tensor original = vae.decode(latents);
  const std::string name = "decoder.mid_block.attentions.0.to_k.weight";
  const AddedSource patched(
      source, {{name, [&] { return seeded_input("delta", source.shape(name).value()); }}});
  vae.rebind(patched, patched.changed());
  EXPECT_FALSE(at::equal(vae.decode(latents), original));
  EXPECT_TRUE(at::equal(vae.decode(latents),
                        AutoencoderKl(config, Binder(patched, at::kFloat)).decode(latents)));
  vae.rebind(source, patched.changed());
  EXPECT_TRUE(at::equal(vae.decode(latents), original));
}

}  // namespace
}  // namespace atelier::engine
