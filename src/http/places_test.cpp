// The limit of connections: replacement of idle ones, and the reserve.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/doubles/running_server.h"

namespace atelier::http {
namespace {

using namespace std::chrono_literals;

class PlacesTest : public testing::Test, protected RunningServer {
 protected:
  // `general` places and a reserve of two.
  void start_with(int general) {
    settings.limits.connections = general + 2;
    settings.limits.reserved_connections = 2;
    start();
  }

  // Connections that wait for a job: they are not replaced.
  void fill(int count) {
    for (int i = 0; i < count; ++i) {
      busy.push_back(std::make_unique<RawClient>(port()));
      busy.back()->request("POST", "/v1/generate", R"({"prompt":"x"})");
      ASSERT_TRUE(scheduler.wait_for_listener(scheduler.wait_for_job(busy.size())));
    }
  }

  std::vector<std::unique_ptr<RawClient>> busy;
};

TEST_F(PlacesTest, TheConnectionThatHasBeenIdleLongestIsReplaced) {
  start_with(2);
  RawClient oldest{port()};
  oldest.request("GET", "/health");
  EXPECT_EQ(oldest.reply().status, 200);
  RawClient middle{port()};
  middle.request("GET", "/health");
  EXPECT_EQ(middle.reply().status, 200);
  oldest.request("GET", "/health");  // so it is the other one now
  EXPECT_EQ(oldest.reply().status, 200);
  RawClient newest{port()};
  newest.request("GET", "/v1/models");
  EXPECT_EQ(newest.reply().status, 200);
  EXPECT_TRUE(middle.closed_by_server());
  oldest.request("GET", "/v1/models");
  EXPECT_EQ(oldest.reply().status, 200);
}

TEST_F(PlacesTest, StalledRequestsAreReplaced) {
  settings.limits.stalled_after = 200ms;
  start_with(3);
  RawClient header{port()};
  header.send("GET /health HTTP/1.1\r\nHos");
  RawClient body{port()};
  body.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  RawClient silent{port()};
  std::this_thread::sleep_for(500ms);
  for (int i = 0; i < 3; ++i) fill(1);
  EXPECT_TRUE(header.closed_by_server());
  EXPECT_TRUE(body.closed_by_server());
  EXPECT_TRUE(silent.closed_by_server());
}

TEST_F(PlacesTest, SlowRequestsAreReplaced) {
  settings.limits.stalled_after = 300ms;
  start_with(1);
  RawClient body{port()};
  body.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(50ms);
    body.send(" ");
  }
  fill(1);
  EXPECT_TRUE(body.closed_by_server());
}

TEST_F(PlacesTest, ReadersThatReadNothingAreReplaced) {
  settings.limits.reader_stalled_after = 300ms;
  start_with(1);
  RawClient reader{port()};
  std::string many;
  for (int i = 0; i < 600; ++i) many += "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  reader.send(many);
  int status = 503;
  for (int i = 0; i < 500 && status != 200; ++i) {  // until the sockets are full
    std::this_thread::sleep_for(20ms);
    status = ask("GET", "/v1/models").status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(PlacesTest, TheReserveAnswersHealthAndPageAndNothingElse) {
  start_with(2);
  fill(2);
  for (const char* path : {"/health", "/", "/gallery/1"}) {
    const RawReply reply = ask("GET", path);
    EXPECT_EQ(reply.status, 200) << path;
    EXPECT_EQ(reply.header("connection"), "close") << path;
  }
  for (const char* path : {"/v1/models", "/api/v1/jobs", "/openapi.json", "/docs"}) {
    const RawReply reply = ask("GET", path);
    EXPECT_EQ(reply.status, 503) << path;
    EXPECT_NE(reply.header("retry-after"), "") << path;
  }
  EXPECT_EQ(ask("POST", "/v1/generate", R"({"prompt":"x"})").status, 503);
  EXPECT_EQ(ask("GET", "/health", "a body").status, 503);
  EXPECT_EQ(scheduler.submitted().size(), 2U);
  scheduler.succeed("job-1");
  EXPECT_EQ(busy.front()->reply().status, 200);
  busy.front()->close();
  for (int i = 0; i < 500 && ask("GET", "/v1/models").status != 200; ++i) {
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(ask("GET", "/v1/models").status, 200);
}

TEST_F(PlacesTest, AHeaderInTheReserveMustComeSoon) {
  settings.limits.reserved_header_timeout = 300ms;
  start_with(1);
  fill(1);
  RawClient silent{port()};
  RawClient half{port()};
  half.send("GET /health HTTP/1.1\r\n");
  EXPECT_EQ(half.reply().status, 408);
  EXPECT_TRUE(silent.closed_by_server());
}

TEST_F(PlacesTest, ASilentConnectionInTheReserveIsReplacedToo) {
  settings.limits.reserved_header_timeout = 60s;
  start_with(1);
  fill(1);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 6; ++i) {
    silent.push_back(std::make_unique<RawClient>(port()));
    silent.back()->send("G");
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_F(PlacesTest, BeyondTheReserveAConnectionIsRefused) {
  settings.limits.connections = 1;
  settings.limits.reserved_connections = 0;
  start();
  fill(1);
  EXPECT_EQ(ask("GET", "/health").status, 503);
}

}  // namespace
}  // namespace atelier::http
