// A picture enlarged tile by tile, so that the memory of the network that enlarges it depends on
// the tile and not on the picture: beside the input only the output is whole, as 8-bit values.
//
// Tiles overlap. Near the edge of a tile the network's output differs from its output for the whole
// picture, because the pixels beyond the edge are missing. So the outer `overlap` pixels of each
// tile are computed and cropped, except at the picture's own edges. Cropping gives a smaller
// largest difference than blending two tiles over the same pixels: the error falls quickly with the
// distance from the edge, and a blend includes a share of the large errors.
//
// Choice of the overlap: a network's reach (how far away a pixel of the input can still change one
// of the output) makes tiles exact, but the reach of RRDBNet with 23 blocks is 349 pixels, more
// than a tile. Its influence falls off before, which was measured with the trained Real-ESRGAN
// networks in fp32 on a photograph of a face, as the largest difference to the whole picture in
// levels of 255:
//
//   overlap          8    10   16   24   32   40   48   64
//   x4plus                              12         4    1     reach 349
//   x4plus-anime   100    77   42   24   13    4    2    1     reach 94
//   animevideov3     5     2    1                              reach 18
//
// 10 is Real-ESRGAN's own `tile_pad`. So overlap_of() takes the reach, but at most 64. The cost is
// the pixels that are cropped: size^2 are computed for (size - 2 overlap)^2, 1.78 times as many
// with 512 and 64, 1.15 times with 512 and 18. A larger tile makes it cheaper and takes more
// memory.
//
// Called from the job thread. Errors and exceptions of the callbacks pass through.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/tensor/torch_compat.h"
#include "media/image/image.h"

namespace atelier::engine {

struct TileSpec {
  // Largest side of what the network is given, in pixels of the input.
  std::int64_t size = 512;
  // Pixels cropped at each inner edge.
  std::int64_t overlap = 64;
  // Tiles begin at multiples of it: at least what the network divides sides by
  // (RrdbNetConfig::unshuffle). With 4 the tiles of the Winograd kernels, and with them the
  // rounding, are the same as in the whole picture.
  std::int64_t multiple = 4;
  // Pixels by which the picture is continued beyond its own edges, reflected, while it is enlarged:
  // with nothing there but the zeros of the convolutions, a flat picture gets a frame in another
  // tint. With x4plus a flat red picture differed from its colour by 35 levels of 255 in the
  // outermost pixels and by 6 elsewhere; with a border of 4 by 6 everywhere.
  std::int64_t border = 0;
};

// The overlap for a network of this reach, in pixels of the input.
std::int64_t overlap_of(std::int64_t reach);

// A range of pixels along one axis of the input: `begin` to `end` is read, `keep_begin` to
// `keep_end` is kept.
struct TileRange {
  std::int64_t begin = 0, end = 0, keep_begin = 0, keep_end = 0;
};

// The ranges along an axis of `extent` pixels. Every pixel is kept by exactly one range. All but
// the last have `size` pixels, and where they begin depends on `spec` alone. Throws
// kInvalidArgument unless size - 2 overlap >= multiple >= 1, overlap >= 0 and extent >= 1.
std::vector<TileRange> tile_ranges(std::int64_t extent, const TileSpec& spec);

// [1, 3, h, w] fp32 in [0, 1], h and w at most spec.size and two borders -> [1, 3, scale h, scale
// w].
using UpscaleTile = std::function<Tensor(const Tensor& tile)>;
// Called before the first tile and after each one; what it throws ends the work.
using TileDone = std::function<void(std::int64_t done, std::int64_t count)>;

// `image` is RGB or grey (repeated). The values of the result are clamped to [0, 1], multiplied by
// 255 and rounded, halves to even. Throws kInvalidArgument for other images, kInternal where
// `upscale` gives another size than it should.
media::Image upscale_in_tiles(const media::Image& image, std::int64_t scale, const TileSpec& spec,
                              const UpscaleTile& upscale, const TileDone& done = {});

}  // namespace atelier::engine
