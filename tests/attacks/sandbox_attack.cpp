// Hostile pictures against the real station, and the secrets of its children: a picture that kills
// the decoder, or makes its library write warnings, fails alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "picture_bytes.h"
#include "platform/base64.h"
#include "rounds.h"
#include "station_process.h"

namespace atelier::api {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr int kRefused = 422;  // the picture is broken

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every process that the station has started, by its folder in /proc.
std::vector<fs::path> children_of(pid_t station) {
  std::vector<fs::path> children;
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(station) + "/task")) {
    std::ifstream file(thread.path() / "children");
    for (std::string pid; file >> pid;) children.push_back(fs::path("/proc") / pid);
  }
  return children;
}

int start_from(const StationProcess& station, std::string_view picture) {
  const std::string image = platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(picture.data()), picture.size()});
  return station
      .ask("POST", "/v1/generate",
           R"({"prompt":"x","width":64,"height":64,"steps":2,"strength":0.5,"image":")" + image +
               "\"}")
      .status;
}

std::vector<std::string> seeds() {
  std::vector<std::string> files;
  const auto folder = fs::path(ATELIER_SOURCE_DIR) / "tests/fuzz/seeds/picture_fuzz";
  for (const auto& file : fs::directory_iterator(folder)) files.push_back(read(file.path()));
  std::ranges::sort(files);
  return files;
}

std::string mutated(std::string picture, std::mt19937& random) {
  const auto any = [&random](std::size_t below) { return random() % below; };
  for (std::size_t i = 0, changes = 1 + any(6); i < changes && !picture.empty(); ++i) {
    const std::size_t at = any(picture.size());
    const std::size_t length = std::min(1 + any(8), picture.size() - at);
    switch (any(4)) {
      case 0:
        picture.erase(at, length);
        break;
      case 1:
        picture.insert(at, picture.substr(any(picture.size()), length));
        break;
      case 2:
        picture[at] = static_cast<char>(1U << any(8) ^ static_cast<unsigned char>(picture[at]));
        break;
      default:
        picture[at] = static_cast<char>(any(256));
    }
  }
  return picture;
}

TEST(SandboxAttack, ChildrenHaveNoSecretsNoTerminalAndNoInput) {
  StationProcess station({.environment = {"ATELIER_API_KEY=secret-key", "HF_TOKEN=secret-token",
                                          "OPENAI_API_KEY=secret-other"},
                          .key = "secret-key"});
  const std::string picture = png(64, 64);
  const auto reply =
      station.ask("POST", "/v1/generate",
                  R"({"prompt":"x","width":64,"height":64,"steps":1,"strength":1,"image":")" +
                      platform::base64_encode(
                          {reinterpret_cast<const std::uint8_t*>(picture.data()), picture.size()}) +
                      "\"}",
                  "Authorization: Bearer secret-key\r\n");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto children = children_of(station.pid());
  ASSERT_GE(children.size(), 2U);  // the worker and a decoder
  for (const fs::path& child : children) {
    const std::string environment = read(child / "environ");
    EXPECT_THAT(environment, HasSubstr("PATH=")) << child;
    EXPECT_THAT(environment, Not(HasSubstr("secret"))) << child;
    EXPECT_EQ(fs::read_symlink(child / "fd/0"), "/dev/null");
    EXPECT_THAT(fs::read_symlink(child / "fd/1").string(), HasSubstr("pipe:"));
    EXPECT_THAT(fs::read_symlink(child / "fd/2").string(), HasSubstr("pipe:"));
    EXPECT_EQ(std::to_string(::getsid(std::stoi(child.filename()))), child.filename());
  }
}

TEST(SandboxAttack, APictureThatKillsTheDecoderFailsAlone) {
  StationProcess station({.environment = {"ATELIER_MEDIA_TEST_CRASH=CRASHME"}});
  const std::string good = png(64, 64);
  const std::string killer = good + "CRASHME";
  const int rounds = attack_rounds(4, 100);
  std::vector<std::jthread> hostile;
  for (int i = 0; i < 2; ++i) {
    hostile.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) EXPECT_EQ(start_from(station, killer), kRefused);
    });
  }
  for (int round = 0; round < rounds; ++round) EXPECT_EQ(start_from(station, good), 200);
  hostile.clear();
  EXPECT_EQ(start_from(station, good), 200);
  for (const fs::path& child : children_of(station.pid())) {
    EXPECT_THAT(read(child / "stat"), Not(HasSubstr(") Z "))) << "it is not reaped";
  }
  EXPECT_EQ(station.stop(), 0);
}

TEST(SandboxAttack, ALibrarysWarningIsALineOfTheLog) {
  StationProcess station;
  const auto noisy =
      read(fs::path(ATELIER_SOURCE_DIR) / "tests/fuzz/seeds/picture_fuzz/noisy.avif");
  ASSERT_FALSE(noisy.empty());
  EXPECT_EQ(start_from(station, noisy), kRefused);
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (station.log().find("atelier-media ") == std::string::npos &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_THAT(station.log(), HasSubstr("atelier-media "));
  EXPECT_THAT(station.log(), Not(HasSubstr("killed by signal")));
}

TEST(SandboxAttack, AMutatedPictureFailsAlone) {
  StationProcess station;
  const auto pictures = seeds();
  ASSERT_GE(pictures.size(), 30U);
  for (const std::string& picture : pictures) {
    const int status = start_from(station, picture);
    EXPECT_TRUE(status == 200 || status == kRefused) << status;
  }
  std::mt19937 random{20};
  for (int round = 0; round < attack_rounds(100, 10'000); ++round) {
    const int status = start_from(station, mutated(pictures[random() % pictures.size()], random));
    EXPECT_TRUE(status == 200 || (status >= 400 && status < 500)) << status << " round " << round;
  }
  EXPECT_EQ(start_from(station, png(64, 64)), 200);
  EXPECT_THAT(station.log(), Not(HasSubstr("killed by signal")));
}

}  // namespace
}  // namespace atelier::api
