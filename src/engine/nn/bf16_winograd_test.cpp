#include "engine/nn/bf16_winograd.h"

#include <gtest/gtest.h>

#include "engine/nn/conv.h"
#include "engine/tensor/tensor_source.h"

namespace atelier::engine {
namespace {

class Bf16Winograd : public testing::Test {
 protected:
  void SetUp() override {
    if (!bf16_products_supported()) GTEST_SKIP() << "this processor has no bf16 products";
    at::manual_seed(5);
  }
  void TearDown() override { at::set_num_threads(threads_); }

  const int threads_ = at::get_num_threads();
  WeightArena arena_;
};

struct Sizes {
  std::int64_t batch, in, out, height, width;
};

struct Layer {
  Tensor x, weight, bias;
};

Layer random_layer(const Sizes& sizes, at::ScalarType weight_dtype = at::kFloat) {
  const Tensor x = at::randn({sizes.batch, sizes.in, sizes.height, sizes.width});
  const Tensor weight =
      at::randn({sizes.out, sizes.in, 3, 3}) / std::sqrt(9.0 * static_cast<double>(sizes.in));
  return {x.to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast), weight.to(weight_dtype),
          at::randn({1, sizes.out})};
}

Tensor exact(const Layer& layer, const Tensor& x) {
  return at::conv2d(x.to(at::kDouble), layer.weight.to(at::kDouble), layer.bias[0].to(at::kDouble),
                    1, 1);
}

// Root mean square of the difference as a share of that of the expected values.
double rms_error(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  const Tensor difference = found.to(at::kDouble) - expected;
  return (difference.square().mean().sqrt() / expected.square().mean().sqrt()).item<double>();
}

// Roundings of transformed inputs and weights to 8 bits; a wrong tile or border is far above.
constexpr double kRounding = 0.007;

TEST_F(Bf16Winograd, IsTheDirectConvolutionWithinRounding) {
  const Sizes all[] = {{1, 32, 32, 2, 2},    {2, 48, 40, 7, 13},    {1, 17, 3, 1, 1},
                       {3, 64, 33, 1, 9},    {1, 320, 320, 16, 16}, {2, 32, 64, 40, 37},
                       {1, 1600, 70, 10, 6}, {1, 2600, 32, 4, 4}};
  for (const Sizes& sizes : all) {
    SCOPED_TRACE(std::to_string(sizes.in) + " " + std::to_string(sizes.height));
    const Layer layer = random_layer(sizes);
    const PackedWinograd packed = pack_winograd(arena_, layer.weight, Winograd::kPlain);
    const Tensor found =
        winograd_bf16({layer.x, layer.bias, {}, sizes.height, sizes.width}, packed);
    EXPECT_LT(rms_error(found, exact(layer, layer.x)), kRounding);
  }
}

TEST_F(Bf16Winograd, ConvolvesAnUpsampledPictureWithoutMakingIt) {
  for (const auto& [height, width] : {std::pair{14, 10}, {13, 9}, {13, 10}, {1, 1}, {2, 1}}) {
    const Sizes sizes{2, 40, 50, (height + 1) / 2, (width + 1) / 2};
    const Layer layer = random_layer(sizes);
    const PackedWinograd packed = pack_winograd(arena_, layer.weight, Winograd::kUpsampled);
    const Tensor upsampled = at::upsample_nearest2d(layer.x.to(at::kFloat), {height, width});
    const Tensor found = winograd_bf16({layer.x, layer.bias, {}, height, width}, packed);
    EXPECT_LT(rms_error(found, exact(layer, upsampled)), kRounding) << height << " " << width;
  }
}

TEST_F(Bf16Winograd, AddsBiasesOfEachPictureAndAResidual) {
  const Sizes sizes{2, 32, 40, 5, 6};
  Layer layer = random_layer(sizes);
  const PackedWinograd packed = pack_winograd(arena_, layer.weight, Winograd::kPlain);
  const Tensor shift = at::randn({2, 40}), residual = at::randn({2, 40, 5, 6}).to(at::kBFloat16);
  const Tensor found = winograd_bf16({layer.x, layer.bias + shift, residual, 5, 6}, packed);
  EXPECT_LT(rms_error(found, exact(layer, layer.x) + shift.unsqueeze(2).unsqueeze(3) + residual),
            kRounding);
}

TEST_F(Bf16Winograd, PacksWeightsOfEveryFormat) {
  for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16, at::kDouble}) {
    const Layer layer = random_layer({1, 33, 34, 4, 4}, dtype);
    const PackedWinograd packed = pack_winograd(arena_, layer.weight, Winograd::kPlain);
    EXPECT_LT(
        rms_error(winograd_bf16({layer.x, layer.bias, {}, 4, 4}, packed), exact(layer, layer.x)),
        kRounding)
        << dtype;
  }
}

TEST_F(Bf16Winograd, GivesTheSameForAnyNumberOfThreads) {
  for (const Sizes& sizes : {Sizes{1, 64, 64, 61, 80}, Sizes{2, 1000, 64, 9, 9}}) {
    const Layer layer = random_layer(sizes);
    const PackedWinograd packed = pack_winograd(arena_, layer.weight, Winograd::kPlain);
    const WinogradCall call{layer.x, layer.bias, {}, sizes.height, sizes.width};
    at::set_num_threads(1);
    const Tensor one = winograd_bf16(call, packed);
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(one, winograd_bf16(call, packed)));
  }
}

