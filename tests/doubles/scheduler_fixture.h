// A LocalScheduler with the real programs: workers on the fake engine, real decoders, stores in
// memory. Needs ATELIER_WORKER and ATELIER_MEDIA.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "card/tasks/generate.h"
#include "platform/error.h"
#include "scheduler/local_scheduler.h"
#include "tests/doubles/memory_stores.h"

namespace atelier::scheduler {

using domain::Job;
using domain::JobEvent;
using domain::JobState;

inline constexpr std::chrono::seconds kPatience{60};  // generous: sanitizers on a busy machine

inline std::string program(const char* variable) {
  const char* path = std::getenv(variable);
  return path != nullptr ? path : "";
}

inline LaunchChild launcher(const std::string& path, std::vector<std::string> arguments,
                            std::map<std::string, std::string> environment = {}) {
  platform::ProcessOptions options;
  options.program = path;
  options.arguments = std::move(arguments);
  options.environment = std::move(environment);
  return [options] { return platform::ChildProcess::spawn(options); };
}

// Follows a job to its end.
class Hearing {
 public:
  Hearing(Scheduler& scheduler, const std::string& id, std::int64_t after = 0)
      : subscription_(scheduler.subscribe(id, after, [this](const SharedEvent& event) {
          const std::lock_guard lock(mutex_);
          events_.push_back(*event);
          changed_.notify_all();
        })) {}

  // The newest event's job once `fits` returns true; the test fails when that takes too long.
  Job wait(const std::function<bool(const Job&)>& fits) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_until(lock, std::chrono::system_clock::now() + kPatience, [&] {
      return std::ranges::any_of(events_, [&](const JobEvent& e) { return fits(e.job); });
    });
    EXPECT_TRUE(came) << "last state: "
                      << (events_.empty() ? "none" : events_.back().job.progress.stage);
    for (const auto& event : events_) {
      if (fits(event.job)) return event.job;
    }
    return {};
  }
  Job wait_for_end() {
    return wait([](const Job& job) { return domain::is_terminal(job.state); });
  }
  std::vector<JobEvent> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<JobEvent> events_;
  std::unique_ptr<Subscription> subscription_;
};

inline bool is_denoising(const Job& job) {
  return job.state == JobState::kRunning && job.progress.stage == "denoise";
}

class LocalSchedulerTest : public testing::Test {
 protected:
  LocalSchedulerTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    options_.workers = {{.launch = worker("step_ms=5")}};
    options_.launch_decoder = launcher(program("ATELIER_MEDIA"), {});
  }
  ~LocalSchedulerTest() override { std::filesystem::remove_all(folder_); }

  static LaunchChild worker(const std::string& switches) {
    return launcher(program("ATELIER_WORKER"), {"--engine", "fake", "--fake", switches});
  }

  Scheduler& start() {
    scheduler_ = std::make_unique<LocalScheduler>(options_, jobs_, artifacts_);
    return *scheduler_;
  }

  static NewJob new_job(int steps = 4) {
    NewJob job;
    job.client = "test";
    card::GenerationInput input;
    input.prompt = "a red circle";
    input.width = 64;
    input.height = 64;
    input.steps = steps;
    input.seed = 7;
    job.input.parameters = card::TaskInput::of(card::generate_task(), input);
    return job;
  }

  Job run(const NewJob& job) {
    const auto id = scheduler_->submit(job).id;
    return Hearing(*scheduler_, id).wait_for_end();
  }

  ModelList refresh(std::chrono::milliseconds patience) {
    std::promise<ModelList> found;
    scheduler_->refresh_models(patience, [&](ModelList list) { found.set_value(std::move(list)); });
    return found.get_future().get();
  }

  // The sentence with which submit() refuses a job; the test fails when it is accepted.
  Error refusal(const NewJob& job) {
    try {
      scheduler_->submit(job);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "it was accepted";
    return Error(ErrorCode::kInternal, "");
  }

  int worker_pid() {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      const auto status = scheduler_->status();
      if (status.workers[0].pid > 0) return status.workers[0].pid;
    }
    return 0;
  }

  std::filesystem::path folder_ = testing::TempDir() + "scheduler-" +
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
  MemoryJobStore jobs_;
  MemoryArtifactStore artifacts_;
  LocalSchedulerOptions options_;
  std::unique_ptr<LocalScheduler> scheduler_;  // last: it uses all of the above
};

}  // namespace atelier::scheduler
