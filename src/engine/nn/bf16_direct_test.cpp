#include "engine/nn/bf16_direct.h"

#include <gtest/gtest.h>

#include "engine/tensor/tensor_source.h"

namespace atelier::engine {
namespace {

struct Sizes {
  std::int64_t batch, in, more, out, height, width;
};

class Bf16Direct : public testing::Test {
 protected:
  void SetUp() override {
    const MemorySource nothing({});
    if (!takes_direct(Binder(nothing, at::kBFloat16), 32)) {
      GTEST_SKIP() << "this processor has no AMX";
    }
    at::manual_seed(7);
  }
  void TearDown() override { at::set_num_threads(threads_); }

  const int threads_ = at::get_num_threads();
};

Tensor random_picture(const Sizes& sizes, std::int64_t channels) {
  return at::randn({sizes.batch, channels, sizes.height, sizes.width}).to(at::kBFloat16);
}

PictureFrame frame_of(const Tensor& picture) {
  const PictureFrame frame(picture.size(0), picture.size(1), picture.size(2), picture.size(3));
  frame.view(0, picture.size(1)).copy_(picture);
  return frame;
}

struct Layer {
  Tensor weight, bias;

  explicit Layer(const Sizes& sizes)
      : weight((at::randn({sizes.out, sizes.in + sizes.more, 3, 3}) /
                std::sqrt(9.0 * static_cast<double>(sizes.in + sizes.more)))
                   .to(at::kBFloat16)),
        bias(at::randn({sizes.out})) {}
  DirectConv bound() const {
    const MemorySource source({{"weight", weight}, {"bias", bias}});
    return DirectConv(Binder(source, at::kBFloat16), weight.size(1), weight.size(0));
  }
  Tensor exact(const Tensor& x) const {
    return at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), 1, 1);
  }
};

// Largest difference as a share of the largest expected value: the rounding of a result to 8 bits.
void expect_near(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  const Tensor difference = (found.to(at::kDouble) - expected).abs().max();
  // The negation also catches NaN.
  EXPECT_FALSE(!((difference / expected.abs().max()).item<double>() < 0.004));
}

bool has_zero_border(const PictureFrame& frame) {
  const std::int64_t rows = frame.height() + 2, columns = frame.width() + 2;
  const auto* value = frame.data();
  for (std::int64_t i = 0; i < frame.batch() * rows * columns * frame.channels(); ++i) {
    const std::int64_t pixel = i / frame.channels(), x = pixel % columns,
                       y = pixel / columns % rows;
    const bool border = x == 0 || x == columns - 1 || y == 0 || y == rows - 1;
    if (border && value[i] != 0) return false;
  }
  return true;
}

TEST_F(Bf16Direct, IsTheConvolutionOfTheChannelsOfTwoFrames) {
  for (const Sizes& sizes :
       {Sizes{1, 32, 0, 32, 1, 1}, Sizes{1, 64, 32, 32, 7, 13}, Sizes{2, 64, 128, 64, 9, 33},
        Sizes{3, 32, 32, 40, 2, 5}, Sizes{1, 64, 0, 3, 37, 50}}) {
    SCOPED_TRACE(std::to_string(sizes.in) + " " + std::to_string(sizes.height));
    const Tensor x = random_picture(sizes, sizes.in);
    const Tensor more = random_picture(sizes, std::max<std::int64_t>(sizes.more, 32));
    const Layer layer(sizes);
    const PictureFrame input = frame_of(x), second = frame_of(more);
    PictureFrame output(sizes.batch, 96, sizes.height, sizes.width);
    layer.bound()({.input = &input, .more = &second, .output = &output, .first_channel = 32});
    expect_near(output.view(32, sizes.out),
                layer.exact(at::cat({x, more.slice(1, 0, sizes.more)}, 1)));
    EXPECT_TRUE(has_zero_border(output));
    EXPECT_EQ(output.view(0, 32).abs().max().item<double>(), 0.0);
    EXPECT_EQ(output.view(32 + sizes.out, 64 - sizes.out).numel() == 0
                  ? 0.0
                  : output.view(32 + sizes.out, 64 - sizes.out).abs().max().item<double>(),
              0.0);
  }
}

TEST_F(Bf16Direct, WritesBesideTheChannelsThatItReads) {
  const Sizes sizes{1, 32, 32, 32, 11, 40};
  const Tensor x = random_picture(sizes, 32), more = random_picture(sizes, 64);
  const Layer layer(sizes);
  const PictureFrame input = frame_of(x);
  PictureFrame grown = frame_of(more);
  layer.bound()(
      {.input = &input, .more = &grown, .slope = 0.2F, .output = &grown, .first_channel = 32});
  expect_near(grown.view(32, 32),
              at::leaky_relu(layer.exact(at::cat({x, more.slice(1, 0, 32)}, 1)), 0.2));
  EXPECT_TRUE(at::equal(grown.view(0, 32), more.slice(1, 0, 32)));
}

TEST_F(Bf16Direct, AddsResidualsWithTheirScales) {
  const Sizes sizes{1, 64, 0, 64, 8, 21};
  const Tensor x = random_picture(sizes, 64), outer = random_picture(sizes, 64);
  const Layer layer(sizes);
  const PictureFrame input = frame_of(x), around = frame_of(outer);
  PictureFrame output(1, 64, 8, 21);
  layer.bound()({.input = &input,
                 .scale = 0.25F,
                 .residual = &input,
                 .outer_scale = 0.5F,
                 .outer_residual = &around,
                 .output = &output});
  const Tensor inner = layer.exact(x) * 0.25 + x.to(at::kDouble);
  expect_near(output.view(0, 64), inner * 0.5 + outer.to(at::kDouble));
}

TEST_F(Bf16Direct, GivesTheSameForAnyNumberOfThreads) {
  const Sizes sizes{1, 64, 0, 32, 40, 61};
  const PictureFrame input = frame_of(random_picture(sizes, 64));
  const DirectConv layer = Layer(sizes).bound();
  PictureFrame one(1, 32, 40, 61), three(1, 32, 40, 61);
  at::set_num_threads(1);
  layer({.input = &input, .output = &one});
  at::set_num_threads(3);
  layer({.input = &input, .output = &three});
  EXPECT_TRUE(at::equal(one.view(0, 32), three.view(0, 32)));
}

}  // namespace
}  // namespace atelier::engine
