// The stored data of a station, against kill -9, a full disk and foreign files in its home folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "platform/base64.h"
#include "rounds.h"
#include "station_process.h"
#include "storage/sqlite/database.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::string_view kSmall = R"("prompt":"x","width":64,"height":64)";

std::string job_input(int steps, const std::string& image = "") {
  return "{" + std::string(kSmall) + R"(,"steps":)" + std::to_string(steps) +
         (image.empty() ? "" : R"(,"strength":1.0,"image":")" + image + "\"") + "}";
}

std::string text_at(const boost::json::value& object, const char* key) {
  return object.is_object() ? std::string{object.at(key).as_string()} : std::string{};
}

std::string first_picture(const boost::json::value& job) {
  return std::string{job.at("result").at("artifacts").at(0).as_string()};
}

// A picture that the station made, as base64 with a tail of its own, so that every upload is a file
// of its own: what follows a PNG's end is ignored by its readers.
std::string upload(const std::string& png, unsigned number) {
  const std::string bytes = png + std::to_string(number);
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

// Every file in the home folder of a station that has just started is complete and belongs to a
// job.
void expect_nothing_left_over(const StationProcess& station) {
  std::string jobs = station.ask("GET", "/api/v1/jobs?limit=500").body;
  for (const auto& file : files_below(station.home())) {
    EXPECT_THAT(file.filename().string(), testing::Not(HasSubstr(".tmp-")));
    if (file.parent_path().parent_path().filename() != "uploads") continue;
    EXPECT_THAT(jobs, HasSubstr(file.stem().string())) << "an upload that no job names";
  }
}

TEST(StoreAttack, AKilledStationLosesNothingThatItAcknowledgedAndLeavesNothingBehind) {
  StationProcess station{{.fake = "step_ms=2"}};
  const auto made = station.wait_for(station.submit(job_input(1)), "succeeded failed");
  const auto result = first_picture(made);
  const auto png = station.ask("GET", "/api/v1/artifacts/" + result).body;
  std::mt19937 random(7);
  unsigned number = 0;
  std::set<std::string> acknowledged;
  for (int round = 0; round < attack_rounds(3, 60); ++round) {
    std::atomic<bool> over = false;
    std::vector<std::thread> clients;
    std::vector<std::set<std::string>> heard(3);
    for (auto& mine : heard) {
      clients.emplace_back([&, first = number += 1000]() mutable {
        while (!over) {
          const auto id = station.submit(job_input(3, upload(png, ++first)));
          if (!id.empty()) mine.insert(id);
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 300));
    station.crash();
    over = true;
    for (auto& client : clients) client.join();
    for (auto& mine : heard) acknowledged.merge(mine);
    ASSERT_TRUE(station.start_again({.fake = "step_ms=2"}))
        << "status " << station.end_status() << "\n"
        << station.log();
    expect_nothing_left_over(station);
  }
  EXPECT_FALSE(acknowledged.empty());
  for (const auto& id : acknowledged) {
    const auto job = station.wait_for(id, "succeeded failed cancelled");
    if (text_at(job, "state") == "failed") {  // it ran at three of the crashes
      EXPECT_THAT(text_at(job.at("failure"), "sentence"), HasSubstr("3 times while this ran"));
      continue;
    }
    ASSERT_EQ(text_at(job, "state"), "succeeded") << id;
    EXPECT_EQ(station.ask("GET", "/api/v1/artifacts/" + first_picture(job)).status, 200);
  }
  EXPECT_EQ(station.ask("GET", "/api/v1/artifacts/" + result).status, 200);
}

TEST(StoreAttack, OnlyTemporaryFilesAndUnnamedUploadsAreSweptAtTheStart) {
  StationProcess station;
  const auto job = station.wait_for(station.submit(job_input(1)), "succeeded failed");
  const auto png = station.ask("GET", "/api/v1/artifacts/" + first_picture(job)).body;
  const auto again =
      station.wait_for(station.submit(job_input(1, upload(png, 1))), "succeeded failed");
  ASSERT_EQ(text_at(again, "state"), "succeeded");
  const auto named = std::string{again.at("input").at("image_artifact").as_string()};
  station.crash();
  const auto artifacts = station.home() / "artifacts";
  const auto put = [](const fs::path& path) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "bytes";
    return path;
  };
  const auto orphan = put(artifacts / "00" / (std::string(32, '0') + ".png"));
  const auto temporary = put(artifacts / "00" / (std::string(32, '0') + ".png.tmp-12-3"));
  const auto unnamed = put(artifacts / "uploads/11" / (std::string(32, '1') + ".png"));
  const auto half = put(artifacts / "uploads/11" / (std::string(32, '1') + ".png.tmp-9-0"));
  const auto address = put(station.home() / "station.json.tmp-5-0");
  const auto note = put(station.home() / "models/checkpoints/mine.tmp-1-1");
  ASSERT_TRUE(station.start_again()) << station.log();
  EXPECT_TRUE(fs::exists(orphan));  // it may be a result
  EXPECT_TRUE(fs::exists(note));    // not ours
  for (const auto& path : {temporary, unnamed, half, address}) EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(station.ask("GET", "/api/v1/artifacts/" + named).status, 200);
}

TEST(StoreAttack, OtherUsersCannotReadTheHome) {
  StationProcess station;
  const auto job = station.wait_for(station.submit(job_input(1)), "succeeded failed");
  const auto png = station.ask("GET", "/api/v1/artifacts/" + first_picture(job)).body;
  station.wait_for(station.submit(job_input(1, upload(png, 1))), "succeeded failed");
  station.stop();
  fs::permissions(station.home(), fs::perms(0755));  // as earlier versions made it
  fs::permissions(station.home() / "atelier.db", fs::perms(0644));
  fs::permissions(station.home() / "logs/atelier.log", fs::perms(0644));
  std::ofstream(station.home() / "settings.toml") << "log.level = \"debug\"\n";
  fs::permissions(station.home() / "settings.toml", fs::perms(0644));
  ASSERT_TRUE(station.start_again()) << station.log();
  station.wait_for(station.submit(job_input(1, upload(png, 2))), "succeeded failed");
  constexpr auto kOthers = fs::perms::group_all | fs::perms::others_all;
  EXPECT_EQ(fs::status(station.home()).permissions(), fs::perms::owner_all);
  for (const auto& entry : fs::recursive_directory_iterator(station.home())) {
    EXPECT_EQ(entry.status().permissions() & kOthers, fs::perms::none) << entry.path();
  }
}

TEST(StoreAttack, ALogThatCannotBeWrittenDoesNotPreventAStart) {
  StationProcess station;
  station.stop();
  const auto logs = station.home() / "logs";
  const auto works = [&] {
    ASSERT_TRUE(station.start_again()) << station.log();
    const auto job = station.wait_for(station.submit(job_input(1)), "succeeded failed");
    EXPECT_EQ(text_at(job, "state"), "succeeded");
    EXPECT_EQ(station.stop(), 0);
  };
  fs::remove(logs / "atelier.log");
  fs::create_symlink("/dev/full", logs / "atelier.log");
  works();
  fs::remove_all(logs);
  std::ofstream{logs} << "a file";
  works();
  EXPECT_THAT(station.log(), HasSubstr("the log goes to the terminal alone"));
}

// A sentence that quotes the request is cut somewhere: with any bytes there it can be stored, read
// and listed, and the queue goes on.
TEST(StoreAttack, NoTextOfARequestStopsTheQueue) {
  StationProcess station;
  const std::string letters[] = {"\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x8E\xA8", "\\u0000",
                                 "\\ud83d\\ude00"};
  for (const auto& letter : letters) {
    for (int before = 0; before < attack_rounds(4, 70); ++before) {
      std::string text(static_cast<std::size_t>(before), 'a');
      for (int i = 0; i < 80; ++i) text += letter;
      const auto id = station.submit(R"({"prompt":")" + text +
                                     R"(","width":64,"height":64,"steps":1,")" + text + R"(":1})");
      ASSERT_FALSE(id.empty());
      for (const auto* field : {"sampler", "schedule", "model", "dtype", "fit"}) {
        const auto reply = station.ask("POST", "/v1/generate",
                                       R"({"prompt":"x","width":64,"height":64,"steps":1,")" +
                                           std::string(field) + R"(":")" + text + "\"}");
        EXPECT_NO_THROW(static_cast<void>(boost::json::parse(reply.body))) << reply.body;
      }
      EXPECT_EQ(text_at(station.wait_for(id, "succeeded failed"), "state"), "succeeded");
      EXPECT_EQ(station.ask("GET", "/api/v1/jobs?limit=500").status, 200);
    }
  }
}

