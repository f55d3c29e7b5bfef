// The sentence for files that no model family recognises: what they are, as far as names and
// configurations show it.
#pragma once

#include <span>

#include "engine/models/model_family.h"

namespace atelier::engine {

// Throws kUnsupported.
[[noreturn]] void refuse_unknown_files(const CheckpointFiles& files,
                                       std::span<const ModelFamily> families);

}  // namespace atelier::engine
