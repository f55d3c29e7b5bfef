// The inner loops of nn/bf16_winograd.cpp, without torch: transforms of F(2x2,3x3) in fp32 around
// bf16 products. Source of the matrices: nn/winograd.h. A convolution of a picture that was doubled
// by repeating pixels sees rows a, b, b, c, whose third transformed value b - b is nothing: it
// needs 9 of the 16 points and reads the small picture. Called from any thread, only when
// bf16_products_supported(). Sizes are the caller's duty.
#pragma once

#include <cstdint>

#include "engine/nn/bf16_kernels.h"

namespace atelier::engine {

enum class Winograd { kPlain, kUpsampled };

constexpr int winograd_side(Winograd kind) { return kind == Winograd::kPlain ? 4 : 3; }
constexpr int winograd_points(Winograd kind) { return winograd_side(kind) * winograd_side(kind); }

// Transformed channels lie in groups of 32, of each group first the even ones, then the odd ones:
// so a pair of bf16 values splits into two fp32 vectors and back without a shuffle.
inline constexpr std::int64_t kChannelGroup = 32;

struct Bf16WinogradInput {
  const Bf16* const* pixels = nullptr;  // side x side pointers to `channels` values, row by row
  std::int64_t channels = 0;
  Bf16* out = nullptr;     // of the first point; whole groups are written
  std::int64_t plane = 0;  // values between points
};
void winograd_input(Winograd kind, const Bf16WinogradInput& tile);

struct Bf16WinogradOutput {
  const float* products = nullptr;            // 32 columns of the first point
  std::int64_t plane = 0;                     // floats between points
  std::int64_t columns = 0;                   // how many are written
  const float* bias = nullptr;                // of the 32 columns
  Bf16* const* pixels = nullptr;              // 2 x 2, row by row; null: outside the picture
  const Bf16* const* residuals = nullptr;     // added to `pixels`, or null
  bool cut_below = false, cut_right = false;  // kUpsampled: the second row or column does not exist
};
void winograd_output(Winograd kind, const Bf16WinogradOutput& tile);

// Weights of 32 outputs; `columns` of the source point to [in][3][3].
// to [points][in rounded up to 32, halved][32][2]
void pack_winograd_panel(Winograd kind, const PanelSource& source, std::int64_t in, Bf16* to);

}  // namespace atelier::engine
