// Vectors for the attention kernels of this folder: included as nn/bf16_vectors.h is.
#pragma once

#include "engine/nn/bf16_vectors.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")

namespace atelier::engine {

inline constexpr float kHidden = -1e30F;  // score of a key that is not seen
inline constexpr float kLog2E = 1.44269504F;

// 2^x for x <= 0: relative error 1e-4, a twentieth of what rounding to bf16 does.
ATELIER_BF16_INLINE __m512 exp2_of(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(x, whole);
  __m512 y = _mm512_fmadd_ps(rest, _mm512_set1_ps(0.05500893F), _mm512_set1_ps(0.24221098F));
  y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(0.69328293F));
  y = _mm512_fmadd_ps(y, rest, _mm512_set1_ps(1.0F));  // exactly 1 at 0
  return _mm512_scalef_ps(y, whole);
}

// Rounds to bf16 and pairs them up, lane by lane.
ATELIER_BF16_INLINE __m512i rounded_pairs(__m512 low, __m512 high) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

}  // namespace atelier::engine
#pragma GCC pop_options
