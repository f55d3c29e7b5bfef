// A picture of an animated file, or the only one of its file. Plain value.
#pragma once

#include "media/image/image.h"

namespace atelier::media {

struct Frame {
  Image image;
  int number = 0;  // in the file, from 0
  int total = 1;   // frames of the file
};

}  // namespace atelier::media
