#include "engine/nn/attention_kernel.h"

#include <algorithm>
#include <cstring>
#include <vector>

#define ATELIER_INLINE inline __attribute__((always_inline))

namespace atelier::engine {
namespace {

constexpr std::int64_t kRows = 6;       // queries of a tile: with two vectors, 12 of 16 registers
constexpr std::int64_t kKeysMax = 256;  // of a block
constexpr std::int64_t kLanesMax = 16;
// Packed keys or values of a block, and sums of a run, in floats. The block is used over and over
// and fits a 512 KiB cache; the sums pass through it once per block.
constexpr std::int64_t kBlockFloats = std::int64_t{24} << 10;
constexpr std::int64_t kRunFloats = std::int64_t{96} << 10;
constexpr float kHidden = -1e30F;  // score of a key that is not seen

// aligned(4): rows of pictures start anywhere.
typedef float Floats8 __attribute__((vector_size(32), aligned(4)));
typedef float Floats16 __attribute__((vector_size(64), aligned(4)));
typedef std::int32_t Ints8 __attribute__((vector_size(32)));
typedef std::int32_t Ints16 __attribute__((vector_size(64)));

struct Avx2 {
  using Floats = Floats8;
  using Ints = Ints8;
  static constexpr std::int64_t kLanes = 8;
};
struct Avx512 {
  using Floats = Floats16;
  using Ints = Ints16;
  static constexpr std::int64_t kLanes = 16;
};

template <typename Arch>
ATELIER_INLINE typename Arch::Floats load(const float* from) {
  typename Arch::Floats v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <typename Arch>
ATELIER_INLINE void store(float* to, typename Arch::Floats v) {
  std::memcpy(to, &v, sizeof v);
}

// Cephes' expf: 2^n times a polynomial of degree 5 over half an octave; error below 2 ulp.
template <typename Arch>
ATELIER_INLINE typename Arch::Floats exponential(typename Arch::Floats x) {
  using Floats = typename Arch::Floats;
  using Ints = typename Arch::Ints;
  x = x < -87.0F ? Floats{} - 87.0F : x;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to whole numbers
  const Floats shifted = x * 1.44269504F + kRound;
  const Floats n = shifted - kRound;
  const Floats r = x - n * 0.693359375F - n * -2.12194440e-4F;
  Floats y = r * 1.9875691500e-4F + 1.3981999507e-3F;
  y = y * r + 8.3334519073e-3F;
  y = y * r + 4.1665795894e-2F;
  y = y * r + 1.6666665459e-1F;
  y = y * r + 5.0000001201e-1F;
  y = y * (r * r) + r + 1.0F;
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127 << 23);  // the low bits of `shifted` are n
  Floats power;
  std::memcpy(&power, &bits, sizeof power);
  return y * power;
}

struct Sizes {
  std::int64_t width, padded;  // of a head; padded to whole vectors
  std::int64_t block;          // keys of a block, whole vectors
};

// to[tile][d][row] = query * scale; rows after the last repeat it.
void pack_queries(const AttentionRun& run, float* to) {
  for (std::int64_t first = 0; first < run.queries; first += kRows) {
    for (std::int64_t row = 0; row < kRows; ++row) {
      const float* from = run.query + std::min(first + row, run.queries - 1) * run.query_stride;
      for (std::int64_t d = 0; d < run.width; ++d) to[d * kRows + row] = from[d] * run.scale;
    }
    to += kRows * run.width;
  }
}

// to[panel][d][lane]: `count` keys from `first`, zeros after them up to whole panels.
template <typename Arch>
ATELIER_INLINE void pack_keys(const AttentionRun& run, std::int64_t first, std::int64_t count,
                              float* to) {
  for (std::int64_t panel = 0; panel < count; panel += Arch::kLanes) {
    for (std::int64_t lane = 0; lane < Arch::kLanes; ++lane) {
      if (panel + lane < count) {
        const float* from = run.key + (first + panel + lane) * run.key_stride;
        for (std::int64_t d = 0; d < run.width; ++d) to[d * Arch::kLanes + lane] = from[d];
      } else {
        for (std::int64_t d = 0; d < run.width; ++d) to[d * Arch::kLanes + lane] = 0;
      }
    }
    to += Arch::kLanes * run.width;
  }
}

// to[panel][key][lane], panels of two vectors (the last may be one): zeros after `width`.
template <typename Arch>
ATELIER_INLINE void pack_values(const AttentionRun& run, const Sizes& sizes, std::int64_t first,
                                std::int64_t count, float* to) {
  for (std::int64_t begin = 0; begin < sizes.padded; begin += 2 * Arch::kLanes) {
    const std::int64_t lanes = std::min(2 * Arch::kLanes, sizes.padded - begin);
    const auto used = static_cast<std::size_t>(std::min(lanes, run.width - begin)) * sizeof(float);
    const auto all = static_cast<std::size_t>(lanes) * sizeof(float);
    for (std::int64_t key = 0; key < count; ++key, to += lanes) {
      std::memset(to, 0, all);
      std::memcpy(to, run.value + (first + key) * run.value_stride + begin, used);
    }
  }
}

// scores[row][key] of kVectors panels of keys.
template <typename Arch, int kVectors>
ATELIER_INLINE void score_panels(const float* queries, const float* keys, std::int64_t width,
                                 float* scores) {
  using Floats = typename Arch::Floats;
  Floats sums[kRows][kVectors] = {};
  for (std::int64_t d = 0; d < width; ++d) {
    Floats column[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      column[v] = load<Arch>(keys + (v * width + d) * Arch::kLanes);
    }
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) sums[row][v] += queries[d * kRows + row] * column[v];
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      store<Arch>(scores + row * kKeysMax + v * Arch::kLanes, sums[row][v]);
    }
  }
}

