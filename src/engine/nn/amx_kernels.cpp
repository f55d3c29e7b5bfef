#include "engine/nn/amx_kernels.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include "engine/nn/amx_tiles.h"
#include "engine/nn/bf16_panel_output.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2,amx-tile,amx-bf16")

namespace atelier::engine {
namespace {

constexpr std::int64_t kTile = 16;                         // rows, and pairs of k
constexpr std::int64_t kStep = kTile * 2 * kPanelColumns;  // values of a panel for a tile of k
constexpr std::int64_t kRowBytes = 64;

// Registers: sums of the upper rows 0 and 1 (left and right columns), of the lower rows 2 and 3;
// rows of a in 4 and 5, columns of the panel in 6 and 7.
constexpr TileShapes shapes_for(std::int64_t rows) {
  TileShapes shapes;
  const std::int64_t upper = std::min(rows, kTile), lower = std::max<std::int64_t>(rows - kTile, 1);
  for (const int tile : {0, 1, 4}) shapes.set(tile, upper, kRowBytes);
  for (const int tile : {2, 3, 5}) shapes.set(tile, lower, kRowBytes);
  for (const int tile : {6, 7}) shapes.set(tile, kTile, kRowBytes);
  return shapes;
}

template <bool kLower>
ATELIER_BF16_INLINE void add_step(const Bf16* a, std::int64_t stride, const Bf16* panel) {
  _tile_loadd(6, panel, 2 * kRowBytes);
  _tile_loadd(4, a, stride * 2);
  _tile_loadd(7, panel + kPanelColumns, 2 * kRowBytes);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  if constexpr (kLower) {
    _tile_loadd(5, a + kTile * stride, stride * 2);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

// The last pairs of k, fewer than a tile holds: zeros fill both sides up.
template <bool kLower>
void add_rest(const Bf16* a, std::int64_t stride, const Bf16* panel, std::int64_t rows,
              std::int64_t pairs) {
  alignas(64) Bf16 row[kAmxRows][2 * kTile] = {};
  alignas(64) Bf16 columns[kStep] = {};
  for (std::int64_t i = 0; i < rows; ++i) {
    std::memcpy(row[i], a + i * stride, static_cast<std::size_t>(pairs) * 2 * sizeof(Bf16));
  }
  std::memcpy(columns, panel, static_cast<std::size_t>(pairs * 2 * kPanelColumns) * sizeof(Bf16));
  before_tiles_read();
  add_step<kLower>(row[0], 2 * kTile, columns);
}

template <bool kLower>
ATELIER_BF16_INLINE void store_sums(float* to, std::int64_t stride) {
  const std::int64_t bytes = stride * static_cast<std::int64_t>(sizeof(float));
  _tile_stored(0, to, bytes);
  _tile_stored(1, to + 16, bytes);
  if constexpr (kLower) {
    _tile_stored(2, to + kTile * stride, bytes);
    _tile_stored(3, to + kTile * stride + 16, bytes);
  }
}

void finish_rows(const PanelOutput& output, std::int64_t first, std::int64_t rows,
                 const float* sums) {
  const __m512 none = _mm512_setzero_ps();
  const __m512 bias_low = output.bias == nullptr ? none : _mm512_loadu_ps(output.bias);
  const __m512 bias_high = output.bias == nullptr ? none : _mm512_loadu_ps(output.bias + 16);
  for (std::int64_t i = 0; i < rows; ++i) {
    const __m512 low = _mm512_add_ps(_mm512_load_ps(sums + i * kPanelColumns), bias_low);
    const __m512 high = _mm512_add_ps(_mm512_load_ps(sums + i * kPanelColumns + 16), bias_high);
    switch (output.kind) {
      case PanelOutput::Kind::kFloat:
        write_float(output, first + i, low, high);
        break;
      case PanelOutput::Kind::kBf16:
        write_bf16(output, first + i, low, high);
        break;
      case PanelOutput::Kind::kGatedGelu:
        write_gated(output, first + i, low, high);
        break;
    }
  }
}

template <bool kLower>
ATELIER_BF16_INLINE void load_sums(const float* from) {
  constexpr std::int64_t kLineBytes = kPanelColumns * sizeof(float);
  _tile_loadd(0, from, kLineBytes);
  _tile_loadd(1, from + 16, kLineBytes);
  if constexpr (kLower) {
    _tile_loadd(2, from + kTile * kPanelColumns, kLineBytes);
    _tile_loadd(3, from + kTile * kPanelColumns + 16, kLineBytes);
  }
}

template <bool kLower>
ATELIER_BF16_INLINE void clear_sums() {
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kLower) {
    _tile_zero(2);
    _tile_zero(3);
  }
}

// Rows [first, first + rows) of the product, for one block of k.
template <bool kLower>
void multiply_block(const PanelProduct& product, std::int64_t first, std::int64_t rows,
                    std::int64_t first_pair) {
  const std::int64_t pairs = std::min(kAmxPairsBlock, product.pairs - first_pair);
  const Bf16* a = product.a + first * product.a_stride + 2 * first_pair;
  const Bf16* panel = product.panel + first_pair * 2 * kPanelColumns;
  float* waiting = product.waiting + first * kPanelColumns;
  if (first_pair == 0) {
    clear_sums<kLower>();
  } else {
    load_sums<kLower>(waiting);
  }
  for (std::int64_t step = pairs / kTile; step > 0; --step) {
    add_step<kLower>(a, product.a_stride, panel);
    a += 2 * kTile;
    panel += kStep;
  }
  if (const std::int64_t rest = pairs % kTile; rest != 0) {
    add_rest<kLower>(a, product.a_stride, panel, rows, rest);
  }
  if (first_pair + pairs < product.pairs) {
    store_sums<kLower>(waiting, kPanelColumns);
    return;
  }
  const PanelOutput& output = product.output;
  if (output.kind == PanelOutput::Kind::kFloat && output.columns == kPanelColumns &&
      output.bias == nullptr) {
    store_sums<kLower>(static_cast<float*>(output.out) + first * output.stride, output.stride);
    return;
  }
  alignas(64) float sums[kAmxRows * kPanelColumns];
  store_sums<kLower>(sums, kPanelColumns);
  finish_rows(output, first, rows, sums);
}

// All blocks of k for rows that share a set-up of the registers.
template <bool kLower>
void multiply_rows(const PanelProduct& product, std::int64_t first, std::int64_t count) {
  for (std::int64_t pair = 0; pair < product.pairs; pair += kAmxPairsBlock) {
    for (std::int64_t row = first; row < first + count; row += kAmxRows) {
      multiply_block<kLower>(product, row, std::min(kAmxRows, first + count - row), pair);
    }
  }
}

}  // namespace

void multiply_panel_amx(const PanelProduct& product) {
  static constexpr TileShapes kWhole = shapes_for(kAmxRows);
  const std::int64_t whole = product.rows / kAmxRows * kAmxRows;
  before_tiles_read();
  if (whole > 0) {
    _tile_loadconfig(&kWhole);
    multiply_rows<true>(product, 0, whole);
  }
  if (const std::int64_t rest = product.rows - whole; rest > 0) {
    const TileShapes shapes = shapes_for(rest);
    before_tiles_read();
    _tile_loadconfig(&shapes);
    rest > kTile ? multiply_rows<true>(product, whole, rest)
                 : multiply_rows<false>(product, whole, rest);
  }
  _tile_release();
}

}  // namespace atelier::engine
#pragma GCC pop_options

namespace atelier::engine {
namespace {

bool ask_for_tiles() {
  const char* setting = std::getenv("ATELIER_AMX");
  if (setting != nullptr && std::string_view(setting) == "off") return false;
  __builtin_cpu_init();
  if (!bf16_products_supported() || !__builtin_cpu_supports("amx-tile") ||
      !__builtin_cpu_supports("amx-bf16")) {
    return false;
  }
  // Linux enables tile registers on request (Documentation/arch/x86/xstate.rst).
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool amx_supported() {
  static const bool supported = ask_for_tiles();
  return supported;
}

}  // namespace atelier::engine

#else

#include "platform/check.h"

namespace atelier::engine {

bool amx_supported() { return false; }
void multiply_panel_amx(const PanelProduct&) { CHECK(false && "no AMX on this processor"); }

}  // namespace atelier::engine

#endif
