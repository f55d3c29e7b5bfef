#include "engine/tensor/random.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

TEST(Random, EqualsTorchGeneratorOfTheSameSeed) {
  // torch.randn((1,4,4,4), generator=torch.Generator().manual_seed(seed)).flatten()[[0,1,2,62,63]],
  // torch 2.15.0
  struct Case {
    std::uint64_t seed;
    float values[5];
  };
  const Case cases[] = {
#include "engine/tensor/random_golden.inc"
  };
  for (const Case& expected : cases) {
    Generator generator(expected.seed);
    const Tensor drawn = generator.normal({1, 4, 4, 4}).flatten();
    const int positions[] = {0, 1, 2, 62, 63};
    for (int i = 0; i < 5; ++i) {
      EXPECT_FLOAT_EQ(drawn[positions[i]].item<float>(), expected.values[i]) << expected.seed;
    }
  }
}

TEST(Random, APictureOfABatchEqualsTheSinglePictureOfItsSeed) {
  NoiseSource batch(40, 3), single(42, 1);
  const Tensor sample = at::empty({3, 4, 8, 8});
  for (int draw = 0; draw < 3; ++draw) {
    EXPECT_TRUE(
        at::equal(batch.normal_like(sample)[2], single.normal_like(sample.slice(0, 0, 1))[0]))
        << draw;
  }
}

}  // namespace
}  // namespace atelier::engine
