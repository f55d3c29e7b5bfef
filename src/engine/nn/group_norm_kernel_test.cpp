#include "engine/nn/group_norm_kernel.h"

#include <gtest/gtest.h>

#include <limits>

namespace atelier::engine {
namespace {

double error_against_libtorch(const Tensor& input, std::int64_t groups, Activation activation) {
  at::manual_seed(3);
  const Tensor weight = at::randn({input.size(1)}), bias = at::randn({input.size(1)});
  Tensor expected = at::group_norm(input.to(at::kDouble), groups, weight.to(at::kDouble),
                                   bias.to(at::kDouble), 1e-5);
  if (activation == Activation::kSilu) expected = at::silu(expected);
  const Tensor got = group_norm_channels_last(input, groups, weight, bias, 1e-5, activation);
  return ((got - expected).abs().max() / expected.abs().max()).item<double>();
}

TEST(GroupNormKernel, EqualsTheReference) {
  at::manual_seed(1);
  EXPECT_LT(error_against_libtorch(at::randn({2, 64, 9, 13}), 32, Activation::kNone), 1e-6);
  EXPECT_LT(error_against_libtorch(at::randn({2, 320, 32, 32}), 32, Activation::kSilu), 1e-6);
}

TEST(GroupNormKernel, EqualsTheReferenceInBfloat16) {
  at::manual_seed(1);
  const double rounding = 1.0 / 256;
  for (const Activation activation : {Activation::kNone, Activation::kSilu}) {
    const Tensor input = at::randn({2, 320, 17, 32}).to(at::kBFloat16);
    EXPECT_LT(error_against_libtorch(input, 32, activation), rounding);
    EXPECT_LT(error_against_libtorch(input + 20, 32, activation), rounding);
  }
}

TEST(GroupNormKernel, ShowsABrokenInputInBfloat16) {
  const Tensor input = at::randn({1, 32, 5, 5}).to(at::kBFloat16);
  input.select(1, 3).select(1, 1).fill_(std::numeric_limits<double>::quiet_NaN());
  const Tensor weight = at::ones({32}), bias = at::zeros({32});
  const Tensor got = group_norm_channels_last(input, 32, weight, bias, 1e-5, Activation::kSilu);
  EXPECT_TRUE(got.select(1, 3).isnan().all().item<bool>());
  EXPECT_FALSE(got.select(1, 4).isnan().any().item<bool>());
}

TEST(GroupNormKernel, KeepsItsAccuracyFarFromZero) {
  at::manual_seed(2);
  EXPECT_LT(error_against_libtorch(at::randn({1, 32, 64, 64}) + 100, 8, Activation::kSilu), 1e-4);
}

TEST(GroupNormKernel, LargeValuesDoNotOverflowTheActivation) {
  const Tensor input = at::zeros({1, 16, 2, 2});
  input.data_ptr<float>()[0] = 1e6F;
  const Tensor got = group_norm_channels_last(input, 1, at::full({16}, 500.0F), at::zeros({16}),
                                              1e-5, Activation::kSilu);
  EXPECT_TRUE(at::isfinite(got).all().item<bool>());
}

}  // namespace
}  // namespace atelier::engine