TEST(StoreAttack, ARowThatCannotBeReadStopsNeitherTheQueueNorTheListsNorTheStart) {
  StationProcess station{{.fake = "step_ms=50"}};
  const auto damaged = station.submit(job_input(500));
  ASSERT_EQ(text_at(station.wait_for(damaged, "running"), "state"), "running");
  const auto waiting = station.submit(job_input(2));
  const auto next = station.submit(job_input(2));
  station.crash();
  storage::Database(station.home() / "atelier.db")
      .execute("UPDATE jobs SET input = substr(input, 1, 20) WHERE id IN ('" + damaged + "', '" +
               waiting + "')");
  ASSERT_TRUE(station.start_again()) << station.log();
  EXPECT_EQ(text_at(station.wait_for(next, "succeeded failed"), "state"), "succeeded");
  EXPECT_THAT(station.ask("GET", "/api/v1/jobs").body, HasSubstr(next));
  for (const auto& id : {damaged, waiting}) {
    const auto reply = station.ask("GET", "/api/v1/jobs/" + id);
    EXPECT_EQ(reply.status, 500);
    EXPECT_THAT(reply.body, HasSubstr("job " + id + " cannot be read"));
    EXPECT_THAT(station.log(), HasSubstr("job " + id + " cannot be read"));
  }
}

