// Products of bf16 panels with the tile registers of AMX: blocks of 32 rows and 32 columns, ten
// times what vectors do. Used by nn/bf16_kernels alone, from any thread; tile registers are set up
// in every call, so that other libraries may use them between calls. Sizes are the caller's duty.
#pragma once

#include "engine/nn/bf16_kernels.h"

namespace atelier::engine {

// Rows of one block: two tile registers.
inline constexpr std::int64_t kAmxRows = 32;
// k is taken in blocks of so many pairs, so that a block of a panel stays in a 48 KiB first cache.
inline constexpr std::int64_t kAmxPairsBlock = 128;

// Whether processor and system have AMX with bf16 and it was not turned off (ATELIER_AMX=off). Asks
// the system for the registers once, for all threads.
bool amx_supported();

// As multiply_panel().
void multiply_panel_amx(const PanelProduct& product);

}  // namespace atelier::engine
