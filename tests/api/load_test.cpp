// Memory and response times of a station under load. Limits are loose: other
// programs run on a test machine too.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "peak_memory.h"
#include "picture_bytes.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(LoadApi, ABodyOf400MegabytesCostsNoMemory) {
  StationProcess station;
  station.ask("POST", "/v1/generate", R"({"prompt":"x","width":64,"height":64,"steps":1})");
  const std::string piece(1 << 20, 'x');
  struct Way {
    const char* fields;
    std::string block;
  };
  for (const Way& way :
       {Way{"Content-Length: 400000000\r\n\r\n", piece},
        Way{"Transfer-Encoding: chunked\r\n\r\n", "100000\r\n" + piece + "\r\n"}}) {
    const PeakMemory memory{station.pid()};
    ASSERT_GT(memory.before_kb(), 0);
    http::RawClient client{station.port()};
    client.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\n" + std::string{way.fields});
    for (int i = 0; i < 380 && client.send(way.block); ++i) {
    }
    EXPECT_EQ(client.reply().status, 413) << way.fields;
    EXPECT_LT(memory.grown_kb(), 32 * 1024) << way.fields;
  }
  EXPECT_EQ(station.ask("GET", "/health").status, 200);
}

TEST(LoadApi, AWaitingClientGets100ContinueAtOnce) {
  StationProcess station;
  const std::string body = R"({"prompt":"x","image":")" + std::string(5'000'000, 'A') + "\"}";
  http::RawClient client{station.port()};
  const auto before = Clock::now();
  client.send(
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  EXPECT_LT(Clock::now() - before, 500ms);  // libcurl waits a second before it sends anyway
  client.send(body);
  const auto reply = client.reply();
  EXPECT_GE(reply.status, 400);  // five million zero bits are not a picture
  EXPECT_LT(reply.status, 500) << reply.body;
}

TEST(LoadApi, HealthAndModelsAnswerWhileAllProcessorsAreBusy) {
  StationProcess station{{.fake = "step_ms=20"}};
  station.submit(R"({"prompt":"x","width":64,"height":64,"steps":900})");
  std::atomic<bool> over = false;
  std::vector<std::thread> busy;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    busy.emplace_back([&over] {
      while (!over) {
      }
    });
  }
  std::vector<Clock::duration> times;
  for (int i = 0; i < 100; ++i) {
    for (const char* path : {"/health", "/v1/models"}) {
      const auto before = Clock::now();
      EXPECT_EQ(station.ask("GET", path).status, 200);
      times.push_back(Clock::now() - before);
    }
  }
  over = true;
  for (auto& thread : busy) thread.join();
  std::ranges::sort(times);
  const auto p99 =
      std::chrono::duration_cast<std::chrono::milliseconds>(times[times.size() * 99 / 100]);
  RecordProperty("p99_ms", static_cast<int>(p99.count()));
  EXPECT_LT(p99, 150ms);
}

TEST(LoadApi, ALongCallGetsItsReply) {
  StationProcess station{{.fake = "step_ms=500"}};
  const auto reply =
      station.ask("POST", "/v1/generate", R"({"prompt":"x","width":64,"height":64,"steps":12})");
  EXPECT_EQ(reply.status, 200) << reply.body;
}

}  // namespace
}  // namespace atelier::api
