// The list of weight file formats, in the order in which they are tried. Any thread.
#pragma once

#include <vector>

#include "engine/weights/weights_format.h"

namespace atelier::engine {

const std::vector<WeightsFormat>& all_weights_formats();

// The first format that recognises the file. safetensors is the last and accepts every file, so
// that its reader reports what is wrong with one that no format recognises.
const WeightsFormat& weights_format_of(std::span<const std::byte> file,
                                       const std::filesystem::path& path);

}  // namespace atelier::engine
