// Clients that take connections without using them, against the real station.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "rounds.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using Clients = std::vector<std::unique_ptr<http::RawClient>>;

constexpr int kConnections = 600;  // more than the station has places

// Of this test's descriptors; the station inherits the limit.
bool allow_many_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 2048;
}

class ConnectionsAttack : public testing::Test {
 protected:
  void SetUp() override {
    if (!allow_many_files()) GTEST_SKIP() << "too few open files are allowed here";
  }

  Clients connect(int count) {
    Clients clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<http::RawClient>(station.port()));
    }
    return clients;
  }

  void expect_alive(const std::string& when) {
    for (const char* path : {"/health", "/"}) {
      const auto before = std::chrono::steady_clock::now();
      EXPECT_EQ(station.ask("GET", path).status, 200) << path << when;
      EXPECT_LT(std::chrono::steady_clock::now() - before, 5s) << path << when;
    }
  }

  // A byte for each, again and again; those that were closed are opened again, as an attacker
  // would.
  void drip_on(Clients& clients, std::string_view begin, std::string_view byte) {
    for (int round = 0; round < attack_rounds(2, 60); ++round) {
      for (auto& client : clients) {
        if (!client->readable() && client->send(byte)) continue;
        client = std::make_unique<http::RawClient>(station.port());
        client->send(begin);
      }
      expect_alive(" while they drip");
      std::this_thread::sleep_for(700ms);
    }
    // Drops do not keep a connection, so others are served, if not all of them at once.
    int status = 0;
    for (int i = 0; i < 100 && status != 200; ++i) {
      status = station.ask("GET", "/v1/models").status;
      if (status != 200) std::this_thread::sleep_for(50ms);
    }
    EXPECT_EQ(status, 200);
  }

  StationProcess station;
};

TEST_F(ConnectionsAttack, SlowHeadersLeaveTheStationReachable) {
  Clients clients = connect(kConnections);
  const std::string begin = "GET /health HTTP/1.1\r\nHost: localhost\r\nA: ";
  for (auto& client : clients) client->send(begin);
  expect_alive(" at once");
  std::this_thread::sleep_for(2500ms);  // so long without a byte: they count as stalled
  EXPECT_EQ(station.ask("GET", "/v1/models").status, 200);
  drip_on(clients, begin, "x");
}

TEST_F(ConnectionsAttack, SlowBodiesLeaveTheStationReachable) {
  Clients clients = connect(kConnections);
  const std::string begin =
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{";
  for (auto& client : clients) client->send(begin);
  expect_alive(" at once");
  std::this_thread::sleep_for(2500ms);
  EXPECT_EQ(station.ask("GET", "/v1/models").status, 200);
  drip_on(clients, begin, " ");
  clients.clear();
  const auto jobs = station.json("/api/v1/jobs");
  ASSERT_TRUE(jobs.is_object());
  EXPECT_EQ(jobs.at("jobs").as_array().size(), 0U);
}

TEST_F(ConnectionsAttack, SilentConnectionsAreReplaced) {
  Clients clients = connect(kConnections);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(station.ask("GET", "/v1/models").status, 200) << i;
  expect_alive("");
}

}  // namespace
}  // namespace atelier::api
