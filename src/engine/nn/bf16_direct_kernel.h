// The inner loop of nn/bf16_direct.cpp, without torch: 32 neighbouring pixels of a frame times the
// 32 columns of a panel, with AMX. Called from any thread, only when amx_supported(); tile
// registers are set up by begin_direct() and given back by end_direct(), on the thread that
// computes. Sizes are the caller's duty.
#pragma once

#include <cstdint>

#include "engine/nn/bf16_winograd_kernels.h"

namespace atelier::engine {

inline constexpr std::int64_t kDirectPixels = 32;

// Neighbouring channels of a frame, in groups of 32.
struct DirectInput {
  const Bf16* pixels = nullptr;   // of the first output's own pixel, first channel
  std::int64_t pixel_stride = 0;  // values between neighbouring pixels
  std::int64_t row_stride = 0;    // values between rows
  std::int64_t groups = 0;
  const Bf16* next = nullptr;  // pixels that are fetched into the cache meanwhile, or null
};

struct DirectBlock {
  DirectInput inputs[2];        // one after the other
  const Bf16* panel = nullptr;  // [groups of both][9][16][32][2]
};

struct DirectOutput {
  const float* bias = nullptr;  // of the 32 columns
  float slope = 1, scale = 1, outer_scale = 1;
  std::int64_t columns = 0;        // how many are written
  std::uint32_t pixels = 0;        // which of the 32 are written, the lowest bit is the first
  Bf16* out = nullptr;             // of the first pixel
  std::int64_t stride = 0;         // values between its pixels
  const Bf16* residual = nullptr;  // or null
  std::int64_t residual_stride = 0;
  const Bf16* outer_residual = nullptr;  // or null
  std::int64_t outer_stride = 0;
};

void begin_direct();
void end_direct();
void multiply_direct(const DirectBlock& block, const DirectOutput& output);

}  // namespace atelier::engine
