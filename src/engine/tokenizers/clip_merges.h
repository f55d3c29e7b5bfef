// The built-in merges of CLIP's vocabulary (data/clip_merges.txt, under its own licence beside it),
// linked into the library, because single-file checkpoints have no tokenizer.
#pragma once

#include <string_view>

namespace atelier::engine {

// One merge per line, "left right".
std::string_view clip_merges_text();

}  // namespace atelier::engine
