#include "engine/nn/conv.h"

#include <algorithm>
#include <cstring>

#include "engine/nn/winograd.h"
#include "engine/tensor/poll.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

// Up to so many weights of a kernel position fp32 takes the 4x4 tile, whose weights are 4 times as
// large as direct ones (2x2: 1.8 times). Above are the deep layers, where nearly all weights are
// and pictures are small: docs/adr/0004-cpu-kernels.md.
constexpr std::int64_t kPairsForTile4 = 640 * 640;
// Fewer input channels than this fill too little of a Winograd group.
constexpr std::int64_t kWinogradChannelsMin = 16;
constexpr std::int64_t kRoundBytes = std::int64_t{8} << 20;  // of gathered rows

bool is_3x3(const ConvShape& shape) {
  return shape.kernel == 3 && shape.stride == 1 && shape.padding == 1;
}

bool is_pointwise(const ConvShape& shape) {
  return shape.kernel == 1 && shape.stride == 1 && shape.padding == 0;
}

// [out, in, kernel, kernel] -> [out, kernel * kernel * in]
Tensor weight_rows(const Tensor& weight) { return weight.permute({0, 2, 3, 1}).flatten(1); }

// A 1x1 convolution of channels_last pictures is one matrix product over all pixels.
Tensor pointwise(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor pixels = x.permute({0, 2, 3, 1});  // [batch, h, w, in]
  return at::linear(pixels, weight.flatten(1), bias).permute({0, 3, 1, 2});
}

void add(Tensor& result, const ConvAdded& added) {
  if (added.to_channels.defined()) result.add_(added.to_channels.unsqueeze(2).unsqueeze(3));
  if (added.to_pixels.defined()) result.add_(added.to_pixels);
}

Bf16* bf16_data(const Tensor& x) { return static_cast<Bf16*>(x.data_ptr()); }

struct Gather {
  const Tensor& x;  // [batch, in, h, w] bf16, channels_last
  const ConvShape& shape;
  std::int64_t height, width;  // of the output
};

// The pixels under the kernel at outputs [first, first + count) -> rows [count][stride].
void gather_rows(const Gather& from, std::int64_t first, std::int64_t count, Bf16* rows,
                 std::int64_t stride) {
  const std::int64_t in = from.shape.in, kernel = from.shape.kernel;
  const std::int64_t height = from.x.size(2), width = from.x.size(3);
  const auto bytes = static_cast<std::size_t>(in) * sizeof(Bf16);
  const Bf16* pixels = bf16_data(from.x);
  at::parallel_for(0, count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t left = (first + row) % from.width;
      const std::int64_t top = (first + row) / from.width % from.height;
      const std::int64_t image = (first + row) / (from.width * from.height);
      Bf16* to = rows + row * stride;
      for (std::int64_t i = 0; i < kernel * kernel; ++i, to += in) {
        const std::int64_t y = top * from.shape.stride + i / kernel - from.shape.padding;
        const std::int64_t x = left * from.shape.stride + i % kernel - from.shape.padding;
        if (y >= 0 && y < height && x >= 0 && x < width) {
          std::memcpy(to, pixels + ((image * height + y) * width + x) * in, bytes);
        } else {
          std::memset(to, 0, bytes);
        }
      }
      std::fill(to, rows + (row + 1) * stride, Bf16{0});
    }
  });
}

ConvWeights bind(const Binder& binder, const ConvShape& shape) {
  ConvWeights bound;
  bound.bias = binder.tensor("bias", {shape.out});
  const std::vector<std::int64_t> sizes = {shape.out, shape.in, shape.kernel, shape.kernel};
  const bool winograd = is_3x3(shape) && !binder.precise();
  if (binder.packs_weights()) {
    const Tensor stored = binder.stored("weight", sizes);
    if (winograd && shape.in >= kWinogradChannelsMin) {
      bound.packed_winograd =
          pack_winograd(binder.arena(), stored,
                        shape.upsample == Upsample::kYes ? Winograd::kUpsampled : Winograd::kPlain);
    } else {
      bound.packed_rows = pack_matrix(binder.arena(), {weight_rows(stored)}, {bound.bias});
    }
    binder.release("weight");
    return bound;
  }
  const bool fp32 = binder.device().is_cpu() && binder.dtype() == at::kFloat;
  if (winograd && fp32 && winograd_takes(sizes)) {
    const Tensor weight = binder.borrowed("weight", sizes);
    bound.winograd = winograd_weight(
        weight, shape.in * shape.out <= kPairsForTile4 ? WinogradTile::k4x4 : WinogradTile::k2x2);
    binder.release("weight");
  } else {
    bound.weight = binder.tensor("weight", sizes).contiguous(at::MemoryFormat::ChannelsLast);
  }
  return bound;
}

}  // namespace