TEST(StoreAttack, ADamagedDatabaseIsReportedAsAnInternalError) {
  StationProcess station;
  const auto id = station.submit(job_input(1));
  ASSERT_EQ(text_at(station.wait_for(id, "succeeded failed"), "state"), "succeeded");
  ASSERT_EQ(station.stop(), 0);
  fs::remove(station.home() / "atelier.db-wal");
  const auto path = station.home() / "atelier.db";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (auto at = 4096U; at < fs::file_size(path); at += 4096) {
    file.seekp(at).write(std::string(200, '\xff').data(), 200).flush();
    if (station.start_again()) {
      EXPECT_THAT(station.ask("GET", "/api/v1/jobs/" + id).status, testing::AnyOf(200, 404, 500));
      EXPECT_THAT(station.ask("GET", "/api/v1/jobs").status, testing::AnyOf(200, 500));
      station.crash();
      continue;
    }
    EXPECT_EQ(station.end_status(), 1);
    EXPECT_THAT(station.log(), HasSubstr("move the file away to start with a new one"));
    return;
  }
}

// A station whose disk takes `left()` bytes more.
class FaultyDisk : public testing::Test {
 protected:
  FaultyDisk() {
    std::ofstream(control_, std::ios::binary) << std::string(sizeof(std::int64_t), '\xff');
    options_.environment = {"LD_PRELOAD=" ATELIER_BIN_DIR "/libfaulty_disk.so",
                            "ATELIER_FAULTY_DISK=" + control_.string(), "TMPDIR=/tmp"};
    options_.fake = "step_ms=20";
  }
  ~FaultyDisk() override { fs::remove(control_); }

