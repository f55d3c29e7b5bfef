#include "engine/nn/winograd.h"

#include <gtest/gtest.h>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {
namespace {

// Largest difference to the direct convolution in fp64, relative to its largest value.
double error_against_direct(WinogradTile tile, std::int64_t batch, std::int64_t in,
                            std::int64_t out, std::int64_t height, std::int64_t width) {
  at::manual_seed(7);
  const Tensor input = at::randn({batch, in, height, width});
  const Tensor weight = at::randn({out, in, 3, 3}) / 16;
  const Tensor bias = at::randn({out});
  const Tensor expected =
      at::conv2d(input.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), 1, 1);
  const Tensor got = winograd_conv3x3(input, winograd_weight(weight, tile), bias);
  EXPECT_EQ(got.sizes(), expected.sizes());
  return ((got - expected).abs().max() / expected.abs().max()).item<double>();
}

TEST(Winograd, EqualsTheDirectConvolution) {
  EXPECT_LT(error_against_direct(WinogradTile::k2x2, 2, 32, 48, 16, 16), 2e-6);
  EXPECT_LT(error_against_direct(WinogradTile::k4x4, 2, 32, 48, 16, 16), 2e-5);
}

TEST(Winograd, TakesSizesThatAreNoMultipleOfTheTile) {
  for (const auto tile : {WinogradTile::k2x2, WinogradTile::k4x4}) {
    EXPECT_LT(error_against_direct(tile, 1, 16, 16, 1, 1), 2e-5);
    EXPECT_LT(error_against_direct(tile, 3, 16, 32, 7, 13), 2e-5);
  }
}

TEST(Winograd, WorksInSeveralRounds) {
  EXPECT_LT(error_against_direct(WinogradTile::k4x4, 1, 128, 128, 96, 96), 2e-5);
}

TEST(Winograd, TakesOnlyWhatItCanDo) {
  EXPECT_TRUE(winograd_takes(at::IntArrayRef{32, 16, 3, 3}));
  EXPECT_FALSE(winograd_takes(at::IntArrayRef{4, 16, 3, 3}));
  EXPECT_FALSE(winograd_takes(at::IntArrayRef{32, 16, 1, 1}));
}

}  // namespace
}  // namespace atelier::engine
