// The folders of the home's models/ in which models are searched, by the kind of their files; the
// names are ComfyUI's where it has one.
#pragma once

#include <array>
#include <string_view>

namespace atelier::domain::model_layout {

inline constexpr std::string_view kCheckpoints = "checkpoints", kDiffusers = "diffusers",
                                  kUpscalers = "upscale_models", kVision = "vision";
inline constexpr std::array kFolders = {kCheckpoints, kDiffusers, kUpscalers, kVision};

}  // namespace atelier::domain::model_layout
