// The starter upscaler, run by the engine: nearer to drawn pictures than bicubic interpolation.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>

#include "card/tasks/upscale.h"
#include "media/image/resample.h"
#include "starter_run.h"

namespace atelier::starter {
namespace {

constexpr int kPictures = 24;
constexpr double kGainAtLeast = 3, kWorstGainAtLeast = 1;  // dB; measured: 4.2 and 2.5

engine::ModelFiles model() {
  return {"upscale/atelier-starter-upscaler",
          ATELIER_SOURCE_DIR "/starter/models/upscale_models/atelier-starter-upscaler.safetensors"};
}

// Cubic convolution with a = -0.5, as Pillow's BICUBIC, for twice the size: the samples of the
// result lie a quarter of a pixel before and after those of the source.
media::Image doubled_by_bicubic(const media::Image& image) {
  constexpr std::array kWeights = {-0.0703125, 0.8671875, 0.2265625, -0.0234375};
  media::Image result{image.width * 2, image.height * 2, 3, {}};
  const auto tap = [](int place, int i) {  // i from 0: the far one on the near side
    return place % 2 == 0 ? place / 2 + 1 - i : place / 2 - 1 + i;
  };
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (int i = 0; i < 16; ++i) {
          const int column = std::clamp(tap(x, i % 4), 0, image.width - 1);
          const int row = std::clamp(tap(y, i / 4), 0, image.height - 1);
          sum += kWeights[static_cast<std::size_t>(i % 4)] *
                 kWeights[static_cast<std::size_t>(i / 4)] *
                 image.pixels[static_cast<std::size_t>((row * image.width + column) * 3 + c)];
        }
        result.pixels.push_back(
            static_cast<std::uint8_t>(std::lround(std::clamp(sum, 0.0, 255.0))));
      }
    }
  }
  return result;
}

double psnr(const media::Image& made, const std::vector<std::uint8_t>& truth) {
  EXPECT_EQ(made.pixels.size(), truth.size());
  double sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) sum += std::pow(made.pixels[i] - truth[i], 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(truth.size()) / std::max(sum, 1.0));
}

class StarterUpscaler : public StarterRun {
 protected:
  media::Image upscaled(const media::Image& image) {
    return run("upscale", model(), card::UpscaleInput{}, image).outputs.at(0).picture;
  }
};

TEST_F(StarterUpscaler, IsNearerToDrawnPicturesThanBicubicInterpolation) {
  double gains = 0, worst = 100;
  for (std::uint32_t seed = 0; seed < kPictures; ++seed) {
    DrawnScene scene = draw_truth(700 + seed, false);
    draw_sign(scene, seed % 2 == 0 ? Sign::kMark : Sign::kOtherColour, seed);
    const media::Image truth = picture_of(scene);
    const auto half = media::resize(truth, scene.width / 2, scene.height / 2, media::Filter::kBox);
    const media::Image made = upscaled(half);
    ASSERT_EQ(made.width, scene.width);
    ASSERT_EQ(made.height, scene.height);
    const double gain = psnr(made, scene.rgb) - psnr(doubled_by_bicubic(half), scene.rgb);
    gains += gain;
    worst = std::min(worst, gain);
  }
  std::printf("gain over bicubic: %.2f dB, least %.2f\n", gains / kPictures, worst);
  EXPECT_GE(gains / kPictures, kGainAtLeast);
  EXPECT_GE(worst, kWorstGainAtLeast);
}

TEST_F(StarterUpscaler, KeepsAFlatPictureFlat) {
  media::Image grey{40, 30, 3, {}};
  grey.pixels.assign(grey.byte_count(), 119);
  const media::Image made = upscaled(grey);
  int furthest = 0;
  for (const std::uint8_t value : made.pixels) furthest = std::max(furthest, std::abs(value - 119));
  EXPECT_LE(furthest, 2);
}

TEST_F(StarterUpscaler, SaysWhatItIs) {
  const card::ModelCard card = engine_->inspect(model());
  EXPECT_EQ(card.family, "real_esrgan");
  EXPECT_EQ(card.title, "Atelier starter upscaler");
  EXPECT_NE(card.description.find("drew itself"), std::string::npos);
}

}  // namespace
}  // namespace atelier::starter
