// A prompt's tokens as rows of the length that the text encoder takes. What fits is one row, as
// diffusers makes it; what is longer becomes rows of 75 tokens cut at a comma where one is near, as
// A1111 does. Pure, cannot fail.
#pragma once

#include <cstdint>
#include <vector>

namespace atelier::engine {

struct ChunkRules {
  std::int64_t begin = 49406, end = 49407, pad = 49407;
  std::int64_t comma = -1;     // token of ",</w>"; -1: the vocabulary has none
  std::size_t length = 77;     // of a row, with its begin and end
  std::size_t backtrack = 20;  // how far back a comma may lie
};

using TokenRow = std::vector<std::int64_t>;

// `tokens` are those of the text alone. At least one row; all have `length` entries.
std::vector<TokenRow> chunk_tokens(const std::vector<std::int64_t>& tokens,
                                   const ChunkRules& rules);

}  // namespace atelier::engine
