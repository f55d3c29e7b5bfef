// Main workers on several devices, all on the fake engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <set>
#include <thread>

#include "tests/doubles/scheduler_fixture.h"

namespace atelier::scheduler {
namespace {

using namespace std::chrono_literals;

platform::GpuState gpu(int index) {
  platform::GpuState state{.index = index, .uuid = "GPU-" + std::to_string(index), .name = "Fake"};
  state.device = "cuda:" + std::to_string(index);
  state.memory =
      platform::GpuMemory{std::int64_t{8} << 30, std::int64_t{6} << 30, std::int64_t{2} << 30};
  return state;
}

class SeveralDevicesTest : public LocalSchedulerTest {
 protected:
  SeveralDevicesTest() {
    options_.workers.clear();
    for (int i = 0; i < 4; ++i) {
      options_.workers.push_back({.name = i == 0 ? "main" : "gpu" + std::to_string(i),
                                  .launch = worker("step_ms=20"),
                                  .device = gpu(i).device});
    }
    options_.queue_max.fill(200);
  }

  // The first status that fits.
  StationStatus wait_for(const std::function<bool(const StationStatus&)>& fits) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    auto now = scheduler_->status();
    while (!fits(now) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(1ms);
      now = scheduler_->status();
    }
    EXPECT_TRUE(fits(now));
    return now;
  }
  void start_all() {
    start();
    wait_for([](const StationStatus& now) {
      return std::ranges::all_of(now.workers, [](auto& each) { return each.state == "idle"; });
    });
    scheduler_->wait_for_models();
  }
};

TEST_F(SeveralDevicesTest, EveryDeviceRunsJobsOfTheStream) {
  start_all();
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(scheduler_->submit(new_job(10)).id);
  std::set<std::string> busy;
  wait_for([&busy](const StationStatus& now) {
    for (const auto& worker : now.workers) {
      if (!worker.job.empty()) busy.insert(worker.name);
    }
    return busy.size() == 4;
  });
  for (const auto& id : ids) {
    EXPECT_EQ(Hearing(*scheduler_, id).wait_for_end().state, JobState::kSucceeded);
  }
}

TEST_F(SeveralDevicesTest, TheEndOfOneWorkerCostsOneJobASecondRunAndTheOthersNothing) {
  start_all();
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(scheduler_->submit(new_job(20)).id);
  const auto busy = wait_for([](const StationStatus& now) {
    return std::ranges::all_of(now.workers, [](auto& each) { return each.state == "busy"; });
  });
  // A job that has begun: the end of a worker before that is not counted as an attempt.
  const auto& victim = busy.workers.at(2);
  Hearing hearing(*scheduler_, victim.job);
  hearing.wait(is_denoising);
  ASSERT_EQ(::kill(victim.pid, SIGKILL), 0);
  const auto repeated = hearing.wait_for_end();
  EXPECT_EQ(repeated.state, JobState::kSucceeded);
  std::map<int, int> by_attempt;
  for (const auto& id : ids) {
    const auto end = Hearing(*scheduler_, id).wait_for_end();
    EXPECT_EQ(end.state, JobState::kSucceeded) << (end.failure ? end.failure->sentence : "");
    ++by_attempt[end.attempt];
  }
  // The signal may come after the end of the job: then the worker was preparing the next one.
  EXPECT_GE(by_attempt[1], 39);
  EXPECT_EQ(by_attempt[1] + by_attempt[2], 40);
  const auto now = wait_for([](const StationStatus& status) {
    return std::ranges::all_of(status.workers, [](auto& each) { return each.state == "idle"; });
  });
  for (const auto& worker : now.workers) {
    EXPECT_EQ(worker.restarts, worker.name == "gpu2" ? 1 : 0) << worker.name;
  }
}

TEST_F(SeveralDevicesTest, ADeviceWhoseWorkerCannotStartLeavesTheOthersWorking) {
  options_.workers[1].launch = launcher("/bin/false", {});
  start();
  wait_for([](const StationStatus& now) {
    return now.workers[0].state == "idle" && now.workers[1].restarts > 0 &&
           now.workers[2].state == "idle" && now.workers[3].state == "idle";
  });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
}

TEST_F(SeveralDevicesTest, AWorkerThatHangsAtItsStartIsNotWaitedForByTheNext) {
  options_.workers[0].launch = worker("hello_ms=60000");
  options_.patience.start_turn = 300ms;
  start();
  wait_for([](const StationStatus& now) {
    return now.workers[1].state == "idle" && now.workers[3].state == "idle";
  });
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->status().workers[0].state, "starting");
}

TEST_F(SeveralDevicesTest, TheStatusHasEveryGpuWithItsWorkerAndTheMemoryOfAll) {
  options_.workers.resize(2);
  options_.read_gpus = [] {
    platform::GpuReading reading;
    reading.access = platform::GpuAccess::kReady;
    reading.gpus = {gpu(0), gpu(1), gpu(2)};
    reading.gpus[1].memory.reset();
    reading.gpus[1].problem = "GPU 1 is lost";
    reading.taken = std::chrono::steady_clock::now();
    return reading;
  };
  start();
  const auto now = wait_for([](const StationStatus& status) { return status.gpus.size() == 3; });
  EXPECT_EQ(now.gpus[0].worker, "main");
  EXPECT_EQ(now.gpus[1].worker, "gpu1");
  EXPECT_EQ(now.gpus[1].state.problem, "GPU 1 is lost");
  EXPECT_EQ(now.gpus[2].worker, "");
  EXPECT_EQ(now.gpu_problem, "");
  EXPECT_EQ(wait_for([](const StationStatus& later) {
              return later.memory_total_mb == 8192;
            }).memory_used_mb,
            2048);
}

TEST_F(SeveralDevicesTest, OldReadingsOfGpusAreAProblem) {
  options_.read_gpus = [taken = std::chrono::steady_clock::now() - 30s] {
    platform::GpuReading reading;
    reading.access = platform::GpuAccess::kReady;
    reading.gpus = {gpu(0)};
    reading.taken = taken;
    return reading;
  };
  start();
  wait_for([](const StationStatus& now) {
    return now.gpu_problem.find("does not answer") != std::string::npos;
  });
}

}  // namespace
}  // namespace atelier::scheduler
