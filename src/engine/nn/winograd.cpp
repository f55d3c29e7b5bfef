#include "engine/nn/winograd.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/nn/winograd_kernels.h"
#include "engine/tensor/poll.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

// Transformed inputs and products of one round of tiles stay in a typical L3 cache (bytes).
constexpr std::int64_t kRoundBytes = std::int64_t{16} << 20;
constexpr int kPointsMax = 36;

struct Shape {
  std::int64_t batch, in, out, height, width;
  int tile;    // outputs of a tile along one side
  int points;  // (tile + 2)^2
  std::int64_t tiles_down, tiles_across;
  std::int64_t tiles() const { return batch * tiles_down * tiles_across; }
};

Shape shape_of(const Tensor& input, const Tensor& transformed) {
  CHECK(input.dim() == 4 && transformed.dim() == 3);
  CHECK(transformed.size(1) == input.size(1));
  const int points = static_cast<int>(transformed.size(0));
  CHECK(points == 16 || points == 36);
  const int tile = points == 16 ? 2 : 4;
  const std::int64_t height = input.size(2), width = input.size(3);
  return {input.size(0),
          input.size(1),
          transformed.size(2),
          height,
          width,
          tile,
          points,
          (height + tile - 1) / tile,
          (width + tile - 1) / tile};
}

struct TilePlace {
  std::int64_t image, top, left;  // of its first output
};

TilePlace place_of(const Shape& shape, std::int64_t tile) {
  const std::int64_t per_image = shape.tiles_down * shape.tiles_across;
  const std::int64_t within = tile % per_image;
  return {tile / per_image, within / shape.tiles_across * shape.tile,
          within % shape.tiles_across * shape.tile};
}

// Tiles [first, first + count) of `input` into `planes` [points, count, in].
void transform_input(const Shape& shape, const float* input, std::int64_t first, std::int64_t count,
                     float* planes) {
  const std::vector<float> outside(static_cast<std::size_t>(shape.in), 0.0F);
  at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
    const int side = shape.tile + 2;
    std::array<const float*, kPointsMax> pixels{};
    for (std::int64_t t = begin; t < end; ++t) {
      const TilePlace place = place_of(shape, first + t);
      for (int i = 0; i < side; ++i) {
        for (int j = 0; j < side; ++j) {
          const std::int64_t y = place.top + i - 1, x = place.left + j - 1;
          const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
          pixels[static_cast<std::size_t>(i * side + j)] =
              inside ? input + ((place.image * shape.height + y) * shape.width + x) * shape.in
                     : outside.data();
        }
      }
      const WinogradInputTile tile{pixels.data(), planes + t * shape.in, count * shape.in,
                                   shape.in};
      shape.tile == 2 ? winograd_input_2x2(tile) : winograd_input_4x4(tile);
    }
  });
}

// products [points, count, out] -> pixels of `output`.
void transform_output(const Shape& shape, const float* products, const float* bias,
                      std::int64_t first, std::int64_t count, float* output) {
  at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> dump(static_cast<std::size_t>(shape.out));
    std::array<float*, kPointsMax> pixels{};
    for (std::int64_t t = begin; t < end; ++t) {
      const TilePlace place = place_of(shape, first + t);
      for (int i = 0; i < shape.tile; ++i) {
        for (int j = 0; j < shape.tile; ++j) {
          const std::int64_t y = place.top + i, x = place.left + j;
          const bool inside = y < shape.height && x < shape.width;
          pixels[static_cast<std::size_t>(i * shape.tile + j)] =
              inside ? output + ((place.image * shape.height + y) * shape.width + x) * shape.out
                     : dump.data();
        }
      }
      const WinogradOutputTile tile{products + t * shape.out, count * shape.out, pixels.data(),
                                    bias, shape.out};
      shape.tile == 2 ? winograd_output_2x2(tile) : winograd_output_4x4(tile);
    }
  });
}

// planes [points, count, in] x transformed [points, in, out] -> products [points, count, out].
// One product for each point; libtorch's matrix product runs on one thread inside parallel_for.
void multiply(const Shape& shape, const Tensor& planes, const Tensor& transformed,
              Tensor& products) {
  at::parallel_for(0, shape.points, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode guard;
    for (std::int64_t point = begin; point < end; ++point) {
      Tensor product = products[point];
      at::mm_out(product, planes[point], transformed[point]);
    }
  });
}

std::int64_t tiles_per_round(const Shape& shape) {
  const std::int64_t tile_bytes =
      shape.points * (shape.in + shape.out) * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t fitting = std::max<std::int64_t>(32, kRoundBytes / tile_bytes / 16 * 16);
  // Rounds of equal size: a short last one would multiply with poor efficiency.
  const std::int64_t rounds = (shape.tiles() + fitting - 1) / fitting;
  return (shape.tiles() + rounds - 1) / rounds;
}

}  // namespace

bool winograd_takes(at::IntArrayRef weight_shape) {
  return weight_shape.size() == 4 && weight_shape[2] == 3 && weight_shape[3] == 3 &&
         weight_shape[0] % 16 == 0 && weight_shape[1] % 16 == 0;
}

Tensor winograd_weight(const Tensor& weight, WinogradTile tile) {
  CHECK(winograd_takes(weight.sizes()));
  const Tensor source = weight.to(at::kCPU, at::kFloat).contiguous();  // [out, in, 3, 3]
  const std::int64_t out = source.size(0), in = source.size(1);
  const int side = static_cast<int>(tile) + 2;
  Tensor result = at::empty({side * side, in, out}, at::kFloat);
  const float* from = source.data_ptr<float>();
  float* to = result.data_ptr<float>();
  at::parallel_for(0, out / 16, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      for (std::int64_t i = 0; i < in; ++i) {
        const float* nine = from + (block * 16 * in + i) * 9;
        float* planes = to + i * out + block * 16;
        tile == WinogradTile::k2x2 ? winograd_weight_2x2(nine, in * 9, planes, in * out)
                                   : winograd_weight_4x4(nine, in * 9, planes, in * out);
      }
    }
  });
  return result;
}

Tensor winograd_conv3x3(const Tensor& input, const Tensor& transformed, const Tensor& bias) {
  const Shape shape = shape_of(input, transformed);
  const Tensor pixels = input.contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor shift = bias.defined() ? bias.contiguous() : at::zeros({shape.out}, at::kFloat);
  Tensor output = at::empty({shape.batch, shape.out, shape.height, shape.width},
                            pixels.options().memory_format(at::MemoryFormat::ChannelsLast));
  const std::int64_t round = tiles_per_round(shape);
  Tensor plane_buffer = at::empty({shape.points * round * shape.in}, at::kFloat);
  Tensor product_buffer = at::empty({shape.points * round * shape.out}, at::kFloat);
  for (std::int64_t first = 0; first < shape.tiles(); first += round) {
    poll();
    const std::int64_t count = std::min(round, shape.tiles() - first);
    Tensor planes = plane_buffer.narrow(0, 0, shape.points * count * shape.in)
                        .view({shape.points, count, shape.in});
    Tensor products = product_buffer.narrow(0, 0, shape.points * count * shape.out)
                          .view({shape.points, count, shape.out});
    transform_input(shape, pixels.data_ptr<float>(), first, count, planes.data_ptr<float>());
    multiply(shape, planes, transformed, products);
    transform_output(shape, products.data_ptr<float>(), shift.data_ptr<float>(), first, count,
                     output.data_ptr<float>());
  }
  return output;
}

}  // namespace atelier::engine
