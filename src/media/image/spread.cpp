#include "media/image/spread.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::media {
namespace {

constexpr std::uint16_t kUnknown = std::numeric_limits<std::uint16_t>::max();

struct Step {
  int x, y;
};

class Spread {
 public:
  explicit Spread(Image& image) : image_(image) {
    distances_.reserve(image.pixels.size() / 4);
    for (std::size_t i = 3; i < image.pixels.size(); i += 4) {
      distances_.push_back(image.pixels[i] > 0 ? 0 : kUnknown);
    }
  }

  void run() {
    // The neighbours that lie before a pixel, then those that lie behind it.
    for (int y = 0; y < image_.height; ++y) {
      for (int x = 0; x < image_.width; ++x) take(x, y, {{{-1, -1}, {0, -1}, {1, -1}, {-1, 0}}});
    }
    for (int y = image_.height - 1; y >= 0; --y) {
      for (int x = image_.width - 1; x >= 0; --x) take(x, y, {{{1, 1}, {0, 1}, {-1, 1}, {1, 0}}});
    }
  }

 private:
  // The colour of the neighbour that is nearest to a visible pixel, where it is nearer than what
  // was found before.
  void take(int x, int y, const std::array<Step, 4>& neighbours) {
    const std::size_t here = index(x, y);
    if (distances_[here] == 0) return;
    for (const auto& [right, down] : neighbours) {
      const int column = x + right, row = y + down;
      if (column < 0 || column >= image_.width || row < 0 || row >= image_.height) continue;
      const std::size_t there = index(column, row);
      if (distances_[there] + 1 >= distances_[here]) continue;
      distances_[here] = static_cast<std::uint16_t>(distances_[there] + 1);
      for (std::size_t c = 0; c < 3; ++c) {
        image_.pixels[here * 4 + c] = image_.pixels[there * 4 + c];
      }
    }
  }
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(image_.width) +
           static_cast<std::size_t>(x);
  }

  Image& image_;
  std::vector<std::uint16_t> distances_;  // pixels to a visible one
};

}  // namespace

Image with_colour_spread(Image rgba) {
  check_image(rgba);
  if (rgba.channels != 4) {
    throw Error(ErrorCode::kInvalidArgument,
                "the picture has no transparency: expected 4 channels, it has " +
                    std::to_string(rgba.channels));
  }
  Spread(rgba).run();
  return rgba;
}

}  // namespace atelier::media
