#include "engine/nn/winograd_kernels.h"

#include "engine/nn/vector16.h"

namespace atelier::engine {
namespace {

using V = Vector16;

// B^T d of F(2,3): 4 -> 4.
struct Input2 {
  static constexpr int kIn = 4, kOut = 4;
  ATELIER_INLINE static void apply(const V* d, V* o) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[1] - d[3];
  }
};

// B^T d of F(4,3): 6 -> 6.
struct Input4 {
  static constexpr int kIn = 6, kOut = 6;
  ATELIER_INLINE static void apply(const V* d, V* o) {
    const V even = d[4] - 4.0F * d[2], odd = d[3] - 4.0F * d[1];
    const V even2 = d[4] - d[2], odd2 = 2.0F * (d[3] - d[1]);
    o[0] = 4.0F * d[0] - 5.0F * d[2] + d[4];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = 4.0F * d[1] - 5.0F * d[3] + d[5];
  }
};

// A^T m of F(2,3): 4 -> 2.
struct Output2 {
  static constexpr int kIn = 4, kOut = 2;
  ATELIER_INLINE static void apply(const V* m, V* o) {
    o[0] = m[0] + m[1] + m[2];
    o[1] = m[1] - m[2] - m[3];
  }
};

// A^T m of F(4,3): 6 -> 4.
struct Output4 {
  static constexpr int kIn = 6, kOut = 4;
  ATELIER_INLINE static void apply(const V* m, V* o) {
    const V sum1 = m[1] + m[2], difference1 = m[1] - m[2];
    const V sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    o[0] = m[0] + sum1 + sum2;
    o[1] = difference1 + 2.0F * difference2;
    o[2] = sum1 + 4.0F * sum2;
    o[3] = difference1 + 8.0F * difference2 + m[5];
  }
};

// G g of F(2,3): 3 -> 4.
struct Weight2 {
  static constexpr int kIn = 3, kOut = 4;
  ATELIER_INLINE static void apply(const V* g, V* o) {
    const V sum = 0.5F * (g[0] + g[2]), half = 0.5F * g[1];
    o[0] = g[0];
    o[1] = sum + half;
    o[2] = sum - half;
    o[3] = g[2];
  }
};

// G g of F(4,3): 3 -> 6.
struct Weight4 {
  static constexpr int kIn = 3, kOut = 6;
  ATELIER_INLINE static void apply(const V* g, V* o) {
    const V outer = (g[0] + g[2]) / 6.0F, middle = g[1] / 6.0F;
    const V wide = g[0] / 24.0F + g[2] / 6.0F, half = g[1] / 12.0F;
    o[0] = g[0] / 4.0F;
    o[1] = -outer - middle;
    o[2] = middle - outer;
    o[3] = wide + half;
    o[4] = wide - half;
    o[5] = g[2];
  }
};

// T d T^t of a square d: first the rows, then the columns; fetch(row, column) and put(row, column,
// value).
template <class T, class Fetch, class Put>
ATELIER_INLINE void transform_square(Fetch fetch, Put put) {
  V rows[T::kIn * T::kOut];
  for (int i = 0; i < T::kIn; ++i) {
    V line[T::kIn];
    for (int j = 0; j < T::kIn; ++j) line[j] = fetch(i, j);
    T::apply(line, rows + i * T::kOut);
  }
  for (int j = 0; j < T::kOut; ++j) {
    V line[T::kIn], result[T::kOut];
    for (int i = 0; i < T::kIn; ++i) line[i] = rows[i * T::kOut + j];
    T::apply(line, result);
    for (int i = 0; i < T::kOut; ++i) put(i, j, result[i]);
  }
}

template <class T>
ATELIER_INLINE void input_tile(const WinogradInputTile& tile) {
  for (std::int64_t c = 0; c < tile.channels; c += kLanes) {
    transform_square<T>([&](int i, int j) { return load16(tile.pixels[i * T::kIn + j] + c); },
                        [&](int i, int j, V value) {
                          store16(tile.out + (i * T::kOut + j) * tile.plane + c, value);
                        });
  }
}

template <class T>
ATELIER_INLINE void output_tile(const WinogradOutputTile& tile) {
  for (std::int64_t c = 0; c < tile.channels; c += kLanes) {
    const V bias = load16(tile.bias + c);
    transform_square<T>(
        [&](int i, int j) { return load16(tile.products + (i * T::kIn + j) * tile.plane + c); },
        [&](int i, int j, V value) { store16(tile.pixels[i * T::kOut + j] + c, value + bias); });
  }
}

template <class T>
ATELIER_INLINE void weight_tile(const float* source, std::int64_t stride, float* out,
                                std::int64_t plane) {
  transform_square<T>(
      [&](int i, int j) {
        V value;
        for (int lane = 0; lane < kLanes; ++lane) value[lane] = source[lane * stride + i * 3 + j];
        return value;
      },
      [&](int i, int j, V value) { store16(out + (i * T::kOut + j) * plane, value); });
}

}  // namespace

ATELIER_CPU_CLONES void winograd_input_2x2(const WinogradInputTile& tile) {
  input_tile<Input2>(tile);
}
ATELIER_CPU_CLONES void winograd_input_4x4(const WinogradInputTile& tile) {
  input_tile<Input4>(tile);
}
ATELIER_CPU_CLONES void winograd_output_2x2(const WinogradOutputTile& tile) {
  output_tile<Output2>(tile);
}
ATELIER_CPU_CLONES void winograd_output_4x4(const WinogradOutputTile& tile) {
  output_tile<Output4>(tile);
}
ATELIER_CPU_CLONES void winograd_weight_2x2(const float* source, std::int64_t stride, float* out,
                                            std::int64_t plane) {
  weight_tile<Weight2>(source, stride, out, plane);
}
ATELIER_CPU_CLONES void winograd_weight_4x4(const float* source, std::int64_t stride, float* out,
                                            std::int64_t plane) {
  weight_tile<Weight4>(source, stride, out, plane);
}

}  // namespace atelier::engine