  void leave(std::int64_t bytes) {
    std::fstream file(control_, std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(&bytes), sizeof bytes);
  }

  const fs::path control_ =
      testing::TempDir() + "atelier-faulty-disk-" + std::to_string(::getpid());
  StationOptions options_;
};

std::string reason_until(const StationProcess& station, const std::string& id,
                         const std::string& part) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  std::string reason;
  while (std::chrono::steady_clock::now() < end && reason.find(part) == std::string::npos) {
    reason = text_at(station.job(id), "reason");
    std::this_thread::sleep_for(20ms);
  }
  return reason;
}

TEST_F(FaultyDisk, WhileItIsFullTheStationAnswersAndWhatEndedIsStoredAfterwards) {
  StationProcess station{options_};
  const auto running = station.submit(job_input(40));
  const auto waiting = station.submit(job_input(2));
  ASSERT_EQ(text_at(station.wait_for(running, "running"), "state"), "running");
  leave(0);
  EXPECT_THAT(reason_until(station, running, "cannot be stored yet"),
              HasSubstr("cannot be stored yet"));
  EXPECT_EQ(text_at(station.job(running), "state"), "running");
  EXPECT_EQ(text_at(station.job(waiting), "state"), "queued");
  for (const char* path : {"/health", "/api/v1/jobs", "/api/v1/models", "/api/v1/status"}) {
    EXPECT_EQ(station.ask("GET", path).status, 200) << path;
  }
  const auto refused =
      station.ask("POST", "/api/v1/jobs", R"({"kind":"generate","input":)" + job_input(1) + "}");
  EXPECT_EQ(refused.status, 500) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("free some space"));
  EXPECT_THAT(station.ask("GET", "/api/v1/status").body, HasSubstr("cannot be stored"));
  const auto large = station.ask("POST", "/api/v1/jobs",
                                 R"({"kind":"generate","input":{"prompt":"x","image":")" +
                                     std::string(12 << 20, 'A') + "\"}}");
  EXPECT_GE(large.status, 400);  // its body goes to the disk while it comes
  leave(-1);
  EXPECT_NE(text_at(station.wait_for(running, "succeeded failed"), "state"), "");
  EXPECT_EQ(text_at(station.wait_for(waiting, "succeeded failed"), "state"), "succeeded");
  station.crash();
  ASSERT_TRUE(station.start_again(options_));
  const auto after = station.job(running);
  EXPECT_THAT(text_at(after, "state"), testing::AnyOf("succeeded", "failed"));
  EXPECT_EQ(after.at("attempt"), 1);  // it did not run again
}

