#include "engine/nn/attention_amx_kernel.h"

#include <algorithm>

#include "engine/nn/aligned_parts.h"

#if defined(__x86_64__)
#include "engine/nn/amx_tiles.h"
#include "engine/nn/attention_vectors.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma,f16c,avx2,amx-tile,amx-bf16")

namespace atelier::engine {
namespace {

// Scores lie turned, [key][query]: keys are rows as they are in memory, the softmax of a query runs
// down one lane of vectors, and its weights are at once what the product with the values takes.
constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kQueries = 2 * kLanes;  // of a tile of queries
constexpr std::int64_t kStep = 32;             // values that one tile product adds up
constexpr std::int64_t kBlock = 3 * kStep;     // keys whose scores of one tile fit the first cache
constexpr std::int64_t kRowBytes = 64;
constexpr std::int64_t kTile = 16 * kStep;  // bf16 values in a tile register

// A pair of neighbouring bf16 values: along the width for scores, along the keys for values.
using Pair = std::uint32_t;

struct Shape {
  std::int64_t steps;    // of width, for scores
  std::int64_t columns;  // width up to whole tiles of 16, for values
  std::int64_t tiles;    // of queries
};

struct Scratch {
  Pair* queries;   // [tile][step][16 pairs of width][32 queries]
  Bf16* keys;      // [step][key of the block][32 of width]
  Bf16* values;    // [step of keys][column][32 keys]
  float* scores;   // [key of the block][32 queries]
  Pair* weights;   // [pair of keys][32 queries]
  float* sums;     // [tile][column][32 queries]
  float* largest;  // [tile][32], of the scores times scale * log2 e
  float* totals;   // [tile][32]
};

ATELIER_BF16_INLINE __mmask32 first_of_32(std::int64_t count) {
  return static_cast<__mmask32>((std::uint64_t{1} << std::clamp<std::int64_t>(count, 0, 32)) - 1);
}

// Values [first, first + 32) of a row of `width`; zeros after the last.
ATELIER_BF16_INLINE __m512i load_row(const Bf16* row, std::int64_t first, std::int64_t width) {
  return _mm512_maskz_loadu_epi16(first_of_32(width - first), row + first);
}

void pack_queries(const AttentionRunBf16& run, const Shape& shape, Pair* to) {
  for (std::int64_t first = 0; first < shape.tiles * kQueries; first += kLanes) {
    Pair* half = to + first / kQueries * shape.steps * kLanes * kQueries + first % kQueries;
    for (std::int64_t step = 0; step < shape.steps; ++step) {
      __m512i square[16];
      for (std::int64_t i = 0; i < kLanes; ++i) {
        square[i] = first + i < run.queries ? load_row(run.query + (first + i) * run.query_stride,
                                                       step * kStep, run.width)
                                            : _mm512_setzero_si512();
      }
      transpose(square);
      for (std::int64_t pair = 0; pair < kLanes; ++pair) {
        _mm512_storeu_si512(half + (step * kLanes + pair) * kQueries, square[pair]);
      }
    }
  }
}

// Keys after the last are zeros.
void pack_keys(const AttentionRunBf16& run, const Shape& shape, std::int64_t first,
               std::int64_t count, Bf16* to) {
  for (std::int64_t key = 0; key < kBlock; ++key) {
    const Bf16* row = run.key + (first + key) * run.key_stride;
    for (std::int64_t step = 0; step < shape.steps; ++step) {
      _mm512_storeu_si512(
          to + (step * kBlock + key) * kStep,
          key < count ? load_row(row, step * kStep, run.width) : _mm512_setzero_si512());
    }
  }
}

void pack_values(const AttentionRunBf16& run, const Shape& shape, std::int64_t first,
                 std::int64_t count, Bf16* to) {
  const auto row = [&](std::int64_t key, std::int64_t column) {
    const auto mask = static_cast<__mmask16>(first_of_32(run.width - column));
    return key < count ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(
                             mask, run.value + (first + key) * run.value_stride + column))
                       : _mm512_setzero_si512();
  };
  for (std::int64_t step = 0; step < kBlock / kStep; ++step) {
    for (std::int64_t column = 0; column < shape.columns; column += kLanes) {
      __m512i square[16];
      for (std::int64_t i = 0; i < 16; ++i) {
        const std::int64_t key = step * kStep + 2 * i;
        square[i] = _mm512_or_si512(row(key, column), _mm512_slli_epi32(row(key + 1, column), 16));
      }
      transpose(square);
      for (std::int64_t i = 0; i < 16; ++i) {
        _mm512_storeu_si512(to + (step * shape.columns + column + i) * kStep, square[i]);
      }
    }
  }
}

// scores of one tile of queries against the first `count` keys of a block, a multiple of 32.
ATELIER_BF16_INLINE void score(const Pair* queries, const Bf16* keys, std::int64_t steps,
                               std::int64_t count, float* scores) {
  constexpr std::int64_t kLineBytes = kQueries * sizeof(float);
  for (std::int64_t key = 0; key < count; key += 2 * kLanes) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (std::int64_t step = 0; step < steps; ++step) {
      const Pair* right = queries + step * kLanes * kQueries;
      const Bf16* left = keys + (step * kBlock + key) * kStep;
      _tile_loadd(6, right, kLineBytes);
      _tile_loadd(4, left, kRowBytes);
      _tile_loadd(7, right + kLanes, kLineBytes);
      _tile_loadd(5, left + kTile, kRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    float* to = scores + key * kQueries;
    _tile_stored(0, to, kLineBytes);
    _tile_stored(1, to + kLanes, kLineBytes);
    _tile_stored(2, to + kLanes * kQueries, kLineBytes);
    _tile_stored(3, to + kLanes * kQueries + kLanes, kLineBytes);
  }
}

// Hides what a query does not see: lane i sees the keys below `seen` + i, and none from `count` on.
void hide(float* scores, std::int64_t padded, std::int64_t count, std::int64_t seen) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const auto begin = static_cast<int>(std::clamp<std::int64_t>(seen, -kQueries, kBlock));
  for (std::int64_t v = 0; v < 2; ++v) {
    const __m512i limits = _mm512_min_epi32(
        _mm512_set1_epi32(static_cast<int>(count)),
        _mm512_add_epi32(lanes, _mm512_set1_epi32(begin + static_cast<int>(v * kLanes))));
    for (std::int64_t key = 0; key < padded; ++key) {
      float* at = scores + key * kQueries + v * kLanes;
      const __mmask16 hidden =
          _mm512_cmple_epi32_mask(limits, _mm512_set1_epi32(static_cast<int>(key)));
      _mm512_mask_storeu_ps(at, hidden, _mm512_set1_ps(kHidden));
    }
  }
}

ATELIER_BF16_INLINE __m512 largest_of(const float* scores, std::int64_t count) {
  __m512 most[4];
  for (auto& value : most) value = _mm512_set1_ps(kHidden);
  for (std::int64_t key = 0; key < count; key += 4) {
#pragma GCC unroll 4
    for (std::int64_t i = 0; i < 4; ++i) {
      most[i] = _mm512_max_ps(most[i], _mm512_loadu_ps(scores + (key + i) * kQueries));
    }
  }
  return _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3]));
}

