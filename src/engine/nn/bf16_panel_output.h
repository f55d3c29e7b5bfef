// How rows of sums leave the registers of the bf16 products: bias, residual and gated GELU before
// the one rounding. Included as nn/bf16_vectors.h is, by the kernels of this folder alone.
#pragma once

#include "engine/nn/bf16_vectors.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")

namespace atelier::engine {

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

}  // namespace atelier::engine
#pragma GCC pop_options
