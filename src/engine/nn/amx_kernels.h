// Products of bf16 panels with the tile registers of AMX: blocks of 32 rows and 32 columns, ten times
// what vectors do. Used by nn/bf16_kernels alone, from any thread; tile registers are set up in every
// call, so that other libraries may use them between calls. Sizes are the caller's duty.
#pragma once

#include "engine/nn/bf16_kernels.h"

namespace atelier::engine {

// Rows of one block: two tile registers.
inline constexpr std::int64_t kAmxRows = 32;

// Whether processor and system have AMX with bf16 and it was not turned off (ATELIER_AMX=off). Asks the
// system for the registers once, for all threads.
bool amx_supported();

// As multiply_panel(); needs no room for sums that wait.
void multiply_panel_amx(const PanelProduct& product);

}  // namespace atelier::engine
