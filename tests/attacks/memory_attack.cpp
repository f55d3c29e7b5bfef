// Clients that send much or do not read: the growth of the station's memory is bounded, and it
// continues to answer others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "peak_memory.h"
#include "picture_bytes.h"
#include "platform/base64.h"
#include "rounds.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Clients = std::vector<std::unique_ptr<http::RawClient>>;
using testing::HasSubstr;

Clients clients_of(const StationProcess& station, int count) {
  Clients clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<http::RawClient>(station.port()));
  }
  return clients;
}

void expect_grown_below(const PeakMemory& memory, int megabytes) {
  ASSERT_GT(memory.before_kb(), 0);
  const long grown = memory.grown_kb() >> 10;
  testing::Test::RecordProperty("grown_mb", std::to_string(grown));
  EXPECT_LT(grown, megabytes);
}

// RGB in random colours, which nothing compresses.
std::string noisy_png(std::uint32_t width, std::uint32_t height) {
  std::mt19937 random{7};
  std::string raw;
  for (std::uint32_t y = 0; y < height; ++y) {
    raw += '\0';
    for (std::uint32_t x = 0; x < 3 * width; ++x) raw += static_cast<char>(random());
  }
  const std::string header =
      big_endian(width) + big_endian(height) + std::string("\x08\x02\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", deflated(raw)) +
         png_chunk("IEND", "");
}

std::string with_picture(const std::string& png) {
  return R"({"prompt":"x","width":64,"height":64,"steps":2,"image":")" +
         platform::base64_encode(std::vector<std::uint8_t>(png.begin(), png.end())) + "\"}";
}

TEST(MemoryAttack, AHundredReadersOfEventsThatNeverRead) {
  StationProcess station{{.fake = "step_ms=4"}};
  const std::string prompt(60'000, 'p');
  const auto input = [&](int steps) {
    return R"({"prompt":")" + prompt + R"(","negative_prompt":")" + prompt +
           R"(","width":64,"height":64,"steps":)" + std::to_string(steps) + "}";
  };
  const std::string id = station.submit(input(900));
  const PeakMemory memory{station.pid()};
  auto clients = clients_of(station, 100);
  for (auto& client : clients) client->request("GET", "/api/v1/jobs/" + id + "/events");
  const auto job = station.wait_for(id, "succeeded failed");
  EXPECT_EQ(job.at("state").as_string(), "succeeded");
  expect_grown_below(memory, 80);
  // One that has read nothing yet, and one that comes again, get the end event.
  std::string text = clients.front()->text_until("event: end\n");
  EXPECT_FALSE(text.empty());
  const std::string data = clients.front()->text_until("\n\n");
  EXPECT_THAT(data, HasSubstr(R"("state":"succeeded")"));
  const auto number = text.substr(text.rfind("id: ") + 4);
  const std::string last = number.substr(0, number.find('\n'));
  const std::string seen = std::to_string(std::stoll(last) - 1);
  const std::string path = "/api/v1/jobs/" + id + "/events";
  EXPECT_THAT(station.ask("GET", path, {}, "Last-Event-ID: " + seen + "\r\n").body,
              HasSubstr("id: " + last + "\nevent: end\n"));
  EXPECT_EQ(station.ask("GET", path, {}, "Last-Event-ID: " + last + "\r\n").status, 204);
}

TEST(MemoryAttack, AHundredPicturesThatAreNotRead) {
  StationProcess station{{.fake = "step_ms=1"}};
  const std::string whole = noisy_png(1600, 1600);
  const auto job = station.job(station.submit(with_picture(whole)));
  const std::string path =
      "/api/v1/artifacts/" + std::string(job.at("input").at("image_artifact").as_string());
  ASSERT_GT(whole.size(), 7'000'000U);  // more than the sockets take
  const PeakMemory memory{station.pid()};
  auto clients = clients_of(station, 100);
  for (auto& client : clients) client->request("GET", path);
  EXPECT_EQ(station.ask("GET", path).body, whole);
  EXPECT_EQ(station.ask("GET", path, {}, "Range: bytes=1000000-1000009\r\n").body,
            whole.substr(1'000'000, 10));
  expect_grown_below(memory, 64);
  EXPECT_EQ(clients.back()->reply().body, whole);
}