// The error that 320 channels make, against a direct convolution that rounds its operands to bf16:
// the share that the project allows.
TEST_F(Bf16Winograd, IsNotMuchFurtherFromTheTruthThanADirectConvolution) {
  const Layer layer = random_layer({1, 320, 320, 32, 32});
  const PackedWinograd packed = pack_winograd(arena_, layer.weight, Winograd::kPlain);
  const Tensor expected = exact(layer, layer.x);
  const Tensor found = winograd_bf16({layer.x, layer.bias, {}, 32, 32}, packed);
  Layer rounded = layer;
  rounded.weight = layer.weight.to(at::kBFloat16);
  const Tensor direct = exact(rounded, layer.x).to(at::kBFloat16);
  EXPECT_LT(rms_error(found, expected), 2.0 * rms_error(direct, expected));
}

// Conv2d chooses for itself: every form, on any processor.
struct Form {
  ConvShape shape;
  std::int64_t height, width;
};

class Convolution : public testing::TestWithParam<at::ScalarType> {
 protected:
  static MemorySource source_of(const ConvShape& shape) {
    const double fan_in = static_cast<double>(shape.in * shape.kernel * shape.kernel);
    return MemorySource({{"weight", at::randn({shape.out, shape.in, shape.kernel, shape.kernel}) /
                                        std::sqrt(fan_in)},
                         {"bias", at::randn({shape.out})}});
  }
  static Tensor expected(const Tensor& x, const MemorySource& source, const ConvShape& shape) {
    return at::conv2d(x.to(at::kDouble), source.get("weight").to(at::kDouble),
                      source.get("bias").to(at::kDouble), shape.stride, shape.padding);
  }
  double tolerance() const { return GetParam() == at::kFloat ? 1e-5 : 0.007; }
};

TEST_P(Convolution, GivesTheSameInEveryForm) {
  at::manual_seed(6);
  const Form forms[] = {
      {{32, 48}, 9, 6},           {{4, 40}, 8, 8},           {{40, 3}, 5, 7},
      {{32, 32, 3, 2, 1}, 9, 8},  {{32, 32, 3, 2, 0}, 9, 8}, {{33, 20, 1, 1, 0}, 4, 5},
      {{64, 32, 1, 1, 0}, 12, 5}, {{16, 16}, 1, 1},          {{16, 8}, 16, 12},
      {{8, 16}, 12, 16},          {{8, 8}, 32, 32},          {{16, 8, 1, 1, 0}, 32, 32},
      {{16, 16}, 32, 32}};
  for (const Form& form : forms) {
    SCOPED_TRACE(std::to_string(form.shape.in) + " to " + std::to_string(form.shape.out));
    const MemorySource source = source_of(form.shape);
    const Binder binder(source, GetParam());
    const Conv2d conv(binder, form.shape);
    binder.check_all_used();
    const Tensor x = at::randn({2, form.shape.in, form.height, form.width}).to(GetParam());
    const Tensor plain = expected(x, source, form.shape);
    EXPECT_LT(rms_error(conv(x), plain), tolerance());
    const Tensor shift = at::randn({1, form.shape.out}).to(GetParam());
    const Tensor pixels = at::randn(plain.sizes()).to(GetParam());
    EXPECT_LT(rms_error(conv(x, {shift, pixels}), plain + shift.unsqueeze(2).unsqueeze(3) + pixels),
              tolerance());
    EXPECT_LT(rms_error(conv(x, {{}, pixels}), plain + pixels), tolerance());
  }
}

TEST_P(Convolution, UpsamplesFirst) {
  for (const std::int64_t channels : {8, 16, 32}) {
    const ConvShape shape{channels, channels, 3, 1, 1, Upsample::kYes};
    const MemorySource source = source_of(shape);
    for (const bool precise : {false, true}) {
      const Conv2d conv(Binder(source, {.dtype = GetParam(), .precise = precise}), shape);
      const Tensor x = at::randn({2, channels, 5, 4}).to(GetParam());
      const Tensor large = at::upsample_nearest2d(x.to(at::kFloat), {9, 8});
      EXPECT_LT(rms_error(conv.upsampled(x, {9, 8}), expected(large, source, shape)), tolerance());
    }
  }
}

TEST_P(Convolution, IsDirectWhenPrecise) {
  const ConvShape shape{64, 64};
  const MemorySource source = source_of(shape);
  const Tensor x = at::randn({1, 64, 16, 16}).to(GetParam());
  const Tensor truth = expected(x, source, shape);
  const Conv2d fast(Binder(source, GetParam()), shape);
  const Conv2d precise(Binder(source, {.dtype = GetParam(), .precise = true}), shape);
  if (GetParam() == at::kFloat || bf16_products_supported()) {
    EXPECT_LT(rms_error(precise(x), truth), rms_error(fast(x), truth));
  } else {
    EXPECT_TRUE(at::equal(precise(x), fast(x)));  // libtorch's convolution, both
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, Convolution, testing::Values(at::kFloat, at::kBFloat16));

}  // namespace
}  // namespace atelier::engine
