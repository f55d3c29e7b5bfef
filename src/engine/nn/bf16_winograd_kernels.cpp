#include "engine/nn/bf16_winograd_kernels.h"

#if defined(__x86_64__)
#include "engine/nn/bf16_vectors.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")

namespace atelier::engine {
namespace {

using V = __m512;

// B^T d: 4 -> 4.
struct PlainInput {
  static constexpr int kIn = 4, kOut = 4;
  ATELIER_BF16_INLINE static void apply(const V* d, V* o) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[1] - d[3];
  }
};

// The same of a, b, b, c without the value that is nothing.
struct UpsampledInput {
  static constexpr int kIn = 3, kOut = 3;
  ATELIER_BF16_INLINE static void apply(const V* d, V* o) {
    o[0] = d[0] - d[1];
    o[1] = d[1] + d[1];
    o[2] = d[1] - d[2];
  }
};

// A^T m: 4 -> 2.
struct PlainOutput {
  static constexpr int kIn = 4, kOut = 2;
  ATELIER_BF16_INLINE static void apply(const V* m, V* o, bool /*cut*/) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] - m[3];
  }
};

// Where the second output does not exist, neither does the second b: with c = 0 the last value is
// its share.
struct UpsampledOutput {
  static constexpr int kIn = 3, kOut = 2;
  ATELIER_BF16_INLINE static void apply(const V* m, V* o, bool cut) {
    o[0] = m[0] + m[1];
    if (cut) o[0] -= m[2];
    o[1] = m[1] - m[2];
  }
};

// G g: 3 -> 4.
struct PlainWeight {
  static constexpr int kIn = 3, kOut = 4;
  ATELIER_BF16_INLINE static void apply(const V* g, V* o) {
    const V half = _mm512_set1_ps(0.5F), sum = half * (g[0] + g[2]), middle = half * g[1];
    o[0] = g[0];
    o[1] = sum + middle;
    o[2] = sum - middle;
    o[3] = g[2];
  }
};

struct UpsampledWeight {
  static constexpr int kIn = 3, kOut = 3;
  ATELIER_BF16_INLINE static void apply(const V* g, V* o) {
    o[0] = g[0];
    o[1] = _mm512_set1_ps(0.5F) * (g[0] + g[1] + g[2]);
    o[2] = g[2];
  }
};

// T d T^t of a square: d [kIn][kIn] -> o [kOut][kOut].
template <class T>
ATELIER_BF16_INLINE void transform_square(const V* d, V* o) {
  V rows[T::kIn][T::kOut];
#pragma GCC unroll 4
  for (int i = 0; i < T::kIn; ++i) T::apply(d + i * T::kIn, rows[i]);
#pragma GCC unroll 4
  for (int j = 0; j < T::kOut; ++j) {
    V line[T::kIn], result[T::kOut];
#pragma GCC unroll 4
    for (int i = 0; i < T::kIn; ++i) line[i] = rows[i][j];
    T::apply(line, result);
#pragma GCC unroll 4
    for (int i = 0; i < T::kOut; ++i) o[i * T::kOut + j] = result[i];
  }
}

template <class T>
ATELIER_BF16_INLINE void input_tile(const Bf16WinogradInput& tile) {
  constexpr int kIn = T::kIn * T::kIn, kOut = T::kOut * T::kOut;
  for (std::int64_t c = 0; c < tile.channels; c += kChannelGroup) {
    const std::int64_t left = std::min<std::int64_t>(tile.channels - c, kChannelGroup);
    const auto mask = static_cast<__mmask32>((std::uint64_t{1} << left) - 1);
    V even[kIn], odd[kIn], even_out[kOut], odd_out[kOut];
#pragma GCC unroll 16
    for (int i = 0; i < kIn; ++i) {
      const __m512i both = _mm512_maskz_loadu_epi16(mask, tile.pixels[i] + c);
      even[i] = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
      odd[i] = _mm512_castsi512_ps(
          _mm512_and_si512(both, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U))));
    }
    transform_square<T>(even, even_out);
    transform_square<T>(odd, odd_out);
#pragma GCC unroll 16
    for (int i = 0; i < kOut; ++i) {
      _mm512_storeu_si512(tile.out + i * tile.plane + c, narrowed(even_out[i], odd_out[i]));
    }
  }
}

template <class T>
ATELIER_BF16_INLINE void output_square(const Bf16WinogradOutput& tile, int half, V* o) {
  V rows[T::kIn][2];
#pragma GCC unroll 4
  for (int i = 0; i < T::kIn; ++i) {
    V line[T::kIn];
#pragma GCC unroll 4
    for (int j = 0; j < T::kIn; ++j) {
      line[j] = _mm512_loadu_ps(tile.products + (i * T::kIn + j) * tile.plane + half * 16);
    }
    T::apply(line, rows[i], tile.cut_right);
  }
  const V bias = _mm512_loadu_ps(tile.bias + half * 16);
#pragma GCC unroll 2
  for (int j = 0; j < 2; ++j) {
    V line[T::kIn], result[2];
#pragma GCC unroll 4
    for (int i = 0; i < T::kIn; ++i) line[i] = rows[i][j];
    T::apply(line, result, tile.cut_below);
    o[j] = result[0] + bias;
    o[2 + j] = result[1] + bias;
  }
}

