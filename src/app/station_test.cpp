// Stations on the GPUs of a stand-in for NVIDIA's management library: the fake engine computes on
// them.
#include "app/station.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "card/tasks/generate.h"
#include "tests/doubles/fake_nvml.h"

namespace atelier::app {
namespace {

using domain::JobState;
using scheduler::StationStatus;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};  // generous: sanitizers on a busy machine
constexpr std::int64_t kMegabyte = 1 << 20;

class StationOnGpus : public testing::Test {
 protected:
  StationOnGpus() {
    settings_.home = folder_.path();
    settings_.engine = "fake";
    settings_.fake = "step_ms=20";
    settings_.nvml = FAKE_NVML;
    settings_.queue_max.fill(200);
  }
  void start(const std::string& lines) {
    fake_.set(lines);
    station_ = std::make_unique<Station>(settings_, folder_.path(),
                                         StationOptions{.light_worker = true, .every_gpu = true});
  }
  // The first status that fits.
  StationStatus wait_for(const std::function<bool(const StationStatus&)>& fits) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    auto now = station_->scheduler().status();
    while (!fits(now) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      now = station_->scheduler().status();
    }
    EXPECT_TRUE(fits(now));
    return now;
  }
  static bool all_idle(const StationStatus& status) {
    return std::ranges::all_of(status.workers, [](auto& each) { return each.state == "idle"; });
  }
  std::string submit(int steps) {
    card::GenerationInput input;
    input.prompt = "a red circle";
    input.width = input.height = 64;
    input.steps = steps;
    scheduler::NewJob job;
    job.input.parameters = card::TaskInput::of(card::generate_task(), input);
    return station_->scheduler().submit(job).id;
  }
  domain::Job end_of(const std::string& id) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    auto job = station_->scheduler().job(id);
    while (!domain::is_terminal(job.state) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      job = station_->scheduler().job(id);
    }
    return job;
  }

  FakeNvml fake_;
  TemporaryFolder folder_;
  domain::Settings settings_;
  std::unique_ptr<Station> station_;
};

TEST_F(StationOnGpus, EachGpuHasAWorkerAndALostOneLeavesTheOthersAsTheyAre) {
  start("gpus 4\nmemory 1 8192 4096\nprocess 1 4711 512");
  const auto status = wait_for(all_idle);
  ASSERT_EQ(status.workers.size(), 5U);
  ASSERT_EQ(status.gpus.size(), 4U);
  const std::vector<std::string> names = {"main", "gpu1", "gpu2", "gpu3", "light"};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(status.workers[i].name, names[i]);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(status.gpus[i].worker, names[i]);
    EXPECT_EQ(status.gpus[i].state.device, "cuda:" + std::to_string(i));
    EXPECT_EQ(status.workers[i].device, "NVIDIA Fake 24GB");
  }
  EXPECT_EQ(status.gpus[1].state.memory.value().bytes_free, 4096 * kMegabyte);
  EXPECT_EQ(status.gpus[1].state.processes.at(0).pid, 4711);
  EXPECT_EQ(status.memory_total_mb, 3 * 24'576 + 8192);
  EXPECT_EQ(status.memory_used_mb, 3 * 576 + 4096);
  EXPECT_EQ(status.gpu_problem, "");

  fake_.set("gpus 4\nfail nvmlDeviceGetHandleByIndex_v2 15 2");
  const auto later = wait_for([](auto& now) { return !now.gpus.at(2).state.problem.empty(); });
  EXPECT_FALSE(later.gpus[2].state.memory.has_value());
  EXPECT_EQ(later.gpus[2].worker, "gpu2");
  EXPECT_EQ(later.gpus[3].state.problem, "");
}

TEST_F(StationOnGpus, AStreamOfJobsSurvivesTheEndOfAWorker) {
  start("gpus 4");
  wait_for(all_idle);
  station_->scheduler().wait_for_models();
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(submit(20));
  const auto busy = wait_for([](auto& now) {
    return std::ranges::all_of(
        now.workers, [](auto& each) { return each.name == "light" || each.state == "busy"; });
  });
  ASSERT_EQ(::kill(busy.workers.at(1).pid, SIGKILL), 0);
  int repeated = 0;
  for (const auto& id : ids) {
    const auto job = end_of(id);
    EXPECT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
    repeated += job.attempt > 1 ? 1 : 0;
  }
  EXPECT_LE(repeated, 1);  // none, where the worker ended before the job was reported as begun
  for (const auto& worker : wait_for(all_idle).workers) {
    EXPECT_EQ(worker.restarts, worker.name == "gpu1" ? 1 : 0) << worker.name;
  }
}

TEST_F(StationOnGpus, TheVariableOfCudaSelectsGpus) {
  settings_.cuda_devices = "3,GPU-fa4e0001,9";
  start("gpus 4");
  const auto status = wait_for(all_idle);
  ASSERT_EQ(status.workers.size(), 3U);
  ASSERT_EQ(status.gpus.size(), 2U);
  EXPECT_EQ(status.gpus[0].state.index, 1);
  EXPECT_EQ(status.gpus[0].worker, "gpu1");
  EXPECT_EQ(status.gpus[1].state.index, 3);
  EXPECT_EQ(status.gpus[1].worker, "main");
  EXPECT_THAT(status.notices, testing::ElementsAre(HasSubstr("there is no GPU '9'")));
}

TEST_F(StationOnGpus, AMachineWithoutAGpuWorks) {
  start("gpus 0");
  const auto status = wait_for([](auto& now) { return all_idle(now) && !now.gpu_problem.empty(); });
  EXPECT_EQ(status.workers.size(), 2U);
  EXPECT_TRUE(status.gpus.empty());
  EXPECT_EQ(status.gpu_problem, "NVIDIA's driver lists no GPU");
  station_->scheduler().wait_for_models();
  EXPECT_EQ(end_of(submit(2)).state, JobState::kSucceeded);
}

TEST_F(StationOnGpus, ADriverThatHangsStopsNeitherTheQueueNorTheEndOfTheStation) {
  start("gpus 1");
  wait_for(all_idle);
  fake_.set("gpus 1\nhang nvmlDeviceGetMemoryInfo 600000");
  wait_for([](auto& now) { return now.gpu_problem.find("does not answer") != std::string::npos; });
  station_->scheduler().wait_for_models();
  EXPECT_EQ(end_of(submit(2)).state, JobState::kSucceeded);
  const auto before = std::chrono::steady_clock::now();
  station_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60));
}

}  // namespace
}  // namespace atelier::app
