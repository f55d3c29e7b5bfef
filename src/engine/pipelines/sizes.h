// How large a picture is made, and whether it is enlarged afterwards. Pure.
#pragma once

#include <optional>

namespace atelier::engine {

// Above this many times the native pixels a picture is made at native scale and enlarged.
inline constexpr double kNativeFactorMax = 4;

struct SizePlan {
  int width = 0, height = 0;            // of the picture that is returned
  int made_width = 0, made_height = 0;  // of the picture that is denoised
  bool enlarged() const { return width != made_width || height != made_height; }
};

SizePlan plan_size(std::optional<int> width, std::optional<int> height, int native_width,
                   int native_height, bool exact);

}  // namespace atelier::engine
