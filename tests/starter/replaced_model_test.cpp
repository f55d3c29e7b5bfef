// The station with the real engine: what it draws, and the model's hash in it, follow the model's
// files while it runs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "station_process.h"

namespace atelier::api {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The same names, shapes and size; every fp16 number a fraction larger or smaller.
std::string with_other_numbers(std::string file) {
  std::uint64_t header = 0;
  std::memcpy(&header, file.data(), sizeof header);
  for (std::size_t at = 8 + header + 1; at < file.size(); at += 2) {
    file[at] = static_cast<char>(file[at] ^ 2);
  }
  return file;
}

// The compressed pixels: the texts of a PNG name the job.
std::string pixels_of(const std::string& png) {
  std::string pixels;
  for (std::size_t at = 8; at + 12 <= png.size();) {
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      size = size << 8U | static_cast<unsigned char>(png[at + i]);
    }
    if (png.compare(at + 4, 4, "IDAT") == 0) pixels += png.substr(at + 8, size);
    at += 12 + std::size_t{size};
  }
  return pixels;
}

struct Drawn {
  std::string pixels, hash;
  bool operator==(const Drawn&) const = default;
};

class ReplacedModel : public testing::Test {
 protected:
  ReplacedModel() {
    fs::remove_all(folder_);
    fs::create_directories(model_.parent_path());
    fs::copy(ATELIER_SOURCE_DIR "/starter/models/diffusers/atelier-starter-sd", model_,
             fs::copy_options::recursive);
  }
  ~ReplacedModel() override { fs::remove_all(folder_); }

  StationOptions options() const {
    StationOptions options;
    options.engine = "cpu";
    options.environment = {"ATELIER_MODELS=" + folder_.string()};
    return options;
  }

  static boost::json::value run(const StationProcess& station) {
    const auto id = station.submit(
        R"({"model": "diffusers/mine", "prompt": "a red circle on a blue background",
            "steps": 2, "seed": 7})");
    return id.empty() ? boost::json::value() : station.wait_for(id, "succeeded failed");
  }

  static Drawn draw(const StationProcess& station) {
    const auto job = run(station);
    if (!job.is_object() || job.at("state") != "succeeded") {
      ADD_FAILURE() << boost::json::serialize(job) << station.log();
      return {};
    }
    const auto& result = job.at("result");
    const std::string id(result.at("artifacts").at(0).as_string());
    return {pixels_of(station.ask("GET", "/api/v1/artifacts/" + id).body),
            std::string(result.at("used").at("model_hash").as_string())};
  }

  fs::path folder_ =
      fs::path(testing::TempDir()) / ("replaced-model-" + std::to_string(::getpid()));
  fs::path model_ = folder_ / "diffusers" / "mine";
  fs::path weights_ = model_ / "unet" / "diffusion_pytorch_model.safetensors";
};

TEST_F(ReplacedModel, IsDrawnWithFromTheNextJobOn) {
  const StationProcess station(options());
  const Drawn before = draw(station);
  EXPECT_FALSE(before.pixels.empty());
  EXPECT_EQ(before.hash.size(), 10U);
  EXPECT_TRUE(draw(station) == before);

  std::ofstream(weights_.string() + ".new", std::ios::binary)
      << with_other_numbers(bytes_of(weights_));
  fs::rename(weights_.string() + ".new", weights_);
  const Drawn after = draw(station);
  EXPECT_NE(after.pixels, before.pixels);
  EXPECT_NE(after.hash, before.hash);
  EXPECT_TRUE(after == draw(StationProcess(options())));  // as one that never saw the old file

  const std::string whole = bytes_of(weights_);
  fs::resize_file(weights_, whole.size() / 2);
  const auto failed = run(station);
  if (failed.is_object()) {
    EXPECT_EQ(failed.at("state"), "failed");
    EXPECT_NE(boost::json::serialize(failed).find("diffusion_pytorch_model"), std::string::npos)
        << boost::json::serialize(failed);
  }
  std::ofstream(weights_, std::ios::binary) << whole;
  station.ask("POST", "/api/v1/models/refresh");
  EXPECT_TRUE(draw(station) == after);
}

}  // namespace
}  // namespace atelier::api
