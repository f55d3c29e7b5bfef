#include "engine/nn/attention_bf16_kernel.h"

#include <algorithm>
#include <cstring>

#include "engine/nn/aligned_parts.h"
#include "engine/nn/amx_kernels.h"
#include "engine/nn/attention_amx_kernel.h"

#if defined(__x86_64__)
#include "engine/nn/attention_vectors.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2")
#endif

namespace atelier::engine {

#if defined(__x86_64__)
namespace {

// Every vector holds sixteen queries, one a lane: the maximum over the keys needs no horizontal
// step, keys and values are broadcast, and any width is a whole number of products.
constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kQueries = 2 * kLanes;  // of a tile
constexpr std::int64_t kKeys = 12;             // of a tile: 24 sums of 32 registers
constexpr std::int64_t kBlock = 8 * kKeys;     // keys whose scores of one tile fit the first cache

// A pair of neighbouring bf16 values, the operand of a product: along the width for scores, along
// the keys for values.
using Pair = std::uint32_t;

struct Scratch {
  Pair* queries;   // [tile][pair of width][32]
  Pair* keys;      // [tile of keys][pair of width][12]
  Pair* values;    // [tile of width][pair of keys][columns]
  float* scores;   // [key of the block][32]
  Pair* weights;   // [pair of keys][32]
  float* sums;     // [tile][width, padded][32]
  float* largest;  // [tile][32], of the scores times scale * log2 e
  float* totals;   // [tile][32]
};

struct Shape {
  std::int64_t pairs;    // of width
  std::int64_t columns;  // of values: width up to whole column tiles
  std::int64_t tiles;    // of queries
};

Pair pair_of(const std::uint16_t* from, std::int64_t at, std::int64_t width) {
  const Pair low = from[at], high = at + 1 < width ? from[at + 1] : 0;
  return low | high << 16;
}

void pack_queries(const AttentionRunBf16& run, const Shape& shape, Pair* to) {
  std::memset(to, 0, static_cast<std::size_t>(shape.tiles * shape.pairs * kQueries) * sizeof(Pair));
  for (std::int64_t row = 0; row < run.queries; ++row) {
    const std::uint16_t* from = run.query + row * run.query_stride;
    Pair* lane = to + row / kQueries * shape.pairs * kQueries + row % kQueries;
    for (std::int64_t p = 0; p < shape.pairs; ++p) {
      lane[p * kQueries] = pair_of(from, 2 * p, run.width);
    }
  }
}

// Keys after the last are zeros.
void pack_keys(const AttentionRunBf16& run, const Shape& shape, std::int64_t first,
               std::int64_t count, Pair* to) {
  for (std::int64_t key = 0; key < (count + kKeys - 1) / kKeys * kKeys; ++key) {
    const std::uint16_t* from = run.key + (first + key) * run.key_stride;
    Pair* lane = to + key / kKeys * shape.pairs * kKeys + key % kKeys;
    for (std::int64_t p = 0; p < shape.pairs; ++p) {
      lane[p * kKeys] = key < count ? pair_of(from, 2 * p, run.width) : 0;
    }
  }
}

template <std::int64_t kColumns>
void pack_values(const AttentionRunBf16& run, const Shape& shape, std::int64_t first,
                 std::int64_t count, Pair* to) {
  for (std::int64_t begin = 0; begin < shape.columns; begin += kColumns) {
    const std::int64_t used = std::min(kColumns, run.width - begin);
    for (std::int64_t key = 0; key < count; key += 2, to += kColumns) {
      std::uint16_t low[kColumns] = {}, high[kColumns] = {};
      const std::uint16_t* from = run.value + (first + key) * run.value_stride + begin;
      const auto bytes = static_cast<std::size_t>(used) * sizeof(std::uint16_t);
      std::memcpy(low, from, bytes);
      if (key + 1 < count) std::memcpy(high, from + run.value_stride, bytes);
      for (std::int64_t c = 0; c < kColumns; ++c) to[c] = low[c] | Pair{high[c]} << 16;
    }
  }
}

ATELIER_BF16_INLINE __m512bh as_pairs(__m512i bits) { return (__m512bh)bits; }
ATELIER_BF16_INLINE __m512bh load_pairs(const Pair* from) {
  return as_pairs(_mm512_loadu_si512(from));
}
ATELIER_BF16_INLINE __m512bh broadcast(Pair pair) {
  return as_pairs(_mm512_set1_epi32(static_cast<int>(pair)));
}

// scores[key][query] of one tile of keys; raises `most`. Masked: lane i sees keys below seen[i].
template <bool kMasked>
ATELIER_BF16_INLINE void score_tile(const Pair* queries, const Pair* keys, std::int64_t pairs,
                                    const __m512i* seen, float* scores, __m512* most) {
  __m512 sums[kKeys][2];
  for (auto& row : sums) row[0] = row[1] = _mm512_setzero_ps();
  for (std::int64_t p = 0; p < pairs; ++p) {
    const __m512bh left = load_pairs(queries + p * kQueries);
    const __m512bh right = load_pairs(queries + p * kQueries + kLanes);
    for (std::int64_t k = 0; k < kKeys; ++k) {
      const __m512bh key = broadcast(keys[p * kKeys + k]);
      sums[k][0] = _mm512_dpbf16_ps(sums[k][0], left, key);
      sums[k][1] = _mm512_dpbf16_ps(sums[k][1], right, key);
    }
  }
  for (std::int64_t k = 0; k < kKeys; ++k) {
    for (int v = 0; v < 2; ++v) {
      if constexpr (kMasked) {
        const __mmask16 visible =
            _mm512_cmpgt_epi32_mask(seen[v], _mm512_set1_epi32(static_cast<int>(k)));
        sums[k][v] = _mm512_mask_mov_ps(_mm512_set1_ps(kHidden), visible, sums[k][v]);
      }
      most[v] = _mm512_max_ps(most[v], sums[k][v]);
      _mm512_storeu_ps(scores + k * kQueries + v * kLanes, sums[k][v]);
    }
  }
}

// Of one tile of queries and one block of keys. `seen`: how many keys of the block the first query
// sees; each later one sees one more.
ATELIER_BF16_INLINE void score(const Pair* queries, const Pair* keys, std::int64_t pairs,
                               std::int64_t count, std::int64_t seen, float* scores, __m512* most) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (std::int64_t k = 0; k < count; k += kKeys) {
    const Pair* tile = keys + k * pairs;
    if (std::min(seen, count) >= k + kKeys) {
      score_tile<false>(queries, tile, pairs, nullptr, scores + k * kQueries, most);
      continue;
    }
    const __m512i last = _mm512_set1_epi32(static_cast<int>(count - k));
    __m512i limits[2];
    for (int v = 0; v < 2; ++v) {
      const auto begin = static_cast<int>(std::clamp<std::int64_t>(seen - k, -64, kBlock));
      limits[v] = _mm512_min_epi32(
          last, _mm512_add_epi32(lanes, _mm512_set1_epi32(begin + v * static_cast<int>(kLanes))));
    }
    score_tile<true>(queries, tile, pairs, limits, scores + k * kQueries, most);
  }
}

// weights = 2^(scores * factor - largest), as bf16; returns their sums in fp32.
ATELIER_BF16_INLINE void soften(const float* scores, std::int64_t count, float factor,
                                const __m512* largest, Pair* weights, __m512* totals) {
  const __m512 factors = _mm512_set1_ps(factor);
  for (std::int64_t k = 0; k < count; k += 2) {
    for (int v = 0; v < 2; ++v) {
      const float* from = scores + k * kQueries + v * kLanes;
      const __m512 low = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(from), factors, largest[v]));
      const __m512 high =
          exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(from + kQueries), factors, largest[v]));
      totals[v] = _mm512_add_ps(totals[v], _mm512_add_ps(low, high));
      _mm512_storeu_si512(weights + k / 2 * kQueries + v * kLanes, rounded_pairs(low, high));
    }
  }
}