template <typename Arch>
ATELIER_INLINE void score(const float* queries, const float* keys, std::int64_t width,
                          std::int64_t count, float* scores) {
  const std::int64_t panels = (count + Arch::kLanes - 1) / Arch::kLanes;
  std::int64_t panel = 0;
  for (; panel + 2 <= panels; panel += 2) {
    score_panels<Arch, 2>(queries, keys + panel * Arch::kLanes * width, width,
                          scores + panel * Arch::kLanes);
  }
  if (panel < panels) {
    score_panels<Arch, 1>(queries, keys + panel * Arch::kLanes * width, width,
                          scores + panel * Arch::kLanes);
  }
}

// Scores of one row become exp(score - largest). -> the factor for what was summed up before.
template <typename Arch>
ATELIER_INLINE float soften(float* scores, std::int64_t seen, std::int64_t count, float& largest,
                            float& total) {
  using Floats = typename Arch::Floats;
  const std::int64_t whole = (count + Arch::kLanes - 1) / Arch::kLanes * Arch::kLanes;
  for (std::int64_t key = std::max<std::int64_t>(seen, 0); key < whole; ++key) {
    scores[key] = kHidden;
  }
  Floats most = load<Arch>(scores);
  for (std::int64_t key = Arch::kLanes; key < whole; key += Arch::kLanes) {
    const Floats next = load<Arch>(scores + key);
    most = next > most ? next : most;
  }
  float now = largest;
  for (int lane = 0; lane < Arch::kLanes; ++lane) now = std::max(now, most[lane]);
  Floats sum{};
  for (std::int64_t key = 0; key < whole; key += Arch::kLanes) {
    const Floats weight = exponential<Arch>(load<Arch>(scores + key) - now);
    store<Arch>(scores + key, weight);
    sum += weight;
  }
  float added = 0;
  for (int lane = 0; lane < Arch::kLanes; ++lane) added += sum[lane];
  const float factor = exponential<Arch>(Floats{} + (largest - now))[0];
  largest = now;
  total = total * factor + added;
  return factor;
}

// sums[row][d] = sums * factor + weights[row] . values, for kVectors vectors of d.
template <typename Arch, int kVectors>
ATELIER_INLINE void mix_panels(const float* weights, const float* values, std::int64_t keys,
                               std::int64_t padded, const float* factors, float* sums) {
  using Floats = typename Arch::Floats;
  Floats mixed[kRows][kVectors];
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      mixed[row][v] = load<Arch>(sums + row * padded + v * Arch::kLanes) * factors[row];
    }
  }
  for (std::int64_t key = 0; key < keys; ++key) {
    Floats value[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      value[v] = load<Arch>(values + (key * kVectors + v) * Arch::kLanes);
    }
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) mixed[row][v] += weights[row * kKeysMax + key] * value[v];
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      store<Arch>(sums + row * padded + v * Arch::kLanes, mixed[row][v]);
    }
  }
}

