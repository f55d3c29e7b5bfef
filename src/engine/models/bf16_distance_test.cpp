// Faster must not mean worse: the networks in bf16 against their own fp32 numbers.
#include "tests/golden/bf16_distances.h"

#include "engine/models/autoencoder_kl.h"
#include "engine/models/unet2d.h"
#include "engine/nn/bf16_kernels.h"
#include "tests/golden/model_golden.h"

namespace atelier::engine {
namespace {

std::string size_name(const char* what, const std::vector<std::int64_t>& size) {
  std::string name = what;
  name += std::to_string(size[0]);
  name += 'x';
  return name += std::to_string(size[1]);
}

class Bf16Networks : public testing::Test {
 protected:
  void SetUp() override {
    if (!bf16_products_supported()) GTEST_SKIP() << "this processor has no bf16 products";
  }
};

TEST_F(Bf16Networks, TheUnetIsAsNearAsTheReference) {
  const ModelGolden golden("unet_sd15");
  const SeededSource source = golden.source();
  const UNet2DConfig config = UNet2DConfig::from_json(golden.config());
  const UNet2D exact(config, Binder(source, at::kFloat));
  const UNet2D fast(config, Binder(source, at::kBFloat16));
  Bf16Distance distance("unet");
  for (const boost::json::value& entry : distance.cases()) {
    const std::vector<std::int64_t> size = golden_integers(entry);
    const Tensor sample = seeded_input(size_name("sample_", size), {2, 4, size[0], size[1]});
    const Tensor context = seeded_input("context", {2, 77, config.cross_attention_dim});
    distance.add(fast.forward(sample, 500, fast.prepare(context)),
                 exact.forward(sample, 500, exact.prepare(context)));
  }
  distance.expect_near_enough();
}

TEST_F(Bf16Networks, TheAutoencoderIsAsNearAsTheReference) {
  const ModelGolden golden("vae");
  const SeededSource source = golden.source();
  const AutoencoderKlConfig config = AutoencoderKlConfig::from_json(golden.config());
  const AutoencoderKl exact(config, Binder(source, at::kFloat));
  const AutoencoderKl fast(config, Binder(source, at::kBFloat16));
  Bf16Distance distance("vae");
  for (const boost::json::value& entry : distance.cases()) {
    const std::vector<std::int64_t> size = golden_integers(entry);
    const Tensor latents = seeded_input(size_name("latents_", size), {1, 4, size[0], size[1]}) * 3;
    distance.add(fast.decode(latents), exact.decode(latents));
  }
  distance.expect_near_enough();
}

}  // namespace
}  // namespace atelier::engine
