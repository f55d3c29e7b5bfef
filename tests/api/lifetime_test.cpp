// Starts and stops of the station: what a stop does to running jobs, a home or a port that another
// station has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string text_at(const boost::json::value& object, const char* key) {
  return object.is_object() ? std::string{object.at(key).as_string()} : std::string{};
}

std::string job_of(int steps) {
  return R"({"prompt":"x","width":64,"height":64,"steps":)" + std::to_string(steps) + "}";
}

bool comes_true(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

// Once the job is in a step whose rest it estimates.
bool is_under_way(const StationProcess& station, const std::string& id) {
  return comes_true([&] {
    const auto progress = station.job(id).at("progress");
    return progress.at("step").to_number<int>() > 0 || text_at(progress, "stage") == "decode";
  });
}

TEST(StationLifetime, AStopLetsAShortJobEnd) {
  StationProcess station{{.fake = "step_ms=20", .environment = {"ATELIER_DRAIN_SECONDS=60"}}};
  const auto id = station.submit(job_of(60));
  const auto waiting = station.submit(job_of(60));
  ASSERT_TRUE(is_under_way(station, id));
  EXPECT_EQ(station.stop(), 0) << station.log();
  ASSERT_TRUE(station.start_again({.fake = "step_ms=1"})) << station.log();
  const auto job = station.job(id);
  EXPECT_EQ(text_at(job, "state"), "succeeded") << station.log();
  EXPECT_EQ(job.at("attempt"), 1);
  EXPECT_EQ(text_at(station.wait_for(waiting, "succeeded failed"), "state"), "succeeded");
  EXPECT_EQ(station.job(waiting).at("attempt"), 1);
}

// stop() kills a station that takes more than ten seconds.
TEST(StationLifetime, AStopDoesNotWaitForAJobThatTakesLonger) {
  StationProcess station{{.fake = "step_ms=100", .environment = {"ATELIER_DRAIN_SECONDS=60"}}};
  const auto id = station.submit(job_of(1000));
  ASSERT_TRUE(is_under_way(station, id));
  EXPECT_EQ(station.stop(), 0) << station.log();
  ASSERT_TRUE(station.start_again({.fake = "step_ms=1"})) << station.log();
  const auto job = station.wait_for(id, "succeeded failed");
  EXPECT_EQ(text_at(job, "state"), "succeeded");
  EXPECT_EQ(job.at("attempt"), 1);
  EXPECT_THAT(text_at(job, "reason"), HasSubstr("the station was stopped"));
}

TEST(StationLifetime, ASecondSignalEndsTheWaitForRunningJobs) {
  // Nothing says when the job will end.
  StationProcess station{
      {.fake = "step_ms=1,late_ms=3600000", .environment = {"ATELIER_DRAIN_SECONDS=3600"}}};
  const auto id = station.submit(job_of(2));
  ASSERT_TRUE(is_under_way(station, id));
  ASSERT_EQ(::kill(station.pid(), SIGTERM), 0);
  EXPECT_TRUE(comes_true([&] {
    return station.ask("GET", "/api/v1/status").body.find("the station is stopping") !=
           std::string::npos;
  }));
  const auto later = station.submit(job_of(2));
  EXPECT_FALSE(later.empty()) << "it is kept for the next start";
  EXPECT_EQ(station.stop(), 0) << station.log();
  ASSERT_TRUE(station.start_again({.fake = "step_ms=1"})) << station.log();
  for (const auto& each : {id, later}) {
    const auto job = station.wait_for(each, "succeeded failed");
    EXPECT_EQ(text_at(job, "state"), "succeeded");
    EXPECT_EQ(job.at("attempt"), 1);
  }
}

TEST(StationLifetime, ASecondStationOnTheSameHomeIsRefusedWithASentence) {
  const StationProcess station;
  const auto command = "ATELIER_HOME='" + station.home().string() + "' '" +
                       StationProcess::program().string() + "' serve --engine fake --port 0 2>&1";
  FILE* second = ::popen(command.c_str(), "r");
  ASSERT_NE(second, nullptr);
  std::string said;
  for (int each = std::fgetc(second); each != EOF; each = std::fgetc(second)) {
    said += static_cast<char>(each);
  }
  const int status = ::pclose(second);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << status;
  EXPECT_THAT(said, HasSubstr("a station already runs on the home folder"));
  EXPECT_THAT(said, HasSubstr("http://127.0.0.1:" + std::to_string(station.port()) + " (process " +
                              std::to_string(station.pid()) + ")"));
  EXPECT_EQ(station.ask("GET", "/health").status, 200);
}

TEST(StationLifetime, WhereThePortIsTakenTheNextFreeOneIsUsedAndReported) {
  const StationProcess first;
  StationProcess second{{.port = first.port()}};
  std::string url;
  ASSERT_TRUE(comes_true([&] {
    std::ifstream file{second.home() / "station.json"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (text.empty()) return false;
    url = text_at(boost::json::parse(text), "url");
    return true;
  })) << second.log();
  const auto port = std::stoi(url.substr(url.rfind(':') + 1));
  EXPECT_GT(port, first.port());
  EXPECT_LT(port, first.port() + 20);
  const auto notice = "port " + std::to_string(first.port()) +
                      " is taken by another program: this station answers on port " +
                      std::to_string(port);
  EXPECT_THAT(second.log(), HasSubstr(notice));
  http::RawClient client{port};
  client.request("GET", "/api/v1/status", {}, {});
  EXPECT_THAT(client.reply(false).body, HasSubstr(notice));
}

}  // namespace
}  // namespace atelier::api
