#include "engine/nn/bf16_kernels.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include "engine/nn/bf16_vectors.h"

// Everything from here on is compiled for the CPUs that bf16_products_supported() names; standard
// headers stay above, so that none of their functions is.
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")

namespace atelier::engine {
namespace {

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

// e^x for x in [-87, 0]: Cephes' expf with the polynomial cut to what bf16 results need.
ATELIER_BF16_INLINE __m512 exponential(__m512 x) {
  x = _mm512_max_ps(x, _mm512_set1_ps(-87.0F));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504F)), 0);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4F), r);
  __m512 p = _mm512_set1_ps(8.3334519073e-3F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1F));
  p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0F)));
  return _mm512_scalef_ps(p, n);
}

// x * Phi(x) with the error function of Abramowitz and Stegun 7.1.26, absolute error 1.5e-7.
ATELIER_BF16_INLINE __m512 gelu(__m512 x) {
  const __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678F));
  const __m512 t = _mm512_div_ps(
      _mm512_set1_ps(1.0F), _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911F), _mm512_set1_ps(1.0F)));
  __m512 p = _mm512_set1_ps(1.061405429F);
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027F));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741F));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736F));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592F));
  p = _mm512_mul_ps(p, t);
  const __m512 tail =  // 1 - erf(z), halved
      _mm512_mul_ps(
          _mm512_mul_ps(p, exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z)))),
          _mm512_set1_ps(0.5F));
  const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  const __m512 share =
      _mm512_mask_blend_ps(negative, _mm512_sub_ps(_mm512_set1_ps(1.0F), tail), tail);
  return _mm512_mul_ps(x, share);
}

ATELIER_BF16_INLINE void write_float(const PanelOutput& output, std::int64_t row, __m512 low,
                                     __m512 high) {
  float* to = static_cast<float*>(output.out) + row * output.stride;
  const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << output.columns) - 1);
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask & 0xFFFF), low);
  _mm512_mask_storeu_ps(to + 16, static_cast<__mmask16>(mask >> 16), high);
}

ATELIER_BF16_INLINE void write_bf16(const PanelOutput& output, std::int64_t row, __m512 low,
                                    __m512 high) {
  Bf16* to = static_cast<Bf16*>(output.out) + row * output.stride;
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << output.columns) - 1);
  if (output.residual != nullptr) {
    const __m512i added = _mm512_maskz_loadu_epi16(mask, output.residual + row * output.stride);
    low = _mm512_add_ps(low, widened(_mm512_castsi512_si256(added)));
    high = _mm512_add_ps(high, widened(_mm512_extracti64x4_epi64(added, 1)));
  }
  _mm512_mask_storeu_epi16(to, mask, narrowed(low, high));
}

ATELIER_BF16_INLINE void write_gated(const PanelOutput& output, std::int64_t row, __m512 low,
                                     __m512 high) {
  Bf16* to = static_cast<Bf16*>(output.out) + row * output.stride;
  const auto mask = static_cast<__mmask16>((std::uint32_t{1} << output.columns) - 1);
  const __m512 gated = _mm512_mul_ps(low, gelu(high));
  _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(gated));
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

}  // namespace atelier::engine

#else

#include "platform/check.h"

namespace atelier::engine {

bool bf16_products_supported() { return false; }
void multiply_panel(const PanelProduct&) { CHECK(false && "no bf16 products on this processor"); }
void pack_panel(const PanelSource&, Bf16*) { CHECK(false && "no bf16 products on this processor"); }

}  // namespace atelier::engine

#endif
