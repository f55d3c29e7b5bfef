// The tile registers of AMX (Intel's Architecture Instruction Set Extensions reference, chapter 3):
// eight of up to 16 rows of 64 bytes. Included by the kernels of this folder alone, inside
// `#if defined(__x86_64__)`, by code that is compiled for "amx-tile,amx-bf16".
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace atelier::engine {

// What LDTILECFG reads: rows and bytes of a row of each register.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  constexpr void set(int tile, std::int64_t tile_rows, std::int64_t bytes) {
    rows[tile] = static_cast<std::uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<std::uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

// g++ 12's tile intrinsics do not say what memory they read: values that were just written must be
// forced out of registers first.
inline void before_tiles_read() { __asm__ volatile("" ::: "memory"); }

}  // namespace atelier::engine
