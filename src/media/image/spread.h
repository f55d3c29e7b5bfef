// Colours under the transparent parts of a picture. Pure functions on plain values, any thread.
// Throw kInvalidArgument for an image whose channels or byte count are invalid.
#pragma once

#include "media/image/image.h"

namespace atelier::media {

// The same RGBA picture with the colour of each fully transparent pixel replaced by that of a
// visible pixel near it, so that a filter or a network over the colours mixes nothing invisible
// into the visible edge. Alpha, visible pixels, and pictures without one visible pixel stay.
// Distances are those of a chessboard, found in two passes over the picture (Rosenfeld and Pfaltz,
// 1966): a pixel far from every visible one may get the colour of the second nearest.
Image with_colour_spread(Image rgba);

}  // namespace atelier::media
