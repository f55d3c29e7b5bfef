// Photographs and models that others published (tools/test_real), through the program as a person
// runs it. Each test skips where a file was not fetched.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "codec/picture_file.h"
#include "media/image/resample.h"

namespace {

namespace fs = std::filesystem;
using atelier::codec::decode_picture;

std::vector<std::uint8_t> contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class RealPhotographs : public testing::Test {
 protected:
  static void SetUpTestSuite() { atelier::codec::start_codecs("real_photographs_test"); }

  void SetUp() override {
    home_ = fs::path(testing::TempDir()) / ("photographs-" + std::to_string(::getpid()));
    fs::create_directories(home_);
  }
  void TearDown() override { fs::remove_all(home_); }

  // Empty: it was not fetched.
  static fs::path fetched(const std::string& name) {
    const char* const folder = std::getenv("ATELIER_REAL_FILES");
    const fs::path path = folder == nullptr ? fs::path() : fs::path(folder) / name;
    return fs::exists(path) ? path : fs::path();
  }

  bool install(const std::string& name, const std::string& folder) const {
    const auto file = fetched(name);
    if (file.empty()) return false;
    fs::create_directories(home_ / "models" / folder);
    fs::create_symlink(file, home_ / "models" / folder / name);
    return true;
  }

  std::string run(const std::string& arguments, int* status) const {
    const std::string command = "ATELIER_HOME='" + home_.string() + "' '" ATELIER_PROGRAM "' " +
                                arguments + " 2>'" + (home_ / "errors").string() + "' </dev/null";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer;
    while (const auto count = ::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.append(buffer.data(), count);
    }
    *status = ::pclose(pipe);
    return output;
  }

  fs::path home_;
};

// What ONNX Runtime makes of the photographs, prepared as models/open_nsfw.h says.
TEST_F(RealPhotographs, AreRatedByOpenNsfwAsByItsReference) {
  const std::array<std::pair<const char*, double>, 4> photographs{{{"astronaut.png", .0152},
                                                                   {"coffee.png", .0128},
                                                                   {"flower.jpg", .0015},
                                                                   {"china.jpg", 2e-6}}};
  if (!install("open-nsfw.onnx", "vision")) GTEST_SKIP() << "open-nsfw.onnx was not fetched";
  std::string arguments = "classify --json --alone --model open-nsfw --dtype fp32";
  for (const auto& [name, score] : photographs) {
    if (fetched(name).empty()) GTEST_SKIP() << name << " was not fetched";
    arguments += " '" + fetched(name).string() + "'";
  }
  int status = 0;
  std::istringstream lines(run(arguments, &status));
  ASSERT_EQ(status, 0);
  std::string line;
  for (const auto& [name, score] : photographs) {
    ASSERT_TRUE(std::getline(lines, line)) << name;
    const auto rating = boost::json::parse(line);
    EXPECT_EQ(rating.at("label"), "sfw") << name;
    EXPECT_EQ(rating.at("flagged"), "nsfw");
    const auto& nsfw = rating.at("labels").at(1);
    EXPECT_EQ(nsfw.at("label"), "nsfw");
    EXPECT_NEAR(nsfw.at("score").to_number<double>(), score, 1e-3) << name;
  }
}

TEST_F(RealPhotographs, AreEnlargedAndKeepWhatTheyShow) {
  const auto photograph = fetched("flower.jpg");
  if (photograph.empty() || !install("realesr-animevideov3-x2.bin", "upscale_models") ||
      !install("realesr-animevideov3-x2.param", "upscale_models")) {
    GTEST_SKIP() << "the files were not fetched";
  }
  const auto output = home_ / "large.png";
  int status = 0;
  run("upscale --alone --model realesr-animevideov3-x2 -o '" + output.string() + "' '" +
          photograph.string() + "'",
      &status);
  ASSERT_EQ(status, 0);
  const auto before = decode_picture(contents(photograph), {}).image.value();
  const auto after = decode_picture(contents(output), {}).image.value();
  ASSERT_EQ(after.width, 2 * before.width);
  ASSERT_EQ(after.height, 2 * before.height);
  const auto again =
      atelier::media::resize(after, before.width, before.height, atelier::media::Filter::kBilinear);
  double difference = 0;
  for (std::size_t i = 0; i < again.pixels.size(); ++i) {
    difference += std::abs(int{again.pixels[i]} - int{before.pixels[i]});
  }
  EXPECT_LT(difference / static_cast<double>(again.pixels.size()), 4);
}

}  // namespace
