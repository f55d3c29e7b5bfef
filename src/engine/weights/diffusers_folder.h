// A model as a diffusers folder: model_index.json and a folder for each part, with every name that
// was ever usual for a tensor brought to the present one. Used by checkpoint_layout alone; errors
// as there.
#pragma once

#include <filesystem>

#include "engine/weights/checkpoint_layout.h"

namespace atelier::engine {

bool is_diffusers_folder(const std::filesystem::path& path);
CheckpointLayout read_diffusers_folder(const std::filesystem::path& path);

}  // namespace atelier::engine