// Starts it with more space each time until it is ready; `before` creates its home again.
void start_with_less_and_less_space(StationProcess& station, const StationOptions& options,
                                    const std::function<void(std::int64_t)>& leave,
                                    const std::function<void()>& before) {
  int refusals = 0;
  for (std::int64_t space = 0;; space += attack_rounds(9'000, 700)) {
    ASSERT_LT(space, 10 << 20);
    before();
    leave(space);
    const bool started = station.start_again(options);
    leave(-1);
    if (started) break;
    ++refusals;
    EXPECT_EQ(station.end_status(), 1) << station.log();
    EXPECT_THAT(station.log(), testing::ContainsRegex("free some|No space left"));
  }
  EXPECT_GT(refusals, 0);
}

TEST_F(FaultyDisk, AStartSucceedsOrReportsTheReasonWhereverTheDiskIsFull) {
  StationProcess station{options_};
  const auto id = station.submit(job_input(1));
  ASSERT_EQ(text_at(station.wait_for(id, "succeeded failed"), "state"), "succeeded");
  station.crash();
  start_with_less_and_less_space(
      station, options_, [this](std::int64_t space) { leave(space); }, [] {});
  EXPECT_EQ(text_at(station.job(id), "state"), "succeeded");
}

TEST_F(FaultyDisk, AFirstStartSucceedsOrReportsTheReasonWhereverTheDiskIsFull) {
  StationProcess station{options_};
  station.crash();
  start_with_less_and_less_space(
      station, options_, [this](std::int64_t space) { leave(space); },
      [&] {
        for (const auto& entry : fs::directory_iterator(station.home())) {
          if (entry.path().filename() != "station.log") fs::remove_all(entry.path());
        }
      });
  const auto id = station.submit(job_input(1));
  EXPECT_EQ(text_at(station.wait_for(id, "succeeded failed"), "state"), "succeeded");
}

TEST_F(FaultyDisk, AJobSucceedsOrReportsTheReasonWhereverTheDiskIsFull) {
  options_.fake = "step_ms=1";
  StationProcess station{options_};
  int failed = 0, refused = 0, succeeded = 0;
  for (std::int64_t space = 0; succeeded == 0; space += attack_rounds(6'000, 500)) {
    ASSERT_LT(space, 10 << 20);
    leave(space);
    const auto reply =
        station.ask("POST", "/api/v1/jobs", R"({"kind":"generate","input":)" + job_input(1) + "}");
    if (reply.status != 202) {
      leave(-1);
      ++refused;
      EXPECT_THAT(reply.body, HasSubstr("free some"));
      continue;
    }
    const auto id = text_at(boost::json::parse(reply.body), "id");
    // Queued for ever where the disk was full at its claim, running where it was at its end.
    for (int i = 0; i < 50 && station.job(id).at("finished_ms") == 0; ++i) {
      std::this_thread::sleep_for(20ms);
    }
    succeeded += text_at(station.job(id), "state") == "succeeded" ? 1 : 0;
    leave(-1);
    const auto job = station.wait_for(id, "succeeded failed");
    if (text_at(job, "state") == "succeeded") continue;
    ++failed;
    EXPECT_THAT(text_at(job.at("failure"), "sentence"), HasSubstr("free some"));
  }
  EXPECT_GT(refused + failed, 0);
}

// The same on a file system that is really full, where this may be mounted.
TEST(FullFileSystem, WhatEndedOnItIsStoredAfterwards) {
  const fs::path folder = testing::TempDir() + "atelier-full-disk-" + std::to_string(::getpid());
  fs::create_directories(folder);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=6m,mode=0700") != 0) {
    fs::remove(folder);
    GTEST_SKIP() << "nothing may be mounted here";
  }
  const auto filler = folder / "filler";
  const auto fill = [&] {
    std::ofstream file(filler, std::ios::binary);
    const std::string block(4096, 'f');
    while (file.write(block.data(), std::ssize(block)).flush()) {
    }
  };
  {
    const StationOptions options{.fake = "step_ms=20",
                                 .arguments = {"--home", (folder / "home").string()}};
    StationProcess station{options};
    const auto running = station.submit(job_input(40));
    ASSERT_EQ(text_at(station.wait_for(running, "running"), "state"), "running");
    fill();
    std::this_thread::sleep_for(2s);
    EXPECT_EQ(station.ask("GET", "/health").status, 200);
    EXPECT_EQ(station.ask("GET", "/api/v1/jobs").status, 200);
    fs::remove(filler);
    const auto state = text_at(station.wait_for(running, "succeeded failed"), "state");
    EXPECT_NE(state, "");
    const auto next = station.submit(job_input(1));
    EXPECT_EQ(text_at(station.wait_for(next, "succeeded failed"), "state"), "succeeded");
    fill();
    station.crash();
    if (!station.start_again(options)) {
      EXPECT_EQ(station.end_status(), 1);
      fs::remove(filler);
      ASSERT_TRUE(station.start_again(options)) << station.log();
    }
    EXPECT_EQ(text_at(station.job(running), "state"), state);
    EXPECT_EQ(station.job(running).at("attempt"), 1);
  }
  ::umount2(folder.c_str(), MNT_DETACH);
  fs::remove(folder);
}

}  // namespace
}  // namespace atelier::api