template <class T>
ATELIER_BF16_INLINE void output_tile(const Bf16WinogradOutput& tile) {
  V low[4], high[4];
  output_square<T>(tile, 0, low);
  output_square<T>(tile, 1, high);
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << tile.columns) - 1);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    if (tile.pixels[i] == nullptr) continue;
    if (tile.residuals != nullptr) {
      const __m512i added = _mm512_maskz_loadu_epi16(mask, tile.residuals[i]);
      low[i] += widened(_mm512_castsi512_si256(added));
      high[i] += widened(_mm512_extracti64x4_epi64(added, 1));
    }
    _mm512_mask_storeu_epi16(tile.pixels[i], mask, narrowed(low[i], high[i]));
  }
}

// The nine weights of 32 channels of one output, transformed: one row of 32 bf16 for each point.
template <class T>
ATELIER_BF16_INLINE void weight_rows(const PanelSource& source, const void* column,
                                     std::int64_t first_channel, Bf16* rows, std::int64_t stride) {
  constexpr int kPoints = T::kOut * T::kOut;
  constexpr int kValues = static_cast<int>(kChannelGroup) * 9;
  alignas(64) float values[kValues];
  for (int i = 0; i < kValues; i += 16) {
    _mm512_store_ps(values + i, column == nullptr ? _mm512_setzero_ps()
                                                  : load_as_float(source.format, column,
                                                                  first_channel * 9 + i, source.k));
  }
  const __m512i every_other =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                         _mm512_set1_epi32(18));
  V even[9], odd[9], even_out[kPoints], odd_out[kPoints];
#pragma GCC unroll 9
  for (int i = 0; i < 9; ++i) {
    even[i] = _mm512_i32gather_ps(every_other, values + i, 4);
    odd[i] = _mm512_i32gather_ps(every_other, values + 9 + i, 4);
  }
  transform_square<T>(even, even_out);
  transform_square<T>(odd, odd_out);
#pragma GCC unroll 16
  for (int i = 0; i < kPoints; ++i) {
    _mm512_storeu_si512(rows + i * stride, narrowed(even_out[i], odd_out[i]));
  }
}

template <class T>
ATELIER_BF16_INLINE void pack_panel_of(const PanelSource& source, std::int64_t in, Bf16* to) {
  constexpr int kPoints = T::kOut * T::kOut;
  const std::int64_t pairs = (in + kChannelGroup - 1) / kChannelGroup * kChannelGroup / 2;
  alignas(64) Bf16 rows[kPoints * 16 * kChannelGroup];  // [point][output][channel]
  for (std::int64_t channel = 0; channel < in; channel += kChannelGroup) {
    for (int half = 0; half < 2; ++half) {
      for (int o = 0; o < 16; ++o) {
        weight_rows<T>(source, source.columns[half * 16 + o], channel, rows + o * kChannelGroup,
                       16 * kChannelGroup);
      }
      for (int point = 0; point < kPoints; ++point) {
        __m512i square[16];
#pragma GCC unroll 16
        for (int o = 0; o < 16; ++o) {
          square[o] = _mm512_load_si512(rows + (point * 16 + o) * kChannelGroup);
        }
        transpose(square);
        Bf16* panel = to + (point * pairs + channel / 2) * 2 * kPanelColumns + half * 32;
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
          _mm512_storeu_si512(panel + i * 2 * kPanelColumns, square[i]);
        }
      }
    }
  }
}

}  // namespace

void winograd_input(Winograd kind, const Bf16WinogradInput& tile) {
  kind == Winograd::kPlain ? input_tile<PlainInput>(tile) : input_tile<UpsampledInput>(tile);
}

void winograd_output(Winograd kind, const Bf16WinogradOutput& tile) {
  kind == Winograd::kPlain ? output_tile<PlainOutput>(tile) : output_tile<UpsampledOutput>(tile);
}

void pack_winograd_panel(Winograd kind, const PanelSource& source, std::int64_t in, Bf16* to) {
  kind == Winograd::kPlain ? pack_panel_of<PlainWeight>(source, in, to)
                           : pack_panel_of<UpsampledWeight>(source, in, to);
}

}  // namespace atelier::engine
#pragma GCC pop_options

#else

#include "platform/check.h"

namespace atelier::engine {

void winograd_input(Winograd, const Bf16WinogradInput&) { CHECK(false && "no bf16 products"); }
void winograd_output(Winograd, const Bf16WinogradOutput&) { CHECK(false && "no bf16 products"); }
void pack_winograd_panel(Winograd, const PanelSource&, std::int64_t, Bf16*) {
  CHECK(false && "no bf16 products");
}

}  // namespace atelier::engine

#endif
