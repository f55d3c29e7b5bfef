#include "engine/nn/bf16_direct_kernel.h"

#if defined(__x86_64__)
#include "engine/nn/amx_tiles.h"
#include "engine/nn/bf16_vectors.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2,amx-tile,amx-bf16")

namespace atelier::engine {
namespace {

constexpr std::int64_t kTile = 16;                      // pixels, and pairs of channels
constexpr std::int64_t kStep = 16 * 2 * kPanelColumns;  // values of a panel for 32 channels
constexpr std::int64_t kRowBytes = 64;

constexpr TileShapes whole_tiles() {
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) shapes.set(tile, kTile, kRowBytes);
  return shapes;
}

// Registers: sums of the first 16 pixels 0 and 1 (left and right columns), of the last 2 and 3.
ATELIER_BF16_INLINE void add_step(const Bf16* pixels, std::int64_t stride, const Bf16* panel) {
  _tile_loadd(6, panel, 2 * kRowBytes);
  _tile_loadd(4, pixels, stride * 2);
  _tile_loadd(7, panel + kPanelColumns, 2 * kRowBytes);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(5, pixels + kTile * stride, stride * 2);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

// The nine positions of the kernel for 32 channels. Between them lines of later pixels are fetched,
// few at a time: more would wait for each other. -> the rest of the panel
template <bool kFetch>
ATELIER_BF16_INLINE const Bf16* add_group(const DirectInput& input, const Bf16* pixels,
                                          const Bf16* next, const Bf16* panel) {
  constexpr std::int64_t kLines = kDirectPixels / 8;
  for (std::int64_t y = -1; y <= 1; ++y) {
    const Bf16* row = pixels + y * input.row_stride;
    for (std::int64_t x = -1; x <= 1; ++x) {
      if (kFetch && (x != 1 || y != 1)) {
        for (std::int64_t i = 0; i < kLines; ++i) {
          _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T1);
          next += input.pixel_stride;
        }
      }
      add_step(row + x * input.pixel_stride, input.pixel_stride, panel);
      panel += kStep;
    }
  }
  return panel;
}

ATELIER_BF16_INLINE void write_pixels(const DirectOutput& output, const float* sums) {
  const __m512 zero = _mm512_setzero_ps();
  const __m512 bias_low = _mm512_loadu_ps(output.bias);
  const __m512 bias_high = _mm512_loadu_ps(output.bias + 16);
  const __m512 slope = _mm512_set1_ps(output.slope), scale = _mm512_set1_ps(output.scale);
  const __m512 outer = _mm512_set1_ps(output.outer_scale);
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << output.columns) - 1);
  for (std::int64_t i = 0; i < kDirectPixels; ++i) {
    if ((output.pixels >> i & 1U) == 0) continue;
    __m512 low = _mm512_add_ps(_mm512_load_ps(sums + i * kPanelColumns), bias_low);
    __m512 high = _mm512_add_ps(_mm512_load_ps(sums + i * kPanelColumns + 16), bias_high);
    low = _mm512_mask_mul_ps(low, _mm512_cmp_ps_mask(low, zero, _CMP_LT_OQ), low, slope);
    high = _mm512_mask_mul_ps(high, _mm512_cmp_ps_mask(high, zero, _CMP_LT_OQ), high, slope);
    if (output.residual != nullptr) {
      const __m512i added =
          _mm512_maskz_loadu_epi16(mask, output.residual + i * output.residual_stride);
      low = _mm512_fmadd_ps(low, scale, widened(_mm512_castsi512_si256(added)));
      high = _mm512_fmadd_ps(high, scale, widened(_mm512_extracti64x4_epi64(added, 1)));
    }
    if (output.outer_residual != nullptr) {
      const __m512i added =
          _mm512_maskz_loadu_epi16(mask, output.outer_residual + i * output.outer_stride);
      low = _mm512_fmadd_ps(low, outer, widened(_mm512_castsi512_si256(added)));
      high = _mm512_fmadd_ps(high, outer, widened(_mm512_extracti64x4_epi64(added, 1)));
    }
    _mm512_mask_storeu_epi16(output.out + i * output.stride, mask, narrowed(low, high));
  }
}

}  // namespace

void begin_direct() {
  static constexpr TileShapes kWhole = whole_tiles();
  before_tiles_read();
  _tile_loadconfig(&kWhole);
}

void end_direct() { _tile_release(); }

void multiply_direct(const DirectBlock& block, const DirectOutput& output) {
  before_tiles_read();
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const Bf16* panel = block.panel;
  for (const DirectInput& input : block.inputs) {
    for (std::int64_t group = 0; group < input.groups; ++group) {
      const Bf16* pixels = input.pixels + group * kChannelGroup;
      panel = input.next == nullptr
                  ? add_group<false>(input, pixels, nullptr, panel)
                  : add_group<true>(input, pixels, input.next + group * kChannelGroup, panel);
    }
  }
  alignas(64) float sums[kDirectPixels * kPanelColumns];
  constexpr std::int64_t kLineBytes = kPanelColumns * sizeof(float);
  _tile_stored(0, sums, kLineBytes);
  _tile_stored(1, sums + 16, kLineBytes);
  _tile_stored(2, sums + kTile * kPanelColumns, kLineBytes);
  _tile_stored(3, sums + kTile * kPanelColumns + 16, kLineBytes);
  before_tiles_read();
  write_pixels(output, sums);
}

}  // namespace atelier::engine
#pragma GCC pop_options

#else

#include "platform/check.h"

namespace atelier::engine {

void begin_direct() { CHECK(false && "no AMX on this processor"); }
void end_direct() { CHECK(false && "no AMX on this processor"); }
void multiply_direct(const DirectBlock&, const DirectOutput&) {
  CHECK(false && "no AMX on this processor");
}

}  // namespace atelier::engine

#endif
