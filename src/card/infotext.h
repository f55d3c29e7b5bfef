// The `parameters` text that A1111 and its forks write into pictures and read back. Pure functions,
// any thread; the reader accepts any text and never fails: what it cannot parse stays in the
// prompt.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "card/tasks/generate.h"

namespace atelier::card {

struct Infotext {
  std::string prompt, negative_prompt;
  std::vector<std::pair<std::string, std::string>> fields;  // "Steps" → "20", in order of writing

  std::string_view field(std::string_view name) const;  // "" when absent
};

// The text of picture `index` of a batch: its seed is the first one's plus the index.
std::string write_infotext(const GenerationUsed& used, int index);

// The last line counts as fields only if it holds at least three `key: value` pairs.
Infotext read_infotext(std::string_view text);

}  // namespace atelier::card
