#include "engine/nn/layer_norm_kernel.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

double error_against_libtorch(const Tensor& input) {
  at::manual_seed(3);
  const std::int64_t width = input.size(-1);
  const Tensor weight = at::randn({width}), bias = at::randn({width});
  const Tensor expected = at::layer_norm(input.to(at::kDouble), {width}, weight.to(at::kDouble),
                                         bias.to(at::kDouble), 1e-5);
  const Tensor got = layer_norm_rows(input, weight, bias, 1e-5);
  EXPECT_EQ(got.scalar_type(), input.scalar_type());
  return ((got - expected).abs().max() / expected.abs().max()).item<double>();
}

TEST(LayerNormKernel, EqualsTheReference) {
  at::manual_seed(1);
  for (const std::int64_t width : {16, 320, 768, 1280}) {
    const Tensor input = at::randn({2, 37, width});
    EXPECT_LT(error_against_libtorch(input), 1e-6) << width;
    EXPECT_LT(error_against_libtorch(input.to(at::kBFloat16)), 1.0 / 256) << width;
  }
}

TEST(LayerNormKernel, KeepsItsAccuracyFarFromZero) {
  at::manual_seed(2);
  EXPECT_LT(error_against_libtorch(at::randn({50, 640}) + 100), 1e-4);
}

TEST(LayerNormKernel, TakesOnlyWholeVectorsAndDenseRows) {
  EXPECT_FALSE(layer_norm_kernel_takes(at::zeros({4, 24})));
  EXPECT_FALSE(layer_norm_kernel_takes(at::zeros({32, 32}).t()));
  EXPECT_FALSE(layer_norm_kernel_takes(at::zeros({4, 32}, at::kDouble)));
  EXPECT_TRUE(layer_norm_kernel_takes(at::zeros({4, 32})));
}

}  // namespace
}  // namespace atelier::engine
