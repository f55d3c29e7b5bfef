// A process that writes jobs and is killed at random moments (SIGKILL): every write that returned
// is there afterwards, and each job once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "card/tasks/generate.h"
#include "storage/sqlite/sqlite_job_store.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::JobState;

constexpr auto kNode = "node";

Job job(const std::string& id) {
  Job result;
  result.id = id;
  result.client = "client";
  result.input.parameters = card::TaskInput::of(card::generate_task(), card::GenerationInput{});
  return result;
}

// One line is one write of at most PIPE_BUF bytes: whole or not there.
void acknowledge(int pipe, const std::string& id, JobState state) {
  const auto line = id + " " + std::string(domain::job_state_name(state)) + "\n";
  if (::write(pipe, line.data(), line.size()) < 0) ::_exit(1);
}

// Inserts, claims and ends jobs until it is killed; each write is acknowledged after it returned.
[[noreturn]] void write_until_killed(const std::string& path, int pipe, int round) {
  SqliteJobStore store(path);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0;; ++i) {
        const auto id =
            std::to_string(round) + "-" + std::to_string(thread) + "-" + std::to_string(i);
        auto written = job(id);
        store.insert(written, {.request = {"key " + id}});
        acknowledge(pipe, id, JobState::kQueued);
        if (i % 3 == 0) continue;
        if (!store.claim(id, kNode, 5)) ::_exit(1);
        acknowledge(pipe, id, JobState::kRunning);
        if (i % 3 == 1) continue;
        written.state = JobState::kSucceeded;
        written.result.emplace();
        if (!store.finish(written, JobState::kRunning)) ::_exit(1);
        acknowledge(pipe, id, JobState::kSucceeded);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ::_exit(1);
}

// The last state of each job that the child acknowledged before it was killed.
std::map<std::string, JobState> acknowledged_until_killed(const std::string& path, int round,
                                                          std::chrono::milliseconds life) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const auto child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    write_until_killed(path, ends[1], round);
  }
  ::close(ends[1]);
  std::string heard;
  std::thread killer;  // `life` after the first acknowledgement
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    heard.append(buffer, static_cast<std::size_t>(size));
    if (killer.joinable()) continue;
    killer = std::thread([=] {
      std::this_thread::sleep_for(life);
      ::kill(child, SIGKILL);
    });
  }
  if (killer.joinable()) killer.join();
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  ::close(ends[0]);
  std::map<std::string, JobState> states;
  std::istringstream lines(heard);
  for (std::string id, state; lines >> id >> state;) {
    states[id] = *domain::job_state_from_name(state);
  }
  return states;
}

TEST(KilledProcess, NoAcknowledgedWriteIsLostAndNoJobIsThereTwice) {
  const auto folder = testing::TempDir() + "killed-process";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto path = folder + "/atelier.db";
  std::mt19937 random(5);
  std::map<std::string, JobState> acknowledged;
  for (int round = 0; round < 6; ++round) {
    acknowledged.merge(
        acknowledged_until_killed(path, round, std::chrono::milliseconds(20 + random() % 250)));
  }
  EXPECT_GE(acknowledged.size(), 6U);
  SqliteJobStore store(path);
  std::map<std::string, JobState> found;
  for (const auto& each : store.recent({.limit = 1'000'000})) {
    EXPECT_TRUE(found.emplace(each.id, each.state).second);
  }
  for (const auto& [id, state] : acknowledged) {
    ASSERT_TRUE(found.contains(id)) << id;
    EXPECT_GE(found[id], state) << id;  // a later write may have reached the disk as well
  }
  // A client that got no reply sends its job again.
  const auto before = found.size();
  std::size_t added = 0;
  for (const auto& [id, state] : found) {
    added += store.insert(job(id + " again"), {.request = {"key " + id}}).is_new ? 1 : 0;
  }
  EXPECT_EQ(added, 0U);
  EXPECT_EQ(store.recent({.limit = 1'000'000}).size(), before);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace atelier::storage