// sums[column][query] = sums * factors + weights . values, for one tile of columns.
template <std::int64_t kColumns>
ATELIER_BF16_INLINE void mix_tile(const Pair* weights, const Pair* values, std::int64_t pairs,
                                  const __m512* factors, float* sums) {
  __m512 mixed[kColumns][2];
  for (std::int64_t c = 0; c < kColumns; ++c) {
    for (int v = 0; v < 2; ++v) {
      mixed[c][v] = _mm512_mul_ps(_mm512_loadu_ps(sums + c * kQueries + v * kLanes), factors[v]);
    }
  }
  for (std::int64_t p = 0; p < pairs; ++p) {
    const __m512bh left = load_pairs(weights + p * kQueries);
    const __m512bh right = load_pairs(weights + p * kQueries + kLanes);
    for (std::int64_t c = 0; c < kColumns; ++c) {
      const __m512bh value = broadcast(values[p * kColumns + c]);
      mixed[c][0] = _mm512_dpbf16_ps(mixed[c][0], left, value);
      mixed[c][1] = _mm512_dpbf16_ps(mixed[c][1], right, value);
    }
  }
  for (std::int64_t c = 0; c < kColumns; ++c) {
    for (int v = 0; v < 2; ++v) {
      _mm512_storeu_ps(sums + c * kQueries + v * kLanes, mixed[c][v]);
    }
  }
}

