#include "engine/image/tiles.h"

#include <algorithm>
#include <array>
#include <string>

#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kOverlapMax = 64;

// Pixels added at each side of a tile: only where the picture ends.
struct Margins {
  std::int64_t left = 0, right = 0, top = 0, bottom = 0;

  Margins(const media::Image& image, const TileRange& down, const TileRange& across,
          std::int64_t border)
      : left(across.begin == 0 ? border : 0),
        right(across.end == image.width ? border : 0),
        top(down.begin == 0 ? border : 0),
        bottom(down.end == image.height ? border : 0) {}
};

// tile [1, 3, h, w], reflected at its edges; the edge itself is repeated where it is too small.
Tensor with_margins(const Tensor& tile, const Margins& margins) {
  const auto& [left, right, top, bottom] = margins;
  if (std::max({left, right, top, bottom}) == 0) return tile;
  const bool reflects =
      std::max(left, right) < tile.size(3) && std::max(top, bottom) < tile.size(2);
  const std::array<std::int64_t, 4> sides = {left, right, top, bottom};
  const Tensor wider =
      reflects ? at::reflection_pad2d(tile, sides) : at::replication_pad2d(tile, sides);
  return wider.contiguous(at::MemoryFormat::ChannelsLast);
}

// The part of an RGB picture as [1, 3, h, w] fp32 in [0, 1], channels_last.
Tensor read_tile(const media::Image& rgb, const TileRange& down, const TileRange& across) {
  const std::int64_t height = down.end - down.begin, width = across.end - across.begin;
  const std::int64_t row_bytes = std::int64_t{rgb.width} * kChannels;
  auto* const first = const_cast<std::uint8_t*>(rgb.pixels.data()) + down.begin * row_bytes +
                      across.begin * kChannels;
  return at::from_blob(first, {height, width, kChannels}, {row_bytes, kChannels, 1}, at::kByte)
      .to(at::kFloat)
      .div_(255.0)
      .permute({2, 0, 1})
      .unsqueeze(0);
}

// The kept part of `result` [1, 3, scale h, scale w] into its place in `image`.
void write_tile(const Tensor& result, std::int64_t scale, const TileRange& down,
                const TileRange& across, const Margins& margins, media::Image& image) {
  const std::int64_t top = down.begin - margins.top, left = across.begin - margins.left;
  const Tensor bytes =
      result[0]
          .slice(1, scale * (down.keep_begin - top), scale * (down.keep_end - top))
          .slice(2, scale * (across.keep_begin - left), scale * (across.keep_end - left))
          .to(at::kCPU, at::kFloat)
          .clamp(0, 1)
          .mul_(255.0)
          .round_()
          .to(at::kByte)
          .permute({1, 2, 0})
          .contiguous();  // [kept h, kept w, 3]
  const std::int64_t row_bytes = bytes.size(1) * kChannels;
  const auto* from = bytes.data_ptr<std::uint8_t>();
  for (std::int64_t y = 0; y < bytes.size(0); ++y, from += row_bytes) {
    const std::int64_t row = scale * down.keep_begin + y;
    std::copy_n(from, row_bytes,
                image.pixels.data() + (row * image.width + scale * across.keep_begin) * kChannels);
  }
}

void check_result(const Tensor& result, const Tensor& tile, std::int64_t scale) {
  const std::vector<std::int64_t> expected = {1, kChannels, scale * tile.size(2),
                                              scale * tile.size(3)};
  if (result.sizes() != at::IntArrayRef(expected)) {
    throw Error(
        ErrorCode::kInternal,
        "the upscaler returned a tile whose size does not match its scale: the model does not "
        "match its card");
  }
}

}  // namespace

std::int64_t overlap_of(std::int64_t reach) { return std::min(reach, kOverlapMax); }

std::vector<TileRange> tile_ranges(std::int64_t extent, const TileSpec& spec) {
  const bool possible = extent >= 1 && spec.multiple >= 1 && spec.overlap >= 0 &&
                        spec.overlap <= spec.size && spec.size - 2 * spec.overlap >= spec.multiple;
  if (!possible) {
    throw Error(ErrorCode::kInvalidArgument,
                "invalid tiles of " + std::to_string(spec.size) + " pixels with an overlap of " +
                    std::to_string(spec.overlap) +
                    ": expected a size of more than twice the overlap");
  }
  const std::int64_t step = (spec.size - 2 * spec.overlap) / spec.multiple * spec.multiple;
  std::vector<TileRange> ranges;
  for (std::int64_t begin = 0;; begin += step) {
    const std::int64_t end = std::min(begin + spec.size, extent);
    const bool last = end == extent;
    ranges.push_back({begin, end, begin == 0 ? 0 : begin + spec.overlap,
                      last ? extent : begin + step + spec.overlap});
    if (last) return ranges;
  }
}

media::Image upscale_in_tiles(const media::Image& image, std::int64_t scale, const TileSpec& spec,
                              const UpscaleTile& upscale, const TileDone& done) {
  media::check_image(image);
  if (image.channels == 4) {
    throw Error(ErrorCode::kInvalidArgument,
                "the upscaler takes pictures without alpha: enlarge colour and alpha apart");
  }
  const media::Image rgb = media::to_rgb(image);
  const std::vector<TileRange> rows = tile_ranges(rgb.height, spec);
  const std::vector<TileRange> columns = tile_ranges(rgb.width, spec);
  media::Image enlarged{static_cast<int>(scale * rgb.width),
                        static_cast<int>(scale * rgb.height),
                        static_cast<int>(kChannels),
                        {}};
  enlarged.pixels.resize(enlarged.byte_count());
  const auto count = static_cast<std::int64_t>(rows.size() * columns.size());
  std::int64_t finished = 0;
  if (done) done(0, count);
  for (const TileRange& down : rows) {
    for (const TileRange& across : columns) {
      const Margins margins(rgb, down, across, spec.border);
      const Tensor tile = with_margins(read_tile(rgb, down, across), margins);
      const Tensor result = upscale(tile);
      check_result(result, tile, scale);
      write_tile(result, scale, down, across, margins, enlarged);
      if (done) done(++finished, count);
    }
  }
  return enlarged;
}

}  // namespace atelier::engine
