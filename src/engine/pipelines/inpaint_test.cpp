// The parts of the source picture that inpainting keeps, on tiny models. Equality with diffusers is
// tested in pipelines_golden_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "../../../tests/golden/pipeline_model.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/source.h"
#include "media/image/resample.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kCell = 8;  // pixels of one cell of the latents

struct Box {
  int left = 0, top = 0, right = 0, bottom = 0;  // the last ones included

  int distance(int x, int y) const {  // 0 inside
    return std::max({left - x, x - right, top - y, y - bottom, 0});
  }
};

media::Image picture_of(int width, int height) {
  media::Image image{width, height, 3, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {x * 3 + y, 255 - x, (x ^ y) * 5}) {
        image.pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return image;
}

media::Image mask_of(int width, int height, const Box& white) {
  media::Image mask{width, height, 1, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      mask.pixels.push_back(white.distance(x, y) == 0 ? 255 : 0);
    }
  }
  return mask;
}

GenerateJob job_of(int width, int height, const Box& white) {
  GenerateJob job;
  job.input.prompt = "a photo of a cat";
  job.input.width = width;
  job.input.height = height;
  job.input.steps = 2;
  job.input.seed = 5;
  job.image = picture_of(width, height);
  job.mask = mask_of(width, height, white);
  return job;
}

// The largest difference of the pixels at least `from` and at most `to` away from the box.
int difference(const media::Image& one, const media::Image& other, const Box& box, int from,
               int to) {
  EXPECT_EQ(one.pixels.size(), other.pixels.size());
  int worst = 0;
  for (int y = 0; y < one.height; ++y) {
    for (int x = 0; x < one.width; ++x) {
      const int away = box.distance(x, y);
      if (away < from || away > to) continue;
      for (int c = 0; c < 3; ++c) {
        const auto i = static_cast<std::size_t>((y * one.width + x) * 3 + c);
        worst = std::max(worst, std::abs(one.pixels[i] - other.pixels[i]));
      }
    }
  }
  return worst;
}

constexpr int kAnywhere = 1 << 20;

class Inpaint : public testing::TestWithParam<const char*> {
 protected:
  GenerateResult made(const GenerateJob& job) {
    Silent observer;
    return generate_pictures(model_, job, observer, 0);
  }

  const c10::InferenceMode inference_;
  const GoldenModel golden_{GetParam()};
  const std::unique_ptr<Model> loaded_ = golden_.load(at::kFloat);
  DiffusionModel& model_ = DiffusionModel::of(*loaded_);
};

INSTANTIATE_TEST_SUITE_P(WithEachKindOfUnet, Inpaint, testing::Values("sd15", "sd15_inpaint"));

TEST_P(Inpaint, KeepsEveryPixelOutsideTheMaskButItsSoftEdge) {
  const Box box{24, 16, 47, 39};
  GenerateJob job = job_of(96, 72, box);
  job.input.batch = 2;
  const GenerateResult kept = made(job);
  job.input.keep_outside = false;
  const GenerateResult plain = made(job);
  ASSERT_EQ(kept.images.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(difference(kept.images[i], *job.image, box, kCell + 1, kAnywhere), 0);
    // White parts come from the model alone; without keep_outside the whole picture does.
    EXPECT_EQ(difference(kept.images[i], plain.images[i], box, 0, 0), 0);
    EXPECT_GT(difference(plain.images[i], *job.image, box, kCell + 1, kAnywhere), 10);
  }
  EXPECT_EQ(kept.used.keep_outside, true);
  EXPECT_EQ(plain.used.keep_outside, false);
  EXPECT_THAT(kept.used.warnings, IsEmpty());
}

TEST_P(Inpaint, FadesIntoThePictureAtTheMasksEdge) {
  const Box box{24, 16, 47, 39};
  GenerateJob job = job_of(96, 72, box);
  const media::Image kept = made(job).images[0];
  job.input.keep_outside = false;
  const media::Image plain = made(job).images[0];
  int mixed = 0;
  for (int x = box.right + 1; x <= box.right + kCell; ++x) {
    const auto i = static_cast<std::size_t>((28 * 96 + x) * 3);
    mixed += kept.pixels[i] != plain.pixels[i] && kept.pixels[i] != job.image->pixels[i] ? 1 : 0;
  }
  EXPECT_GE(mixed, 4);
}

TEST_P(Inpaint, KeepsThePictureSharpWhenItIsMadeSmallAndEnlarged) {
  const Box box{96, 64, 159, 127};
  GenerateJob job = job_of(256, 192, box);
  const GenerateResult kept = made(job);
  ASSERT_LT(kept.used.made_width, 128);
  const int edge = kCell * 256 / kept.used.made_width + 2;  // of a cell, once enlarged
  EXPECT_EQ(difference(kept.images[0], *job.image, box, edge, kAnywhere), 0);
  EXPECT_GT(difference(kept.images[0], *job.image, box, 0, 0), 10);
}

TEST_P(Inpaint, TakesThePictureAtTheAskedSizeHoweverItIsFitted) {
  const Box box{24, 24, 39, 39};  // of the picture that comes out
  for (const card::FitMode fit : {card::FitMode::kCover, card::FitMode::kContain}) {
    GenerateJob job = job_of(64, 64, box);
    job.image = picture_of(160, 128);
    job.mask = mask_of(160, 128, {70, 54, 89, 73});
    job.input.fit = fit;
    const media::Image expected = fitted_source(job, 64, 64, {}).picture;
    EXPECT_EQ(difference(made(job).images[0], expected, box, 2 * kCell, kAnywhere), 0);
  }
}

TEST_P(Inpaint, WarnsWhenTheMaskTouchesNoCell) {
  GenerateJob job = job_of(64, 64, {17, 17, 22, 22});  // between the sampled points
  const GenerateResult between = made(job);
  EXPECT_THAT(between.used.warnings, ElementsAre(HasSubstr("too small")));
  job.mask = mask_of(64, 64, {-2, -2, -1, -1});
  job.input.batch = 3;
  const GenerateResult nowhere = made(job);
  EXPECT_THAT(nowhere.used.warnings, ElementsAre(HasSubstr("no white part")));
  for (const auto& image : nowhere.images) EXPECT_EQ(image.pixels, job.image->pixels);
  job.mask = mask_of(64, 64, {16, 16, 23, 23});
  EXPECT_THAT(made(job).used.warnings, IsEmpty());
}

// The station composites; the engine does the same for other callers.
TEST_P(Inpaint, HiddenColourNeverShows) {
  const Box box{24, 16, 47, 39};
  GenerateJob job = job_of(64, 64, box);
  job.image = media::Image{64, 64, 4, {}};
  job.mask = media::Image{64, 64, 4, {}};
  const media::Image drawn = mask_of(64, 64, box);
  for (const std::uint8_t white : drawn.pixels) {
    job.image->pixels.insert(job.image->pixels.end(), {200, 0, 0, 0});
    job.mask->pixels.insert(job.mask->pixels.end(), {255, 255, 255, white});
  }
  const media::Image made_picture = made(job).images[0];
  const media::Image white{64, 64, 3, std::vector<std::uint8_t>(64 * 64 * 3, 255)};
  EXPECT_EQ(difference(made_picture, white, box, kCell + 1, kAnywhere), 0);
}

}  // namespace
}  // namespace atelier::engine
