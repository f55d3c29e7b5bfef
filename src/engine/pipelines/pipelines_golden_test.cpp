// Whole runs against diffusers' pipelines on tiny models: final latents and 8-bit pixels
// (tools/reference/make_pipeline_goldens.py).
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "../../../tests/golden/bf16_distances.h"
#include "../../../tests/golden/pipeline_model.h"
#include "engine/nn/bf16_kernels.h"
#include "engine/pipelines/generate.h"

namespace atelier::engine {
namespace {

std::vector<std::uint8_t> from_base64(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (value < 0) {
      break;
    }
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<std::uint8_t>(bits >> static_cast<unsigned>(held)));
    }
  }
  return bytes;
}

media::Image source_image(int width, int height) {
  media::Image image{width, height, 3, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value :
           {(x * 5 + y * 3) % 256, ((x / 8 + y / 8) % 2) * 200 + 20, (x * y) % 256}) {
        image.pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return image;
}

media::Image source_mask(int width, int height) {
  media::Image mask{width, height, 1, {}};
  const double radius = std::min(width, height) * 0.35;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double dx = x - width * 0.6, dy = y - height * 0.4;
      mask.pixels.push_back(dx * dx + dy * dy < radius * radius ? 255 : 0);
    }
  }
  return mask;
}

GenerateJob job_of(const boost::json::object& golden) {
  GenerateJob job;
  auto& input = job.input;
  input.prompt = std::string(golden.at("prompt").as_string());
  if (!golden.at("negative").is_null()) {
    input.negative_prompt = std::string(golden.at("negative").as_string());
  }
  input.sampler = std::string(golden.at("sampler").as_string());
  input.steps = golden.at("steps").to_number<int>();
  input.guidance = golden.at("guidance").to_number<double>();
  input.guidance_rescale = golden.at("rescale").to_number<double>();
  if (const auto* end = golden.if_contains("guidance_end")) {
    input.guidance_end = end->to_number<double>();
  }
  input.clip_skip = golden.at("clip_skip").to_number<int>();
  input.width = golden.at("width").to_number<int>();
  input.height = golden.at("height").to_number<int>();
  input.seed = golden.at("seed").to_number<std::uint64_t>();
  input.batch = golden.at("batch").to_number<int>();
  input.exact_size = true;
  if (!golden.at("strength").is_null()) {
    input.strength = golden.at("strength").to_number<double>();
    job.image = source_image(*input.width, *input.height);
  }
  if (golden.at("task").as_string() == "inpaint") {
    job.mask = source_mask(*input.width, *input.height);
    input.keep_outside = false;  // diffusers' own result
  }
  return job;
}

// How near a run on a device must come: cuDNN and cuBLAS add up in other orders than the CPU.
struct Nearness {
  double latents = 1e-4;  // share of the largest latent
  int pixels = 1;         // of 255
};

void compare_latents(const Tensor& ours, const boost::json::array& theirs, double tolerance) {
  ASSERT_EQ(static_cast<std::size_t>(ours.numel()), theirs.size());
  const Tensor flat = ours.flatten().to(at::kCPU, at::kFloat).contiguous();
  double highest = 0, worst = 0;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const auto expected = theirs[i].to_number<double>();
    highest = std::max(highest, std::abs(expected));
    worst = std::max(worst, std::abs(static_cast<double>(flat.data_ptr<float>()[i]) - expected));
  }
  EXPECT_LE(worst, tolerance * highest) << "latents";
}

void compare_pixels(const std::vector<media::Image>& images,
                    const std::vector<std::uint8_t>& theirs, int tolerance) {
  std::size_t next = 0;
  int worst = 0;
  for (const media::Image& image : images) {
    for (int y = 0; y < image.height; y += 3) {
      for (int i = 0; i < image.width * 3; ++i) {
        if (i / 3 % 3 != 0) {
          continue;
        }
        ASSERT_LT(next, theirs.size());
        const int ours =
            image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) * 3 +
                         static_cast<std::size_t>(i)];
        worst = std::max(worst, std::abs(ours - theirs[next++]));
      }
    }
  }
  EXPECT_EQ(next, theirs.size());
  EXPECT_LE(worst, tolerance) << "pixels";
}

