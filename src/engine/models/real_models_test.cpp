// Models that others trained and published (tools/test_real), against what the reference
// implementations make of the same files (tools/reference/make_real_file_goldens.py). Each test
// skips where its file was not fetched.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "engine/models/all_models.h"
#include "engine/models/open_nsfw.h"
#include "engine/models/upscaler.h"
#include "engine/nn/bf16_kernels.h"
#include "platform/base64.h"
#include "tests/golden/named_tensors.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

fs::path real_file(const std::string& name) {
  const char* const folder = std::getenv("ATELIER_REAL_FILES");
  if (folder == nullptr) return {};
  const fs::path path = fs::path(folder) / name;
  return fs::exists(path) ? path : fs::path();
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string golden(const std::string& name) {
  return contents(fs::path(ATELIER_SOURCE_DIR "/tests/golden/data/real") / name);
}

// Bytes of an RGB picture -> [1, 3, h, w] fp32, not divided.
Tensor picture_of(const std::string& rgb, std::int64_t height, std::int64_t width) {
  if (rgb.size() != static_cast<std::size_t>(height * width * 3)) {
    throw std::runtime_error("the size of a golden picture");
  }
  Tensor bytes = at::empty({height, width, 3}, at::kByte);
  std::memcpy(bytes.data_ptr(), rgb.data(), rgb.size());
  return bytes.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat);
}

double decibels(const Tensor& found, const Tensor& reference) {
  const double error =
      (found.to(at::kDouble) - reference.to(at::kDouble)).square().mean().item<double>();
  return -10 * std::log10(error);  // the largest value of a picture is 1
}

void compare(const std::string& name, at::ScalarType dtype, double decibels_min) {
  const fs::path path = real_file(name + ".param");
  if (path.empty()) GTEST_SKIP() << name << ".param was not fetched";
  if (dtype == at::kBFloat16 && !bf16_products_supported()) {
    GTEST_SKIP() << "this processor has no bf16 products";
  }
  const boost::json::value json = boost::json::parse(golden(name + ".json"));
  const auto number = [&](const char* key) { return json.at(key).to_number<std::int64_t>(); };
  const std::int64_t height = number("height"), width = number("width"), scale = number("scale");
  const auto rgb = platform::base64_decode(json.at("rgb").as_string()).value();
  const Tensor picture =
      picture_of({reinterpret_cast<const char*>(rgb.data()), rgb.size()}, height, width) / 255;
  Tensor reference = at::empty({1, 3, scale * height, scale * width}, at::kHalf);
  const std::string halves = golden(name + ".f16");
  ASSERT_EQ(halves.size(), reference.nbytes());
  std::memcpy(reference.data_ptr(), halves.data(), halves.size());

  LoadOptions options;
  options.bind.dtype = dtype;
  const auto model = load_model(detect_model(CheckpointFiles(path)), options);
  const auto& upscaler = model->capability<Upscaler>();
  EXPECT_EQ(upscaler.facts().scale, scale);
  const Tensor found = upscaler.enlarge(picture, [] {});
  ASSERT_EQ(found.sizes(), reference.sizes());
  const double measured = decibels(found, reference);
  testing::Test::RecordProperty("decibels", std::to_string(measured));
  // The negation also catches NaN.
  EXPECT_FALSE(!(measured >= decibels_min)) << measured << " dB";
}

class RealUpscaler : public testing::TestWithParam<std::string> {};

TEST_P(RealUpscaler, GivesTheReferencesPictureInFp32) { compare(GetParam(), at::kFloat, 60); }

TEST_P(RealUpscaler, StaysNearTheReferencesPictureInBfloat16) {
  compare(GetParam(), at::kBFloat16, 40);
}

INSTANTIATE_TEST_SUITE_P(Published, RealUpscaler,
                         testing::Values("realesrgan-x4plus", "realesrgan-x4plus-anime",
                                         "realesr-animevideov3-x4", "realesr-animevideov3-x2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// As open_nsfw.h says, from the pixels of 224x224 on.
TEST(RealClassifier, RatesPhotographsAsOnnxRuntimeDoes) {
  const fs::path path = real_file("open-nsfw.onnx");
  if (path.empty()) GTEST_SKIP() << "open-nsfw.onnx was not fetched";
  const std::string file = contents(path);
  const auto bytes = std::as_bytes(std::span(file));
  const OnnxModel graph = parse_onnx(bytes, "open-nsfw.onnx");
  const auto recognised = recognise_open_nsfw(graph);
  ASSERT_TRUE(recognised.has_value());
  const MemorySource tensors = tensors_in(bytes, graph.tensors, recognised->names);
  const Binder binder(tensors, at::kFloat);
  const OpenNsfw network(recognised->config, binder);
  binder.check_all_used();

  const boost::json::value json = boost::json::parse(golden("open_nsfw.json"));
  const auto& scores = json.at("scores").as_object();
  EXPECT_EQ(scores.size(), 4u);
  const Tensor mean = at::tensor({104.0F, 117.0F, 123.0F}).view({1, 3, 1, 1});
  for (const auto& [photograph, score] : scores) {
    const std::string name(photograph);
    const Tensor rgb = picture_of(golden(name + ".rgb"), 224, 224);
    const Tensor found = network.forward(rgb.flip(1) - mean);
    const double expected = score.to_number<double>();
    // Within 0.001, and where the score itself is smaller within a twentieth of it.
    EXPECT_NEAR(found[0][1].item<double>(), expected, std::min(1e-3, expected / 20)) << name;
  }
}

}  // namespace
}  // namespace atelier::engine
