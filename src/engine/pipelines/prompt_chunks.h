// A prompt's tokens as rows of the length that the text encoder takes. What fits is one row, as
// diffusers makes it; what is longer becomes rows of 75 tokens cut at a comma where one is near, as
// A1111 does. Pure, cannot fail.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/models/prompt_rules.h"

namespace atelier::engine {

using TokenRow = std::vector<std::int64_t>;

// `tokens` are those of the text alone. At least one row; all have `length` entries.
std::vector<TokenRow> chunk_tokens(const std::vector<std::int64_t>& tokens,
                                   const PromptRules& rules);

}  // namespace atelier::engine
