// Children that hang at critical times, and pictures that make a decoder write long logs: the
// station continues. Other jobs run, requests are answered, SIGTERM ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "picture_bytes.h"
#include "platform/base64.h"
#include "rounds.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr auto kSmall = R"({"prompt":"a cat","width":64,"height":64,"steps":4})";

std::string text_at(const boost::json::value& object, const char* key) {
  return object.is_object() ? std::string{object.at(key).as_string()} : "none";
}

pid_t worker_of(const StationProcess& station) {
  return static_cast<pid_t>(
      station.json("/api/v1/status").at("workers").at(0).at("pid").as_int64());
}

// The station's children of this name (the first 15 bytes of the program's).
std::vector<pid_t> children_of(const StationProcess& station, std::string_view name) {
  std::vector<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    pid_t pid = 0, parent = 0;
    std::string program, state;
    if (!(file >> pid >> program >> state >> parent)) continue;
    if (parent == station.pid() && program == "(" + std::string{name} + ")")
      children.push_back(pid);
  }
  return children;
}

std::string base64(std::string_view bytes) {
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string from_picture(std::string_view png) {
  return R"({"prompt":"a cat","width":64,"height":64,"steps":4,"strength":0.5,"image":")" +
         base64(png) + "\"}";
}

TEST(ChildAttack, AWorkerThatHangsBlocksNothing) {
  StationProcess station{{.fake = "step_ms=20"}};
  const auto picture = from_picture(png(1024, 1024));  // more than a socket keeps
  for (int round = 0; round < attack_rounds(1, 8); ++round) {
    ASSERT_EQ(::kill(worker_of(station), SIGSTOP), 0);
    const auto stuck = station.submit(picture);
    ASSERT_TRUE(station.wait_for(stuck, "running").is_object()) << station.log();
    const auto next = station.submit(kSmall);
    std::this_thread::sleep_for(3s);  // until its picture is on its way to the worker
    EXPECT_EQ(station.ask("POST", "/api/v1/jobs/" + stuck + "/cancel").status, 200);
    const auto begin = Clock::now();
    EXPECT_EQ(station.ask("GET", "/api/v1/status").status, 200);
    EXPECT_LT(Clock::now() - begin, 5s);
    EXPECT_EQ(text_at(station.wait_for(stuck, "cancelled succeeded failed"), "state"), "cancelled");
    const auto job = station.wait_for(next, "succeeded failed");
    EXPECT_EQ(text_at(job, "state"), "succeeded") << station.log();
    EXPECT_EQ(job.at("attempt"), 1);
  }
}

TEST(ChildAttack, AStopEndsAStationWhoseChildrenAllHang) {
  for (int round = 0; round < attack_rounds(1, 8); ++round) {
    StationProcess station{{.fake = "step_ms=20"}};
    const auto picture = from_picture(png(1024, 1024));
    for (int i = 0; i < 3; ++i) {  // so that there are decoders
      const auto id = station.submit(picture);
      EXPECT_EQ(text_at(station.wait_for(id, "succeeded failed"), "state"), "succeeded");
    }
    const auto decoders = children_of(station, "atelier-media");
    EXPECT_FALSE(decoders.empty());
    const auto running = station.submit(R"({"prompt":"x","width":64,"height":64,"steps":900})");
    ASSERT_TRUE(station.wait_for(running, "running").is_object());
    ::kill(worker_of(station), SIGSTOP);
    for (const pid_t decoder : decoders) ::kill(decoder, SIGSTOP);
    auto upload = std::async(std::launch::async, [&] { return station.submit(picture); });
    std::this_thread::sleep_for(300ms);  // until its picture is with a decoder
    const auto begin = Clock::now();
    EXPECT_EQ(station.stop(), 0) << station.log();
    EXPECT_LT(Clock::now() - begin, 9s);
    upload.wait();
  }
}

TEST(ChildAttack, PicturesWithMoreTextThanAMessageTakesCostNothing) {
  StationProcess station{};
  const std::string controls(1'000'000, '\1');
  const auto plain = png(64, 64);
  std::string loud = plain.substr(0, 8 + 25);  // the signature and the header
  for (int i = 0; i < 16; ++i) {
    loud +=
        png_chunk("zTXt", "key" + std::to_string(i) + std::string(2, '\0') + deflated(controls));
  }
  loud += plain.substr(8 + 25);
  for (int round = 0; round < attack_rounds(2, 50); ++round) {
    const auto id = station.submit(from_picture(loud));
    EXPECT_EQ(text_at(station.wait_for(id, "succeeded failed"), "state"), "succeeded")
        << station.log();
  }
  const auto begin = Clock::now();
  EXPECT_EQ(station.stop(), 0);
  EXPECT_LT(Clock::now() - begin, 9s);
}

TEST(ChildAttack, AWorkerThatHangsWithoutACancellationIsReplaced) {
  StationProcess station{{.fake = "step_ms=20"}};
  const auto id = station.submit(R"({"prompt":"x","width":64,"height":64,"steps":100})");
  ASSERT_TRUE(station.wait_for(id, "running").is_object());
  ASSERT_EQ(::kill(worker_of(station), SIGSTOP), 0);
  const auto job = station.wait_for(id, "succeeded failed");
  EXPECT_EQ(text_at(job, "state"), "succeeded") << station.log();
  EXPECT_EQ(job.at("attempt"), 2);
}

}  // namespace
}  // namespace atelier::api
