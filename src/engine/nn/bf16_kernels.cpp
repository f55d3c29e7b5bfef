#include "engine/nn/bf16_kernels.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include "engine/nn/amx_kernels.h"
#include "engine/nn/bf16_panel_output.h"

// Everything from here on is compiled for the CPUs that bf16_products_supported() names; standard
// headers stay above, so that none of their functions is.
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")

namespace atelier::engine {
namespace {

// Rows of the register tile: with two vectors of columns 24 of 32 registers add up.
constexpr std::int64_t kTileRows = 12;
// Pairs of k in a block: a block of a panel stays in a 1 MiB L2.
constexpr std::int64_t kPairsBlock = 1280;
constexpr int kVectors = 2;

template <int kRows>
struct Sums {
  __m512 row[kRows][kVectors];
};

ATELIER_BF16_INLINE __m512 dot(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

ATELIER_BF16_INLINE __m512i pair_of(const Bf16* from) {
  std::int32_t pair;
  std::memcpy(&pair, from, sizeof pair);
  return _mm512_set1_epi32(pair);
}

template <int kRows>
ATELIER_BF16_INLINE void add_products(const Bf16* a, std::int64_t stride, const Bf16* panel,
                                      std::int64_t pairs, Sums<kRows>& sums) {
  // Pointers to every third row: the rows between are addressed by the stride.
  const Bf16* base[(kRows + 2) / 3];
  for (int i = 0; i < (kRows + 2) / 3; ++i) base[i] = a + 3 * i * stride;
#pragma GCC unroll 2
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const __m512i left = _mm512_loadu_si512(panel), right = _mm512_loadu_si512(panel + 32);
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
      const __m512i value = pair_of(base[row / 3] + row % 3 * stride);
      sums.row[row][0] = dot(sums.row[row][0], value, left);
      sums.row[row][1] = dot(sums.row[row][1], value, right);
    }
    panel += 2 * kPanelColumns;
    for (auto& pointer : base) pointer += 2;
  }
}

template <int kRows>
ATELIER_BF16_INLINE void resume(const float* waiting, Sums<kRows>& sums) {
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    sums.row[i][0] = _mm512_loadu_ps(waiting + i * kPanelColumns);
    sums.row[i][1] = _mm512_loadu_ps(waiting + i * kPanelColumns + 16);
  }
}

template <int kRows>
ATELIER_BF16_INLINE void suspend(const Sums<kRows>& sums, float* waiting) {
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    _mm512_storeu_ps(waiting + i * kPanelColumns, sums.row[i][0]);
    _mm512_storeu_ps(waiting + i * kPanelColumns + 16, sums.row[i][1]);
  }
}

template <int kRows>
ATELIER_BF16_INLINE void finish(const PanelOutput& output, std::int64_t first, Sums<kRows>& sums) {
  if (output.bias != nullptr) {
    const __m512 low = _mm512_loadu_ps(output.bias), high = _mm512_loadu_ps(output.bias + 16);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      sums.row[i][0] = _mm512_add_ps(sums.row[i][0], low);
      sums.row[i][1] = _mm512_add_ps(sums.row[i][1], high);
    }
  }
  switch (output.kind) {
    case PanelOutput::Kind::kFloat:
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        write_float(output, first + i, sums.row[i][0], sums.row[i][1]);
      }
      break;
    case PanelOutput::Kind::kBf16:
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        write_bf16(output, first + i, sums.row[i][0], sums.row[i][1]);
      }
      break;
    case PanelOutput::Kind::kGatedGelu:
      for (int i = 0; i < kRows; ++i) {
        write_gated(output, first + i, sums.row[i][0], sums.row[i][1]);
      }
      break;
  }
}

// Rows [row, row + kRows) of one block of k.
template <int kRows>
void multiply_tile(const PanelProduct& product, std::int64_t row, std::int64_t first_pair) {
  Sums<kRows> sums;
  float* waiting = product.waiting + row * kPanelColumns;
  if (first_pair == 0) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) sums.row[i][0] = sums.row[i][1] = _mm512_setzero_ps();
  } else {
    resume<kRows>(waiting, sums);
  }
  const std::int64_t pairs = std::min(kPairsBlock, product.pairs - first_pair);
  add_products<kRows>(product.a + row * product.a_stride + 2 * first_pair, product.a_stride,
                      product.panel + first_pair * 2 * kPanelColumns, pairs, sums);
  if (first_pair + pairs < product.pairs) {
    suspend<kRows>(sums, waiting);
  } else {
    finish<kRows>(product.output, row, sums);
  }
}

using Tile = void (*)(const PanelProduct&, std::int64_t row, std::int64_t first_pair);
constexpr Tile kTiles[kTileRows + 1] = {
    nullptr,           multiply_tile<1>,  multiply_tile<2>, multiply_tile<3>, multiply_tile<4>,
    multiply_tile<5>,  multiply_tile<6>,  multiply_tile<7>, multiply_tile<8>, multiply_tile<9>,
    multiply_tile<10>, multiply_tile<11>, multiply_tile<12>};

}  // namespace

void multiply_panel(const PanelProduct& product) {
  if (amx_supported()) {
    multiply_panel_amx(product);
    return;
  }
  for (std::int64_t pair = 0; pair < product.pairs; pair += kPairsBlock) {
    for (std::int64_t row = 0; row < product.rows; row += kTileRows) {
      kTiles[std::min(kTileRows, product.rows - row)](product, row, pair);
    }
  }
}

void pack_panel(const PanelSource& source, Bf16* to) {
  for (std::int64_t first = 0; first < source.k; first += 32) {
    const std::int64_t pairs = std::min<std::int64_t>(16, (source.k - first + 1) / 2);
    for (int half = 0; half < kVectors; ++half) {
      __m512i square[16];
      for (int i = 0; i < 16; ++i) {
        const void* column = source.columns[half * 16 + i];
        square[i] = column == nullptr ? _mm512_setzero_si512()
                                      : load_as_bf16(source.format, column, first, source.k);
      }
      transpose(square);
      for (int i = 0; i < pairs; ++i) {
        _mm512_storeu_si512(to + (first / 2 + i) * 2 * kPanelColumns + half * 32, square[i]);
      }
    }
  }
}

}  // namespace atelier::engine
#pragma GCC pop_options

namespace atelier::engine {

bool bf16_products_supported() {
  static const bool supported =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bf16");
  return supported;
}

ProductBlock product_block() {
  return amx_supported() ? ProductBlock{kAmxRows, kAmxPairsBlock}
                         : ProductBlock{kTileRows, kPairsBlock};
}

}  // namespace atelier::engine

#else

#include "platform/check.h"

namespace atelier::engine {

bool bf16_products_supported() { return false; }
ProductBlock product_block() { return {1, 1}; }
void multiply_panel(const PanelProduct&) { CHECK(false && "no bf16 products on this processor"); }
void pack_panel(const PanelSource&, Bf16*) { CHECK(false && "no bf16 products on this processor"); }

}  // namespace atelier::engine

#endif