Conv2d::Conv2d(const Binder& binder, const ConvShape& shape)
    : shape_(shape), bound_({binder}, [shape](const std::vector<Binder>& places) {
        return bind(places[0], shape);
      }) {
  CHECK(shape.upsample == Upsample::kNo || is_3x3(shape));
}

Tensor Conv2d::operator()(const Tensor& x, const ConvAdded& added) const {
  CHECK(shape_.upsample == Upsample::kNo);
  const auto size = [&](std::int64_t length) {
    return (length + 2 * shape_.padding - shape_.kernel) / shape_.stride + 1;
  };
  return run(x.contiguous(at::MemoryFormat::ChannelsLast), {size(x.size(2)), size(x.size(3))},
             added);
}

Tensor Conv2d::upsampled(const Tensor& x, at::IntArrayRef size) const {
  CHECK(shape_.upsample == Upsample::kYes && size.size() == 2);
  const Tensor pictures = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (bound_->packed_winograd.defined()) return packed_winograd(pictures, size, {});
  return run(at::upsample_nearest2d(pictures, size), size, {});
}

Tensor Conv2d::run(const Tensor& x, at::IntArrayRef size, const ConvAdded& added) const {
  if (bound_->packed_winograd.defined()) return packed_winograd(x, size, added);
  if (bound_->packed_rows.defined()) return packed_rows(x, size, added);
  Tensor result = bound_->winograd.defined() ? winograd_conv3x3(x, bound_->winograd, bound_->bias)
                  : is_pointwise(shape_)
                      ? pointwise(x, bound_->weight, bound_->bias)
                      : at::conv2d(x, bound_->weight, bound_->bias, shape_.stride, shape_.padding);
  add(result, added);
  return result;
}

Tensor Conv2d::packed_winograd(const Tensor& x, at::IntArrayRef size,
                               const ConvAdded& added) const {
  WinogradCall call;
  call.input = x;
  call.bias = bound_->bias.to(at::kFloat).unsqueeze(0);
  if (added.to_channels.defined()) call.bias = call.bias + added.to_channels.to(at::kFloat);
  call.residual = added.to_pixels;
  call.height = size[0];
  call.width = size[1];
  return winograd_bf16(call, bound_->packed_winograd);
}

Tensor Conv2d::packed_rows(const Tensor& x, at::IntArrayRef size, const ConvAdded& added) const {
  const std::int64_t count = x.size(0) * size[0] * size[1];
  const Tensor out = at::empty({x.size(0), shape_.out, size[0], size[1]},
                               x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const bool adds = added.to_pixels.defined() && !added.to_channels.defined();
  const Tensor residual =
      adds ? added.to_pixels.contiguous(at::MemoryFormat::ChannelsLast) : Tensor();
  const std::int64_t stride = 2 * bound_->packed_rows.pairs();
  const bool gathers = !is_pointwise(shape_) || shape_.in % 2 != 0;
  const std::int64_t round = gathers ? std::clamp<std::int64_t>(kRoundBytes / (2 * stride), 1,
                                                                std::max<std::int64_t>(count, 1))
                                     : count;
  for (std::int64_t first = 0; first < count; first += round) {
    poll();
    RowsProduct product;
    product.count = std::min(round, count - first);
    product.stride = stride;
    if (gathers) {
      auto* rows = static_cast<Bf16*>(thread_scratch(
          ScratchSlot::kPicture, static_cast<std::size_t>(round * stride) * sizeof(Bf16)));
      gather_rows({x, shape_, size[0], size[1]}, first, product.count, rows, stride);
      product.rows = rows;
    } else {
      product.rows = bf16_data(x);
    }
    product.residual = adds ? bf16_data(residual) + first * shape_.out : nullptr;
    product.out = bf16_data(out) + first * shape_.out;
    multiply_rows(product, bound_->packed_rows);
  }
  if (!adds) {
    Tensor result = out;
    add(result, added);
  }
  return out;
}

}  // namespace atelier::engine
