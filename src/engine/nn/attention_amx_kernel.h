// attend_bf16() with the tile registers of AMX; only when amx_supported() (nn/amx_kernels.h).
#pragma once

#include "engine/nn/attention_bf16_kernel.h"

namespace atelier::engine {

void attend_amx(const AttentionRunBf16& run);

}  // namespace atelier::engine
