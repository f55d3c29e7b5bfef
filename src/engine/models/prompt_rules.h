// The special tokens of a text encoder's vocabulary and the length of its rows. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace atelier::engine {

struct PromptRules {
  std::int64_t begin = 49406, end = 49407, pad = 49407;
  std::int64_t comma = -1;     // token of ",</w>"; -1: the vocabulary has none
  std::size_t length = 77;     // of a row, with its begin and end
  std::size_t backtrack = 20;  // how far back a comma may lie
};

}  // namespace atelier::engine
