// A picture enlarged tile by tile against the same picture enlarged as a whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/image/tiles.h"
#include "engine/models/rrdbnet.h"
#include "engine/models/srvgg_compact.h"
#include "tests/golden/model_golden.h"
#include "tests/golden/named_tensors.h"

namespace atelier::engine {
namespace {

media::Image picture(int width, int height) {
  media::Image image{width, height, 3, {}};
  unsigned noise = 1;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        noise = noise * 1664525u + 1013904223u;
        const double wave = 90 * std::sin(0.11 * x * (channel + 1)) * std::cos(0.07 * y);
        const int edge = (x / 23 + y / 17) % 2 == 0 ? 40 : -40;
        const int value = 128 + static_cast<int>(wave) + edge + static_cast<int>(noise >> 28);
        image.pixels.push_back(static_cast<std::uint8_t>(std::clamp(value, 0, 255)));
      }
    }
  }
  return image;
}

int largest_difference(const media::Image& a, const media::Image& b) {
  if (a.pixels.size() != b.pixels.size()) throw std::runtime_error("sizes differ");
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return largest;
}

struct Differences {
  int at_reach = 0, at_half = 0, at_none = 0;  // by the overlap
};

// `network` and its configuration; random weights give values around 0, which are moved to the
// middle of the range, so that nothing is clamped.
template <typename Network>
Differences differences(const Network& network, std::int64_t size) {
  const auto& config = network.config();
  const auto upscale = [&](const Tensor& tile) { return network.forward(tile) * 0.3 + 0.5; };
  const media::Image image = picture(126, 94);
  const media::Image whole = upscale_in_tiles(image, config.scale(), {1024, 0, 4}, upscale);
  const auto with = [&](std::int64_t overlap) {
    return largest_difference(upscale_in_tiles(image, config.scale(), {size, overlap, 4}, upscale),
                              whole);
  };
  return {with(overlap_of(config.reach())), with(config.reach() / 2), with(0)};
}

RrdbNet rrdbnet(const std::string& name) {
  const SeededSource source = ModelGolden(name).source();
  const std::vector<TensorInfo> infos = infos_of(source);
  return {recognise_rrdbnet(infos).value().config, Binder(source, at::kFloat)};
}

TEST(TiledUpscale, DiffersFromTheWholeByRoundingAlone) {
  const Differences found = differences(rrdbnet("rrdbnet_x4"), 100);
  EXPECT_LE(found.at_reach, 1);
  EXPECT_LE(found.at_half, 2);
  EXPECT_GT(found.at_none, 2) << "the tiles would be equal without an overlap";
}

TEST(TiledUpscale, DiffersByRoundingAloneWithUnshuffledPixels) {
  const Differences found = differences(rrdbnet("rrdbnet_x2_unshuffled"), 100);
  EXPECT_LE(found.at_reach, 1);
  EXPECT_LE(found.at_half, 2);
  EXPECT_GT(found.at_none, 2) << "the tiles would be equal without an overlap";
}

TEST(TiledUpscale, DiffersByRoundingAloneForTheCompactNetwork) {
  const SeededSource source = ModelGolden("srvgg_x4").source();
  const std::vector<TensorInfo> infos = infos_of(source);
  const SrvggCompact network(recognise_srvgg_compact(infos).value().config,
                             Binder(source, at::kFloat));
  const Differences found = differences(network, 40);
  EXPECT_LE(found.at_reach, 1);
  EXPECT_GT(found.at_none, 2) << "the tiles would be equal without an overlap";
}

}  // namespace
}  // namespace atelier::engine