// weights = 2^(scores * factor - largest), as bf16; returns their sum in fp32.
ATELIER_BF16_INLINE __m512 soften(const float* scores, std::int64_t count, __m512 factor,
                                  __m512 largest, Pair* weights) {
  __m512 total[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
#pragma GCC unroll 2
  for (std::int64_t key = 0; key < count; key += 2) {
    const float* from = scores + key * kQueries;
    const __m512 low = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(from), factor, largest));
    const __m512 high = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(from + kQueries), factor, largest));
    total[0] = _mm512_add_ps(total[0], low);
    total[1] = _mm512_add_ps(total[1], high);
    _mm512_storeu_si512(weights + key / 2 * kQueries, rounded_pairs(low, high));
  }
  return _mm512_add_ps(total[0], total[1]);
}

ATELIER_BF16_INLINE void scale_sums(float* sums, std::int64_t columns, __m512 factor) {
  for (std::int64_t c = 0; c < columns; ++c) {
    float* at = sums + c * kQueries;
    _mm512_storeu_ps(at, _mm512_mul_ps(_mm512_loadu_ps(at), factor));
  }
}

// sums[column][query] += weights . values, for kTiles tiles of 16 columns.
template <int kTiles>
ATELIER_BF16_INLINE void mix_columns(const Pair* weights, const Bf16* values, std::int64_t columns,
                                     std::int64_t steps, float* sums) {
  constexpr std::int64_t kLineBytes = kQueries * sizeof(float);
  float* lower = sums + kLanes * kQueries;
  _tile_loadd(0, sums, kLineBytes);
  _tile_loadd(1, sums + kLanes, kLineBytes);
  if constexpr (kTiles == 2) {
    _tile_loadd(2, lower, kLineBytes);
    _tile_loadd(3, lower + kLanes, kLineBytes);
  }
  for (std::int64_t step = 0; step < steps; ++step) {
    const Pair* right = weights + step * kLanes * kQueries;
    const Bf16* left = values + step * columns * kStep;
    _tile_loadd(6, right, kLineBytes);
    _tile_loadd(4, left, kRowBytes);
    _tile_loadd(7, right + kLanes, kLineBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (kTiles == 2) {
      _tile_loadd(5, left + kTile, kRowBytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, sums, kLineBytes);
  _tile_stored(1, sums + kLanes, kLineBytes);
  if constexpr (kTiles == 2) {
    _tile_stored(2, lower, kLineBytes);
    _tile_stored(3, lower + kLanes, kLineBytes);
  }
}

// One tile of queries against one block of `count` keys.
void attend_tile(const Scratch& scratch, const Shape& shape, std::int64_t tile, std::int64_t count,
                 std::int64_t seen, float scale) {
  const std::int64_t steps = (count + kStep - 1) / kStep, padded = steps * kStep;
  float* sums = scratch.sums + tile * shape.columns * kQueries;
  before_tiles_read();
  score(scratch.queries + tile * shape.steps * kLanes * kQueries, scratch.keys, shape.steps, padded,
        scratch.scores);
  if (std::min(seen, count) < padded) hide(scratch.scores, padded, count, seen);
  const __m512 factor = _mm512_set1_ps(scale);
  for (std::int64_t v = 0; v < kQueries; v += kLanes) {
    float* largest = scratch.largest + tile * kQueries + v;
    float* total = scratch.totals + tile * kQueries + v;
    const __m512 before = _mm512_loadu_ps(largest);
    const __m512 now =
        _mm512_max_ps(_mm512_mul_ps(largest_of(scratch.scores + v, padded), factor), before);
    const __m512 sum = soften(scratch.scores + v, padded, factor, now, scratch.weights + v);
    if (_mm512_cmp_ps_mask(now, before, _CMP_NEQ_OQ) == 0) {
      _mm512_storeu_ps(total, _mm512_add_ps(_mm512_loadu_ps(total), sum));
      continue;
    }
    const __m512 shrink = exp2_of(_mm512_sub_ps(before, now));
    scale_sums(sums + v, shape.columns, shrink);
    _mm512_storeu_ps(total, _mm512_fmadd_ps(_mm512_loadu_ps(total), shrink, sum));
    _mm512_storeu_ps(largest, now);
  }
  before_tiles_read();
  std::int64_t column = 0;
  for (; column + 2 * kLanes <= shape.columns; column += 2 * kLanes) {
    mix_columns<2>(scratch.weights, scratch.values + column * kStep, shape.columns, steps,
                   sums + column * kQueries);
  }
  if (column < shape.columns) {
    mix_columns<1>(scratch.weights, scratch.values + column * kStep, shape.columns, steps,
                   sums + column * kQueries);
  }
}

void write_out(const AttentionRunBf16& run, const Scratch& scratch, const Shape& shape) {
  for (std::int64_t first = 0; first < run.queries; first += kLanes) {
    const std::int64_t tile = first / kQueries, side = first % kQueries;
    const float* sums = scratch.sums + tile * shape.columns * kQueries + side;
    const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0F),
                                        _mm512_loadu_ps(scratch.totals + tile * kQueries + side));
    const std::int64_t rows = std::min(kLanes, run.queries - first);
    for (std::int64_t column = 0; column < run.width; column += kStep) {
      __m512i square[16];
      for (std::int64_t p = 0; p < kLanes; ++p) {
        const std::int64_t at = column + 2 * p;
        square[p] = _mm512_setzero_si512();
        if (at >= shape.columns) continue;  // columns are even
        const float* from = sums + at * kQueries;
        square[p] = rounded_pairs(_mm512_mul_ps(_mm512_loadu_ps(from), factor),
                                  _mm512_mul_ps(_mm512_loadu_ps(from + kQueries), factor));
      }
      transpose(square);
      const __mmask32 mask = first_of_32(run.width - column);
      for (std::int64_t row = 0; row < rows; ++row) {
        _mm512_mask_storeu_epi16(run.out + (first + row) * run.out_stride + column, mask,
                                 square[row]);
      }
    }
  }
}

std::int64_t whole(std::int64_t count, std::int64_t of) { return (count + of - 1) / of; }

constexpr TileShapes whole_tiles() {
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) shapes.set(tile, 16, kRowBytes);
  return shapes;
}

}  // namespace