void check_model(const std::string& name, std::size_t cases_min, at::Device device = at::kCPU,
                 Nearness nearness = {}) {
  const GoldenModel golden(name);
  const c10::InferenceMode inference;
  Silent observer;
  const std::unique_ptr<Model> loaded = golden.load(at::kFloat, device);
  DiffusionModel& model = DiffusionModel::of(*loaded);
  const boost::json::array& cases = golden.json.at("cases").as_array();
  EXPECT_GE(cases.size(), cases_min);
  for (const auto& entry : cases) {
    const boost::json::object& one = entry.as_object();
    boost::json::object shown = one;
    shown.erase("latents");
    shown.erase("pixels");
    SCOPED_TRACE(name + " " + boost::json::serialize(shown));
    Tensor latents;
    const GenerateResult result = generate_pictures(model, job_of(one), observer, 0, &latents);
    compare_latents(latents, one.at("latents").as_array(), nearness.latents);
    compare_pixels(result.images, from_base64(one.at("pixels").as_string()), nearness.pixels);
  }
}

// Every third pixel, as the reference's distance was measured.
Tensor picture_values(Model& loaded, const GenerateJob& job) {
  Silent observer;
  DiffusionModel& model = DiffusionModel::of(loaded);
  const media::Image image = generate_pictures(model, job, observer, 0, nullptr).images[0];
  const Tensor pixels = at::tensor(at::ArrayRef<std::uint8_t>(image.pixels), at::kDouble);
  return pixels.view({image.height, image.width, 3}).slice(0, 0, {}, 3).slice(1, 0, {}, 3);
}

TEST(Pipelines, InBfloat16DrawPicturesAsNearToFp32AsTheReference) {
  if (!bf16_products_supported()) GTEST_SKIP() << "this processor has no bf16 products";
  const GoldenModel golden("sd15");
  const c10::InferenceMode inference;
  const std::unique_ptr<Model> exact = golden.load(at::kFloat), fast = golden.load(at::kBFloat16);
  Bf16Distance distance("pictures");
  for (const auto& entry : distance.cases()) {
    const boost::json::object& one = entry.as_object();
    GenerateJob job;
    job.input.prompt = "a photo of a cat";
    job.input.sampler = std::string(one.at("sampler").as_string());
    job.input.steps = 4;
    job.input.guidance = 7.5;
    job.input.width = one.at("width").to_number<int>();
    job.input.height = one.at("height").to_number<int>();
    job.input.seed = one.at("seed").to_number<std::uint64_t>();
    job.input.exact_size = true;
    distance.add(picture_values(*fast, job), picture_values(*exact, job));
  }
  distance.expect_near_enough();
}

#ifdef ATELIER_HAVE_CUDA

class PipelinesOnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device here";
    at::globalContext().setAllowTF32CuDNN(false);  // ten bits of a product's precision are not fp32
  }
  void TearDown() override { at::globalContext().setAllowTF32CuDNN(true); }
};

TEST_F(PipelinesOnCuda, OfSd15EqualDiffusers) { check_model("sd15", 23, at::kCUDA, {1e-3, 2}); }
TEST_F(PipelinesOnCuda, OfSd15InpaintingModelsEqualDiffusers) {
  check_model("sd15_inpaint", 3, at::kCUDA, {1e-3, 2});
}
TEST_F(PipelinesOnCuda, OfSdxlEqualDiffusers) { check_model("sdxl", 10, at::kCUDA, {1e-3, 2}); }

// Half precision is compared with our own fp32 on the CPU, which equals the reference.
TEST_F(PipelinesOnCuda, InHalfPrecisionDrawTheSamePicture) {
  const GoldenModel golden("sd15");
  const c10::InferenceMode inference;
  const std::unique_ptr<Model> exact = golden.load(at::kFloat);
  GenerateJob job;
  job.input.prompt = "a photo of a cat";
  job.input.steps = 4;
  job.input.width = job.input.height = 64;
  job.input.seed = 1;
  job.input.exact_size = true;
  const Tensor expected = picture_values(*exact, job);
  for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
    const std::unique_ptr<Model> fast = golden.load(dtype, at::kCUDA);
    const double mean = (picture_values(*fast, job) - expected).abs().mean().item<double>();
    RecordProperty(std::string("mean_difference_") + c10::toString(dtype), std::to_string(mean));
    EXPECT_LE(mean, dtype == at::kHalf ? 1.0 : 6.0) << c10::toString(dtype);
  }
}

#endif

TEST(Pipelines, OfSd15EqualDiffusers) { check_model("sd15", 23); }
TEST(Pipelines, OfSd15InpaintingModelsEqualDiffusers) { check_model("sd15_inpaint", 3); }
TEST(Pipelines, OfSdxlEqualDiffusers) { check_model("sdxl", 10); }

}  // namespace
}  // namespace atelier::engine
