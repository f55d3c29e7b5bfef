// Clients that send much or take nothing: what the station's memory grows by is bounded, and it
// goes on answering others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
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

constexpr int kMegabyte = 1024;  // in the KB that PeakMemory counts

Clients clients_of(const StationProcess& station, int count) {
  Clients clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<http::RawClient>(station.port()));
  }
  return clients;
}

std::string only_artifact(const StationProcess& station, const std::string& id) {
  const auto job = station.wait_for(id, "succeeded failed");
  return "/api/v1/artifacts/" + std::string(job.at("result").at("artifacts").at(0).as_string());
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
  EXPECT_LT(memory.grown_kb(), 150 * kMegabyte);
  // One that has read nothing yet, and one that comes again, are told the end.
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

TEST(MemoryAttack, AHundredPicturesThatNobodyTakes) {
  StationProcess station{{.fake = "step_ms=1"}};
  const std::string path = only_artifact(
      station, station.submit(R"({"prompt":"x","width":2048,"height":2048,"steps":1})"));
  const std::string whole = station.ask("GET", path).body;
  ASSERT_GT(whole.size(), 4'000'000U);  // noise: more than the sockets take
  const PeakMemory memory{station.pid()};
  auto clients = clients_of(station, 100);
  for (auto& client : clients) client->request("GET", path);
  EXPECT_EQ(station.ask("GET", path).body, whole);
  EXPECT_EQ(station.ask("GET", path, {}, "Range: bytes=1000000-1000009\r\n").body,
            whole.substr(1'000'000, 10));
  EXPECT_LT(memory.grown_kb(), 64 * kMegabyte);
  EXPECT_EQ(clients.back()->reply().body, whole);
}

TEST(MemoryAttack, CallsWhosePicturesNobodyTakes) {
  StationProcess station{{.fake = "step_ms=1"}};
  const std::string body = R"({"prompt":"x","width":512,"height":512,"steps":1,"n":4})";
  const std::string first = station.ask("POST", "/v1/generate", body).body;
  ASSERT_GT(first.size(), 4'000'000U);
  const PeakMemory memory{station.pid()};
  auto clients = clients_of(station, attack_rounds(6, 60));
  for (auto& client : clients) client->request("POST", "/v1/generate", body);
  for (auto& client : clients) EXPECT_FALSE(client->text_until("\r\n\r\n").empty());
  // Beside the replies it holds the pixels of a job or two that are being saved.
  EXPECT_LT(memory.grown_kb(), 64 * kMegabyte);
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
  EXPECT_LT(memory.grown_kb(), 128 * kMegabyte);
  EXPECT_EQ(station.ask("GET", "/health").status, 200);
}

TEST(MemoryAttack, ManyLongPicturesAtOnce) {
  StationProcess station;
  const std::string body =
      R"({"input":{"prompt":"x","image":")" + std::string(20'000'000, 'A') + "\"}}";
  const PeakMemory memory{station.pid()};
  std::vector<std::thread> senders;
  for (int i = 0; i < attack_rounds(8, 40); ++i) {
    senders.emplace_back([&] {
      EXPECT_EQ(station.ask("POST", "/api/v1/jobs", body).status, 422);  // zeros are no picture
    });
  }
  for (auto& sender : senders) sender.join();
  EXPECT_LT(memory.grown_kb(), 400 * kMegabyte);
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
  const std::string bytes = png(64, 64);
  const std::string picture =
      platform::base64_encode(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
  // Both decoders have been started once.
  for (int i = 0; i < 4; ++i) {
    only_artifact(station,
                  station.submit(R"({"prompt":"x","width":64,"height":64,"steps":2,"image":")" +
                                 picture + "\"}"));
  }
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
    client->request(
        "POST", "/api/v1/jobs",
        R"({"input":{"prompt":"x","width":64,"height":64,"steps":2,"image":")" + picture + "\"}}");
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