TEST(MemoryAttack, LongBodiesOfSmallValues) {
  StationProcess station;
  std::string zeros = "[0";
  while (zeros.size() < 46'000'000) zeros += ",0";
  zeros += "]";
  const PeakMemory memory{station.pid()};
  std::vector<std::thread> senders;
  for (const char* path :
       {"/api/v1/jobs", "/v1/generate", "/v1/images/generations", "/v1/images/generate"}) {
    senders.emplace_back([&, path] {
      const auto reply = station.ask("POST", path, zeros);
      EXPECT_EQ(reply.status, 413) << path << reply.body;
    });
  }
  for (auto& sender : senders) sender.join();
  expect_grown_below(memory, 96);
  EXPECT_EQ(station.ask("GET", "/health").status, 200);
}

TEST(MemoryAttack, ManyLongPicturesAtOnce) {
  StationProcess station;
  std::string body = R"({"input":{"prompt":"x","image":")";
  body.append(20'000'000, 'A');
  body += "\"}}";
  const PeakMemory memory{station.pid()};
  std::vector<std::thread> senders;
  for (int i = 0; i < attack_rounds(8, 40); ++i) {
    senders.emplace_back([&] {
      EXPECT_EQ(station.ask("POST", "/api/v1/jobs", body).status, 422);  // zeros are not a picture
    });
  }
  for (auto& sender : senders) sender.join();
  expect_grown_below(memory, 350);
}

std::vector<pid_t> children_named(pid_t parent, const std::string& name) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file{entry.path() / "stat"};
    std::string line;
    if (!std::getline(file, line)) continue;
    const auto open = line.find('(');
    const auto close = line.rfind(')');
    if (line.substr(open + 1, close - open - 1) != name) continue;
    if (std::stoi(line.substr(close + 4)) == parent) found.push_back(std::stoi(line));
  }
  return found;
}

void signal_all(const std::vector<pid_t>& pids, int signal) {
  for (const pid_t pid : pids) ::kill(pid, signal);
}

void expect_quick_answers(const StationProcess& station) {
  for (const char* path : {"/health", "/", "/api/v1/jobs", "/api/v1/models", "/v1/models"}) {
    const auto before = Clock::now();
    EXPECT_EQ(station.ask("GET", path).status, 200) << path;
    EXPECT_LT(Clock::now() - before, 3s) << path;
  }
}

TEST(MemoryAttack, ThePageAnswersWhileOthersWaitForAWorkerAndForDecoders) {
  StationProcess station{{.fake = "step_ms=1"}};
  const std::string body = with_picture(png(64, 64));
  // Both decoders have been started once.
  for (int i = 0; i < 4; ++i) station.wait_for(station.submit(body), "succeeded failed");
  const auto worker = children_named(station.pid(), "atelier-worker");
  ASSERT_FALSE(worker.empty());
  signal_all(worker, SIGSTOP);
  auto refreshes = clients_of(station, 12);
  for (auto& client : refreshes) client->request("POST", "/api/v1/models/refresh", "{}");
  std::this_thread::sleep_for(200ms);
  expect_quick_answers(station);
  signal_all(worker, SIGCONT);
  for (auto& client : refreshes) EXPECT_EQ(client->reply().status, 200);

  const auto decoders = children_named(station.pid(), "atelier-media");
  ASSERT_FALSE(decoders.empty());
  signal_all(decoders, SIGSTOP);
  auto uploads = clients_of(station, 12);
  for (auto& client : uploads) {
    client->request("POST", "/api/v1/jobs", R"({"input":)" + body + "}");
  }
  std::this_thread::sleep_for(200ms);
  expect_quick_answers(station);
  signal_all(decoders, SIGCONT);
  for (auto& client : uploads) {
    const auto reply = client->reply();
    EXPECT_EQ(reply.status, 202) << reply.body;
  }
}

}  // namespace
}  // namespace atelier::api