// One tile of queries against one block of keys.
template <std::int64_t kColumns>
void attend_tile(const Scratch& scratch, const Shape& shape, std::int64_t tile, std::int64_t count,
                 std::int64_t seen, float factor) {
  float* largest = scratch.largest + tile * kQueries;
  float* totals = scratch.totals + tile * kQueries;
  __m512 most[2] = {_mm512_set1_ps(kHidden), _mm512_set1_ps(kHidden)};
  score(scratch.queries + tile * shape.pairs * kQueries, scratch.keys, shape.pairs, count, seen,
        scratch.scores, most);
  __m512 now[2], factors[2], sums[2];
  for (int v = 0; v < 2; ++v) {
    const __m512 before = _mm512_loadu_ps(largest + v * kLanes);
    now[v] = _mm512_max_ps(_mm512_mul_ps(most[v], _mm512_set1_ps(factor)), before);
    factors[v] = exp2_of(_mm512_sub_ps(before, now[v]));
    sums[v] = _mm512_mul_ps(_mm512_loadu_ps(totals + v * kLanes), factors[v]);
    _mm512_storeu_ps(largest + v * kLanes, now[v]);
  }
  soften(scratch.scores, (count + 1) / 2 * 2, factor, now, scratch.weights, sums);
  for (int v = 0; v < 2; ++v) _mm512_storeu_ps(totals + v * kLanes, sums[v]);
  const std::int64_t pairs = (count + 1) / 2;
  for (std::int64_t c = 0; c < shape.columns; c += kColumns) {
    mix_tile<kColumns>(scratch.weights, scratch.values + c * pairs, pairs, factors,
                       scratch.sums + (tile * shape.columns + c) * kQueries);
  }
}

void write_out(const AttentionRunBf16& run, const Scratch& scratch, const Shape& shape) {
  for (std::int64_t first = 0; first < run.queries; first += kLanes) {
    const std::int64_t tile = first / kQueries, side = first % kQueries;
    const float* sums = scratch.sums + tile * shape.columns * kQueries + side;
    const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0F),
                                        _mm512_loadu_ps(scratch.totals + tile * kQueries + side));
    const std::int64_t rows = std::min(kLanes, run.queries - first);
    for (std::int64_t p = 0; p < shape.pairs; ++p) {
      const float* from = sums + 2 * p * kQueries;  // columns are even
      Pair pairs[kLanes];
      _mm512_storeu_si512(pairs,
                          rounded_pairs(_mm512_mul_ps(_mm512_loadu_ps(from), factor),
                                        _mm512_mul_ps(_mm512_loadu_ps(from + kQueries), factor)));
      const std::size_t bytes = 2 * p + 1 < run.width ? sizeof(Pair) : sizeof(std::uint16_t);
      for (std::int64_t row = 0; row < rows; ++row) {
        std::memcpy(run.out + (first + row) * run.out_stride + 2 * p, &pairs[row], bytes);
      }
    }
  }
}

std::int64_t up_to_multiple(std::int64_t count, std::int64_t of) {
  return (count + of - 1) / of * of;
}

template <std::int64_t kColumns>
void attend_with(const AttentionRunBf16& run) {
  const Shape shape{(run.width + 1) / 2, up_to_multiple(run.width, kColumns),
                    (run.queries + kQueries - 1) / kQueries};
  const std::int64_t lanes = shape.tiles * kQueries;
  const AlignedParts<8> parts({lanes * shape.pairs, kBlock * shape.pairs,
                               kBlock / 2 * shape.columns, kBlock * kQueries, kBlock / 2 * kQueries,
                               lanes * shape.columns, lanes, lanes});
  const Scratch scratch{parts.as<Pair>(0),  parts.as<Pair>(1), parts.as<Pair>(2),
                        parts.as<float>(3), parts.as<Pair>(4), parts.as<float>(5),
                        parts.as<float>(6), parts.as<float>(7)};
  std::fill_n(scratch.sums, lanes * shape.columns, 0.0F);
  std::fill_n(scratch.largest, lanes, kHidden);
  std::fill_n(scratch.totals, lanes, 0.0F);
  pack_queries(run, shape, scratch.queries);
  for (std::int64_t first = 0; first < run.keys; first += kBlock) {
    const std::int64_t count = std::min(kBlock, run.keys - first);
    pack_keys(run, shape, first, count, scratch.keys);
    pack_values<kColumns>(run, shape, first, count, scratch.values);
    for (std::int64_t tile = 0; tile < shape.tiles; ++tile) {
      const std::int64_t seen = run.visible + tile * kQueries - first;
      if (seen + kQueries <= 1) continue;  // no query of this block sees these keys
      attend_tile<kColumns>(scratch, shape, tile, count, seen, run.scale * kLog2E);
    }
  }
  write_out(run, scratch, shape);
}

}  // namespace
#pragma GCC pop_options

void attend_bf16(const AttentionRunBf16& run) {
  if (amx_supported()) {
    attend_amx(run);
    return;
  }
  // Columns of a tile that divide the usual widths: 40, 80, 160 and 64, 512.
  return run.width % 10 == 0 ? attend_with<10>(run) : attend_with<8>(run);
}

#else

void attend_bf16(const AttentionRunBf16&) {}

#endif

std::int64_t attention_bf16_run_length(std::int64_t width) {
  constexpr std::int64_t kSums = std::int64_t{128} << 10;
  return std::clamp<std::int64_t>(kSums / width, 256, 1024) / 32 * 32;
}

}  // namespace atelier::engine
