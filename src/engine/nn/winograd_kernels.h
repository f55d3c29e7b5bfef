// The inner loops of winograd.cpp, without torch. Pointers are to fp32; channel counts are
// multiples of 16.
#pragma once

#include <cstdint>

namespace atelier::engine {

// One plane of transformed data for each of the (tile+2)^2 points; planes lie `plane` floats apart.
struct WinogradInputTile {
  const float* const* pixels;  // (tile+2)^2 pointers to `channels` values each, row by row
  float* out;                  // first plane, already advanced to this tile's row
  std::int64_t plane;
  std::int64_t channels;
};

struct WinogradOutputTile {
  const float* products;  // first plane, advanced to this tile's row
  std::int64_t plane;
  float* const*
      pixels;         // tile^2 pointers to `channels` values each; pixels outside go to a dump row
  const float* bias;  // `channels` values
  std::int64_t channels;
};

void winograd_input_2x2(const WinogradInputTile& tile);
void winograd_input_4x4(const WinogradInputTile& tile);
void winograd_output_2x2(const WinogradOutputTile& tile);
void winograd_output_4x4(const WinogradOutputTile& tile);

// Weights of 16 neighbouring outputs for one input channel: source [16][stride] with 9 values each
// -> (tile+2)^2 rows of 16, `plane` floats apart.
void winograd_weight_2x2(const float* source, std::int64_t stride, float* out, std::int64_t plane);
void winograd_weight_4x4(const float* source, std::int64_t stride, float* out, std::int64_t plane);

}  // namespace atelier::engine
