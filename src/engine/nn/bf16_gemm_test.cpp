#include "engine/nn/bf16_gemm.h"

#include <gtest/gtest.h>

#include "engine/nn/linear.h"
#include "engine/tensor/tensor_source.h"

namespace atelier::engine {
namespace {

class Bf16Gemm : public testing::Test {
 protected:
  void SetUp() override {
    if (!bf16_products_supported()) GTEST_SKIP() << "this processor has no bf16 products";
    at::manual_seed(11);
  }
  void TearDown() override { at::set_num_threads(threads_); }

  const int threads_ = at::get_num_threads();
  WeightArena arena_;
};

struct Layer {
  Tensor x, weight, bias;
};

Layer random_layer(std::vector<std::int64_t> batch, std::int64_t k, std::int64_t columns) {
  batch.push_back(k);
  return {at::randn(batch).to(at::kBFloat16), (at::randn({columns, k}) / std::sqrt(k)),
          at::randn({columns})};
}

// With the weight rounded as the packed one is, so that only sums and the last rounding differ.
Tensor exact(const Layer& layer) {
  return at::linear(layer.x.to(at::kDouble), layer.weight.to(at::kBFloat16).to(at::kDouble),
                    layer.bias.to(at::kDouble));
}

double error(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return ((found.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

constexpr double kLastRounding = 1.0 / 256;

TEST_F(Bf16Gemm, EqualsTheProductInDouble) {
  const std::int64_t sizes[][3] = {{1, 2, 1},       {5, 7, 3},      {12, 64, 32},
                                   {13, 66, 33},    {100, 20, 65},  {31, 320, 320},
                                   {600, 320, 130}, {25, 4099, 70}, {3, 6000, 31}};
  for (const auto& [rows, k, columns] : sizes) {
    SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(k) + " x " +
                 std::to_string(columns));
    const Layer layer = random_layer({rows}, k, columns);
    const PackedMatrix packed = pack_matrix(arena_, {layer.weight}, {layer.bias});
    EXPECT_LT(error(multiply_packed(layer.x, packed), exact(layer)), kLastRounding);
  }
}

TEST_F(Bf16Gemm, AddsTheResidualBeforeRounding) {
  const Layer layer = random_layer({2, 17}, 96, 50);
  const PackedMatrix packed = pack_matrix(arena_, {layer.weight}, {layer.bias});
  const Tensor residual = at::randn({2, 17, 50}).to(at::kBFloat16);
  EXPECT_LT(
      error(multiply_packed(layer.x, packed, residual), exact(layer) + residual.to(at::kDouble)),
      kLastRounding);
}

TEST_F(Bf16Gemm, TakesRowsThatAreNotDense) {
  const Layer layer = random_layer({2, 8, 6}, 32, 40);
  const PackedMatrix packed = pack_matrix(arena_, {layer.weight}, {layer.bias});
  const Layer turned{layer.x.transpose(1, 2), layer.weight, layer.bias};
  EXPECT_LT(error(multiply_packed(turned.x, packed), exact(turned)), kLastRounding);
}

TEST_F(Bf16Gemm, PacksWeightsOfEveryFormat) {
  Layer layer = random_layer({9}, 70, 45);
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    layer.weight = layer.weight.to(dtype);
    const PackedMatrix packed = pack_matrix(arena_, {layer.weight}, {layer.bias});
    EXPECT_LT(error(multiply_packed(layer.x, packed), exact(layer)), kLastRounding) << dtype;
  }
}

TEST_F(Bf16Gemm, GatesWithTheExactGelu) {
  for (const std::int64_t columns : {1, 16, 40, 64}) {
    const Layer layer = random_layer({29}, 48, 2 * columns);
    const PackedMatrix packed = pack_gated_matrix(arena_, layer.weight, layer.bias);
    const std::vector<Tensor> both = exact(layer).chunk(2, 1);
    EXPECT_LT(error(multiply_packed(layer.x, packed), both[0] * at::gelu(both[1])), kLastRounding);
  }
}

TEST_F(Bf16Gemm, GatesWithoutLosingFarValues) {
  const Tensor gates = at::linspace(-14, 14, 4001).unsqueeze(1);  // [4001, 1]
  Layer layer{at::cat({at::ones_like(gates), gates}, 1).to(at::kBFloat16),
              at::tensor({1.0F, 0.0F, 0.0F, 1.0F}).view({2, 2}), at::zeros({2})};
  const PackedMatrix packed = pack_gated_matrix(arena_, layer.weight, layer.bias);
  const Tensor expected = at::gelu(layer.x.to(at::kDouble).slice(1, 1, 2));
  const Tensor found = multiply_packed(layer.x, packed).to(at::kDouble);
  // Relative to each value, but for those whose tail is below fp32's reach of 1 - erf.
  const Tensor allowed = expected.abs() * kLastRounding + 2e-6;
  EXPECT_TRUE(((found - expected).abs() <= allowed).all().item<bool>());
}

TEST_F(Bf16Gemm, GivesTheSameForAnyNumberOfThreads) {
  const Layer layer = random_layer({1000}, 2700, 300);
  const PackedMatrix packed = pack_matrix(arena_, {layer.weight}, {layer.bias});
  at::set_num_threads(1);
  const Tensor one = multiply_packed(layer.x, packed);
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(one, multiply_packed(layer.x, packed)));
}

TEST_F(Bf16Gemm, TheWeightOutlivesTheArena) {
  const Layer layer = random_layer({4}, 32, 32);
  PackedMatrix packed;
  {
    WeightArena arena;
    packed = pack_matrix(arena, {layer.weight}, {layer.bias});
  }
  EXPECT_LT(error(multiply_packed(layer.x, packed), exact(layer)), kLastRounding);
}

// The layers themselves, on any processor: packed where it can be, libtorch's product elsewhere.
class LinearLayer : public testing::TestWithParam<at::ScalarType> {};

TEST_P(LinearLayer, JoinsAddsAndGates) {
  at::manual_seed(12);
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const char* name : {"q", "k"}) {
    tensors[std::string(name) + ".weight"] = at::randn({24, 40}) / 6;
    tensors[std::string(name) + ".bias"] = at::randn({24});
  }
  tensors["conv.weight"] = at::randn({40, 40, 1, 1}) / 6;
  tensors["conv.bias"] = at::randn({40});
  const MemorySource source(tensors);
  const Binder binder(source, GetParam());
  const Linear joined =
      Linear::joined({binder.scope("q"), binder.scope("k")}, 40, {24, 24}, Bias::kYes);
  const Linear conv = Linear::from_convolution(binder.scope("conv"), 40, 40);
  const GatedLinear gated(binder.scope("q"), 40, 12);
  binder.check_all_used();

  const Tensor x = at::randn({2, 5, 40}).to(GetParam());
  const Tensor wide = x.to(at::kDouble);
  const auto linear = [&](const std::string& name) {
    return at::linear(wide, tensors[name + ".weight"].flatten(1).to(at::kDouble),
                      tensors[name + ".bias"].to(at::kDouble));
  };
  const double tolerance = GetParam() == at::kFloat ? 1e-5 : 1e-2;
  EXPECT_LT(error(joined(x), at::cat({linear("q"), linear("k")}, 2)), tolerance);
  EXPECT_LT(error(conv(x, x), linear("conv") + wide), tolerance);
  const std::vector<Tensor> both = linear("q").chunk(2, 2);
  EXPECT_LT(error(gated(x), both[0] * at::gelu(both[1])), tolerance);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, LinearLayer, testing::Values(at::kFloat, at::kBFloat16));

}  // namespace
}  // namespace atelier::engine
