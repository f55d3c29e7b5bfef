#include "engine/nn/group_norm_kernel.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/nn/vector16.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

// Positions whose sums stay in fp32 before they are added in fp64.
constexpr std::int64_t kRun = 64;

// Adds `positions` rows of `channels` values, and their squares, to sums and squares [channels].
template <typename Value>
ATELIER_INLINE void add_rows(const Value* rows, std::int64_t positions, std::int64_t channels,
                             double* sums, double* squares) {
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    Vector16 sum{}, square{};
    for (std::int64_t p = 0; p < positions; ++p) {
      const Vector16 value = load16(rows + p * channels + c);
      sum += value;
      square += value * value;
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      sums[c + lane] += static_cast<double>(sum[lane]);
      squares[c + lane] += static_cast<double>(square[lane]);
    }
  }
}

template <Activation kActivation, typename Value>
ATELIER_INLINE void scale_rows(const Value* rows, std::int64_t positions, std::int64_t channels,
                               const float* scale, const float* shift, Value* out) {
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      const std::int64_t at = p * channels + c;
      Vector16 value = load16(rows + at) * load16(scale + c) + load16(shift + c);
      if constexpr (kActivation == Activation::kSilu) value = value / (1.0F + exp16(-value));
      store16(out + at, value);
    }
  }
}

// One function for each kind of value: what is cloned for a processor cannot be a template.
struct Fp32 {
  using Value = float;
  ATELIER_CPU_CLONES static void add(const float* rows, std::int64_t positions,
                                     std::int64_t channels, double* sums, double* squares) {
    add_rows(rows, positions, channels, sums, squares);
  }
  ATELIER_CPU_CLONES static void scale(const float* rows, std::int64_t positions,
                                       std::int64_t channels, const float* scale,
                                       const float* shift, float* out) {
    scale_rows<Activation::kNone>(rows, positions, channels, scale, shift, out);
  }
  ATELIER_CPU_CLONES static void scale_silu(const float* rows, std::int64_t positions,
                                            std::int64_t channels, const float* scale,
                                            const float* shift, float* out) {
    scale_rows<Activation::kSilu>(rows, positions, channels, scale, shift, out);
  }
};

struct Bf16 {
  using Value = std::uint16_t;
  ATELIER_CPU_CLONES static void add(const std::uint16_t* rows, std::int64_t positions,
                                     std::int64_t channels, double* sums, double* squares) {
    add_rows(rows, positions, channels, sums, squares);
  }
  ATELIER_CPU_CLONES static void scale(const std::uint16_t* rows, std::int64_t positions,
                                       std::int64_t channels, const float* scale,
                                       const float* shift, std::uint16_t* out) {
    scale_rows<Activation::kNone>(rows, positions, channels, scale, shift, out);
  }
  ATELIER_CPU_CLONES static void scale_silu(const std::uint16_t* rows, std::int64_t positions,
                                            std::int64_t channels, const float* scale,
                                            const float* shift, std::uint16_t* out) {
    scale_rows<Activation::kSilu>(rows, positions, channels, scale, shift, out);
  }
};

struct Sums {
  std::vector<double> values, squares;  // per channel
};

// Sums over all positions of one picture. Parts are fixed by the number of positions and added in
// order, so the result does not depend on the number of threads.
template <typename Kernel>
Sums sum_picture(const typename Kernel::Value* picture, std::int64_t positions,
                 std::int64_t channels) {
  const std::int64_t parts = std::min<std::int64_t>(64, (positions + kRun - 1) / kRun);
  const auto width = static_cast<std::size_t>(channels);
  std::vector<Sums> partial(static_cast<std::size_t>(parts));
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      Sums& own = partial[static_cast<std::size_t>(part)];
      own = {std::vector<double>(width), std::vector<double>(width)};
      const std::int64_t last = positions * (part + 1) / parts;
      for (std::int64_t p = positions * part / parts; p < last; p += kRun) {
        Kernel::add(picture + p * channels, std::min(kRun, last - p), channels, own.values.data(),
                    own.squares.data());
      }
    }
  });
  Sums total{std::vector<double>(width), std::vector<double>(width)};
  for (const Sums& own : partial) {
    for (std::size_t c = 0; c < width; ++c) {
      total.values[c] += own.values[c];
      total.squares[c] += own.squares[c];
    }
  }
  return total;
}

// y = x * scale + shift per channel, from the statistics of its group.
void scale_and_shift(const Sums& sums, std::int64_t positions, std::int64_t groups,
                     const float* weight, const float* bias, double eps, std::vector<float>& scale,
                     std::vector<float>& shift) {
  const std::size_t per_group = scale.size() / static_cast<std::size_t>(groups);
  const double count = static_cast<double>(positions) * static_cast<double>(per_group);
  for (std::size_t first = 0; first < scale.size(); first += per_group) {
    double sum = 0, square = 0;
    for (std::size_t c = first; c < first + per_group; ++c) {
      sum += sums.values[c];
      square += sums.squares[c];
    }
    const double mean = sum / count;
    const double variance = std::max(0.0, square / count - mean * mean);
    const double inverse = 1.0 / std::sqrt(variance + eps);
    for (std::size_t c = first; c < first + per_group; ++c) {
      const double factor = inverse * static_cast<double>(weight[c]);
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(static_cast<double>(bias[c]) - mean * factor);
    }
  }
}

template <typename Kernel>
void normalise(const Tensor& source, std::int64_t groups, const Tensor& weight, const Tensor& bias,
               double eps, Activation activation, Tensor& output) {
  using Value = typename Kernel::Value;
  const std::int64_t channels = source.size(1), positions = source.size(2) * source.size(3);
  std::vector<float> scale(static_cast<std::size_t>(channels)), shift(scale.size());
  const auto apply = activation == Activation::kSilu ? Kernel::scale_silu : Kernel::scale;
  for (std::int64_t n = 0; n < source.size(0); ++n) {
    const Value* from = static_cast<const Value*>(source.data_ptr()) + n * positions * channels;
    Value* to = static_cast<Value*>(output.data_ptr()) + n * positions * channels;
    scale_and_shift(sum_picture<Kernel>(from, positions, channels), positions, groups,
                    weight.data_ptr<float>(), bias.data_ptr<float>(), eps, scale, shift);
    at::parallel_for(0, positions, kRun, [&](std::int64_t begin, std::int64_t end) {
      apply(from + begin * channels, end - begin, channels, scale.data(), shift.data(),
            to + begin * channels);
    });
  }
}

}  // namespace

bool group_norm_kernel_takes(const Tensor& input) {
  return input.device().is_cpu() &&
         (input.scalar_type() == at::kFloat || input.scalar_type() == at::kBFloat16) &&
         input.dim() == 4 && input.size(1) % kLanes == 0;
}

Tensor group_norm_channels_last(const Tensor& input, std::int64_t groups, const Tensor& weight,
                                const Tensor& bias, double eps, Activation activation) {
  CHECK(group_norm_kernel_takes(input));
  const std::int64_t channels = input.size(1);
  CHECK(channels % groups == 0 && weight.numel() == channels && bias.numel() == channels);
  const Tensor source = input.contiguous(at::MemoryFormat::ChannelsLast);
  Tensor output = at::empty_like(source);
  (source.scalar_type() == at::kFloat ? normalise<Fp32> : normalise<Bf16>)(source, groups, weight,
                                                                           bias, eps, activation,
                                                                           output);
  return output;
}

}  // namespace atelier::engine
