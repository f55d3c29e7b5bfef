// Sixteen floats as one value, for the CPU kernels of this folder. GNU vector extensions with
// function multiversioning: the compiler makes AVX-512, AVX2+FMA and baseline versions of a kernel
// marked ATELIER_CPU_CLONES and picks one when the library is loaded. No library is needed, so the
// engine builds alone (docs/adr/0004-cpu-kernels.md).
#pragma once

#include <cstdint>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ATELIER_CPU_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ATELIER_CPU_CLONES
#endif
#define ATELIER_INLINE inline __attribute__((always_inline))

namespace atelier::engine {

inline constexpr int kLanes = 16;
// aligned(4): rows of pictures start anywhere.
typedef float Vector16 __attribute__((vector_size(kLanes * sizeof(float)), aligned(4)));
typedef std::int32_t IntVector16 __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

ATELIER_INLINE Vector16 load16(const float* from) {
  Vector16 value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

ATELIER_INLINE void store16(float* to, Vector16 value) {
  __builtin_memcpy(to, &value, sizeof value);
}

// bf16 values as their bits; rounded to nearest even on the way out.
typedef std::uint16_t Bf16Vector16 __attribute__((vector_size(kLanes * 2), aligned(2)));
typedef std::uint32_t UintVector16 __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));

ATELIER_INLINE Vector16 load16(const std::uint16_t* from) {
  Bf16Vector16 bits;
  __builtin_memcpy(&bits, from, sizeof bits);
  const UintVector16 wide = __builtin_convertvector(bits, UintVector16) << 16;
  Vector16 value;
  __builtin_memcpy(&value, &wide, sizeof value);
  return value;
}

ATELIER_INLINE void store16(std::uint16_t* to, Vector16 value) {
  UintVector16 wide;
  __builtin_memcpy(&wide, &value, sizeof wide);
  wide = (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16;
  const Bf16Vector16 bits = __builtin_convertvector(wide, Bf16Vector16);
  __builtin_memcpy(to, &bits, sizeof bits);
}

// In halves: the compiler turns comparisons of vectors wider than a register into sixteen scalar
// ones. Split and joined by shuffles: through memory the load would wait for two shorter stores.
ATELIER_INLINE Vector16 clamp16(Vector16 x, float low, float high) {
  typedef float Half __attribute__((vector_size(32)));
  Half halves[2] = {__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
                    __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)};
  for (Half& half : halves) {
    half = half < low ? Half{} + low : half;
    half = half > high ? Half{} + high : half;
  }
  return __builtin_shufflevector(halves[0], halves[1], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                 14, 15);
}

// e^x, relative error below 2e-7 for x in [-87, 88]; outside the argument is clamped.
// Range reduction x = n ln 2 + r, |r| <= ln(2)/2, and the degree-6 Taylor polynomial with the last
// coefficients as in Cephes' expf (S. Moshier).
ATELIER_INLINE Vector16 exp16(Vector16 x) {
  x = clamp16(x, -87.0F, 88.0F);
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const Vector16 shifted = x * 1.44269504F + kRounder;
  const Vector16 n = shifted - kRounder;
  const Vector16 r = x - n * 0.693359375F + n * 2.12194440e-4F;  // ln 2 in two parts
  Vector16 p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Vector16 mantissa = p * r * r + r + 1.0F;
  const IntVector16 exponent = (__builtin_convertvector(n, IntVector16) + 127) << 23;
  Vector16 power;
  __builtin_memcpy(&power, &exponent, sizeof power);
  return mantissa * power;
}

}  // namespace atelier::engine