template <typename Arch>
ATELIER_INLINE void mix(const float* weights, const float* values, std::int64_t keys,
                        std::int64_t padded, const float* factors, float* sums) {
  std::int64_t d = 0;
  for (; d + 2 * Arch::kLanes <= padded; d += 2 * Arch::kLanes) {
    mix_panels<Arch, 2>(weights, values + d * keys, keys, padded, factors, sums + d);
  }
  if (d < padded) mix_panels<Arch, 1>(weights, values + d * keys, keys, padded, factors, sums + d);
}

// All tiles of the run against one block of keys.
template <typename Arch>
ATELIER_INLINE void attend_block(const AttentionRun& run, const Sizes& sizes, std::int64_t first,
                                 std::int64_t count, const float* queries, const float* keys,
                                 const float* values, float* largest, float* totals, float* sums) {
  alignas(64) float scores[kRows * kKeysMax];
  for (std::int64_t row = 0; row < run.queries; row += kRows) {
    if (run.visible + row + kRows - 1 <= first) continue;  // no query of this block sees these keys
    score<Arch>(queries + row * run.width, keys, run.width, count, scores);
    float factors[kRows];
    for (std::int64_t i = 0; i < kRows; ++i) {
      const std::int64_t seen = std::min(count, run.visible + row + i - first);
      factors[i] =
          soften<Arch>(scores + i * kKeysMax, seen, count, largest[row + i], totals[row + i]);
    }
    mix<Arch>(scores, values, count, sizes.padded, factors, sums + row * sizes.padded);
  }
}

void write_out(const AttentionRun& run, const Sizes& sizes, const float* totals,
               const float* sums) {
  for (std::int64_t row = 0; row < run.queries; ++row) {
    const float factor = 1.0F / totals[row];
    float* to = run.out + row * run.out_stride;
    const float* from = sums + row * sizes.padded;
    for (std::int64_t d = 0; d < run.width; ++d) to[d] = from[d] * factor;
  }
}

template <typename Arch>
ATELIER_INLINE void attend_with(const AttentionRun& run) {
  Sizes sizes{run.width, (run.width + Arch::kLanes - 1) / Arch::kLanes * Arch::kLanes, 0};
  sizes.block =
      std::clamp(kBlockFloats / sizes.padded, kLanesMax, kKeysMax) / kLanesMax * kLanesMax;
  const std::int64_t rows = (run.queries + kRows - 1) / kRows * kRows;
  const auto floats = [](std::int64_t count) {
    return std::vector<float>(static_cast<std::size_t>(count));
  };
  std::vector<float> queries = floats(rows * run.width), keys = floats(sizes.block * run.width);
  std::vector<float> values = floats(sizes.block * sizes.padded);
  std::vector<float> sums = floats(rows * sizes.padded), totals = floats(rows);
  std::vector<float> largest(static_cast<std::size_t>(rows), kHidden);
  pack_queries(run, queries.data());
  for (std::int64_t first = 0; first < run.keys; first += sizes.block) {
    const std::int64_t count = std::min(sizes.block, run.keys - first);
    pack_keys<Arch>(run, first, count, keys.data());
    pack_values<Arch>(run, sizes, first, count, values.data());
    attend_block<Arch>(run, sizes, first, count, queries.data(), keys.data(), values.data(),
                       largest.data(), totals.data(), sums.data());
  }
  write_out(run, sizes, totals.data(), sums.data());
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) void attend_avx512(const AttentionRun& run) {
  attend_with<Avx512>(run);
}
__attribute__((target("arch=x86-64-v3"))) void attend_avx2(const AttentionRun& run) {
  attend_with<Avx2>(run);
}
#endif

void attend_plain(const AttentionRun& run) { attend_with<Avx2>(run); }

}  // namespace

std::int64_t attention_run_length(std::int64_t width) {
  return std::clamp(kRunFloats / width, 8 * kRows, 80 * kRows) / kRows * kRows;
}

void attend(const AttentionRun& run) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    return attend_avx512(run);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return attend_avx2(run);
#endif
  attend_plain(run);
}

}  // namespace atelier::engine
