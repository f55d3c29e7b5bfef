// Models that are built like one of ours and compute something more: parts that we do not have
// would be left out silently and every image would be wrong. Recognised by the names of their
// tensors. Pure.
#pragma once

#include "engine/weights/weights_view.h"

namespace atelier::engine {

// `part` is for the sentence: "UNet". Throws kUnsupported with the file, the tensor and what it
// means.
void refuse_unknown_computation(const WeightsView& view, const char* part);

}  // namespace atelier::engine
