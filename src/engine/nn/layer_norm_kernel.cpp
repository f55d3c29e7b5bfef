#include "engine/nn/layer_norm_kernel.h"

#include <cmath>

#include "engine/nn/vector16.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

struct Row {
  std::int64_t width;
  float eps;
  const float* weight;
  const float* bias;
};

// Halves at a time: four steps instead of sixteen dependent additions.
ATELIER_INLINE float sum_of_lanes(Vector16 value) {
  float lanes[kLanes];
  store16(lanes, value);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

// The mean first and then the distances from it: a row far from zero keeps its variance.
template <typename Value>
ATELIER_INLINE void normalise_rows(const Row& row, const Value* from, std::int64_t count,
                                   Value* to) {
  const float share = 1.0F / static_cast<float>(row.width);
  for (std::int64_t i = 0; i < count; ++i, from += row.width, to += row.width) {
    Vector16 sum{}, square{};
    for (std::int64_t c = 0; c < row.width; c += kLanes) sum += load16(from + c);
    const float mean = sum_of_lanes(sum) * share;
    for (std::int64_t c = 0; c < row.width; c += kLanes) {
      const Vector16 distance = load16(from + c) - mean;
      square += distance * distance;
    }
    const float factor = 1.0F / std::sqrt(sum_of_lanes(square) * share + row.eps);
    for (std::int64_t c = 0; c < row.width; c += kLanes) {
      store16(to + c,
              (load16(from + c) - mean) * factor * load16(row.weight + c) + load16(row.bias + c));
    }
  }
}

// One function for each kind of value: what is cloned for a processor cannot be a template.
ATELIER_CPU_CLONES void normalise_fp32(const Row& row, const float* from, std::int64_t count,
                                       float* to) {
  normalise_rows(row, from, count, to);
}
ATELIER_CPU_CLONES void normalise_bf16(const Row& row, const std::uint16_t* from,
                                       std::int64_t count, std::uint16_t* to) {
  normalise_rows(row, from, count, to);
}

}  // namespace

bool layer_norm_kernel_takes(const Tensor& input) {
  return input.device().is_cpu() && input.is_contiguous() && input.size(-1) % kLanes == 0 &&
         (input.scalar_type() == at::kFloat || input.scalar_type() == at::kBFloat16);
}

Tensor layer_norm_rows(const Tensor& input, const Tensor& weight, const Tensor& bias, double eps) {
  CHECK(layer_norm_kernel_takes(input));
  const std::int64_t width = input.size(-1), rows = input.numel() / width;
  CHECK(weight.numel() == width && bias.numel() == width);
  Tensor output = at::empty_like(input);
  const Row row{width, static_cast<float>(eps), weight.data_ptr<float>(), bias.data_ptr<float>()};
  const bool wide = input.scalar_type() == at::kFloat;
  at::parallel_for(0, rows, 16, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * width;
    if (wide) {
      normalise_fp32(row, input.data_ptr<float>() + at, end - begin, output.data_ptr<float>() + at);
    } else {
      normalise_bf16(row, static_cast<const std::uint16_t*>(input.data_ptr()) + at, end - begin,
                     static_cast<std::uint16_t*>(output.data_ptr()) + at);
    }
  });
  return output;
}

}  // namespace atelier::engine
