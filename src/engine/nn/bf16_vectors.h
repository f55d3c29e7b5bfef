// AVX-512 BF16 vectors for the kernels of this folder: included by their .cpp files alone, inside
// `#if defined(__x86_64__)`; a caller is compiled for the same instruction sets:
//
//   #include "engine/nn/bf16_vectors.h"
//   #pragma GCC push_options
//   #pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")
//   …                     // after all other headers, so that none of their functions is
//   #pragma GCC pop_options
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

// The intrinsics of g++ 12 start undefined values from themselves (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "engine/nn/bf16_kernels.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")
#define ATELIER_BF16_INLINE inline __attribute__((always_inline))

namespace atelier::engine {

ATELIER_BF16_INLINE __m512 widened(__m256i bf16) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16));
}

ATELIER_BF16_INLINE __m512i narrowed(__m512 low, __m512 high) {
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

// Values [first, first + 32) of `count`, as bf16; zeros after the last.
ATELIER_BF16_INLINE __m512i load_as_bf16(WeightFormat format, const void* from, std::int64_t first,
                                         std::int64_t count) {
  const std::int64_t left = std::min<std::int64_t>(count - first, 32);
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << left) - 1);
  switch (format) {
    case WeightFormat::kBfloat16:
      return _mm512_maskz_loadu_epi16(mask, static_cast<const Bf16*>(from) + first);
    case WeightFormat::kFloat16: {
      const auto* half = static_cast<const std::uint16_t*>(from) + first;
      const __m512i both = _mm512_maskz_loadu_epi16(mask, half);
      return narrowed(_mm512_cvtph_ps(_mm512_castsi512_si256(both)),
                      _mm512_cvtph_ps(_mm512_extracti64x4_epi64(both, 1)));
    }
    case WeightFormat::kFloat32: {
      const auto* value = static_cast<const float*>(from) + first;
      const auto low = static_cast<__mmask16>(mask), high = static_cast<__mmask16>(mask >> 16);
      return narrowed(_mm512_maskz_loadu_ps(low, value),
                      _mm512_maskz_loadu_ps(high, high == 0 ? value : value + 16));
    }
  }
  return _mm512_setzero_si512();
}

// Values [first, first + 16) of `count`, as fp32; zeros after the last.
ATELIER_BF16_INLINE __m512 load_as_float(WeightFormat format, const void* from, std::int64_t first,
                                         std::int64_t count) {
  const std::int64_t left = std::clamp<std::int64_t>(count - first, 0, 16);
  const auto mask = static_cast<__mmask16>((std::uint32_t{1} << left) - 1);
  if (format == WeightFormat::kFloat32) {
    return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(from) + first);
  }
  const __m256i half =
      _mm256_maskz_loadu_epi16(mask, static_cast<const std::uint16_t*>(from) + first);
  return format == WeightFormat::kFloat16 ? _mm512_cvtph_ps(half) : widened(half);
}

// Rows become columns in a square of 16 x 16 pairs.
ATELIER_BF16_INLINE void transpose(__m512i (&r)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    for (int half = 0; half < 2; ++half) {
      const int from = half * 8 + i;
      t[from] = _mm512_shuffle_i32x4(r[from], r[from + 4], 0x88);
      t[from + 4] = _mm512_shuffle_i32x4(r[from], r[from + 4], 0xDD);
    }
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
  }
}

}  // namespace atelier::engine
#pragma GCC pop_options
