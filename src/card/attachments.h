// The pictures that a task takes beside its input, and what becomes of their transparent parts
// before the task sees them. Read by the station, which has the pictures decoded so, and by whoever
// describes the task. A task that works with transparency itself declares that it keeps it.
#pragma once

#include <string_view>

namespace atelier::card {

enum class Transparency {
  kKept,     // the task receives RGBA where the file has transparency
  kOnMatte,  // composited on the colour that the input names (`matte`)
  kOnBlack,  // a mask: composited on black, which means "not here"
};

struct Attachment {
  std::string_view role;  // the field that carries it: "image", "mask"
  Transparency transparency = Transparency::kKept;
};

// Making pictures: what the autoencoder is given has no transparency.
inline constexpr Attachment kSourcePicture{"image", Transparency::kOnMatte};
inline constexpr Attachment kMask{"mask", Transparency::kOnBlack};

}  // namespace atelier::card