void attend_amx(const AttentionRunBf16& run) {
  static constexpr TileShapes kShapes = whole_tiles();
  const Shape shape{whole(run.width, kStep), whole(run.width, kLanes) * kLanes,
                    whole(run.queries, kQueries)};
  const std::int64_t lanes = shape.tiles * kQueries;
  const AlignedParts<8> parts({shape.tiles * shape.steps * kLanes * kQueries,
                               shape.steps * kBlock * kStep / 2, kBlock / 2 * shape.columns,
                               kBlock * kQueries, kBlock / 2 * kQueries, lanes * shape.columns,
                               lanes, lanes});
  const Scratch scratch{parts.as<Pair>(0),  parts.as<Bf16>(1), parts.as<Bf16>(2),
                        parts.as<float>(3), parts.as<Pair>(4), parts.as<float>(5),
                        parts.as<float>(6), parts.as<float>(7)};
  std::fill_n(scratch.sums, lanes * shape.columns, 0.0F);
  std::fill_n(scratch.largest, lanes, kHidden);
  std::fill_n(scratch.totals, lanes, 0.0F);
  pack_queries(run, shape, scratch.queries);
  before_tiles_read();
  _tile_loadconfig(&kShapes);
  for (std::int64_t first = 0; first < run.keys; first += kBlock) {
    const std::int64_t count = std::min(kBlock, run.keys - first);
    pack_keys(run, shape, first, count, scratch.keys);
    pack_values(run, shape, first, count, scratch.values);
    for (std::int64_t tile = 0; tile < shape.tiles; ++tile) {
      const std::int64_t seen = run.visible + tile * kQueries - first;
      if (seen + kQueries <= 1) continue;  // no query of this block sees these keys
      attend_tile(scratch, shape, tile, count, seen, run.scale * kLog2E);
    }
  }
  _tile_release();
  write_out(run, scratch, shape);
}

}  // namespace atelier::engine
#pragma GCC pop_options

#else

namespace atelier::engine {

void attend_amx(const AttentionRunBf16&) {}

}  // namespace atelier::engine

#endif
