// What the scheduler does about memory: loads, evictions, refusals, and what follows a run that was
// out of memory. A worker on the fake engine, whose device has as much memory as a switch says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/doubles/scheduler_fixture.h"

namespace atelier::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MemoryPlanTest : public LocalSchedulerTest {
 protected:
  // Two models of 1,100 MB each, on a device that has so much.
  void start_with(int device_mb, const std::string& switches = "") {
    options_.workers[0].launch =
        worker("step_ms=2,model_mb=1100,device_mb=" + std::to_string(device_mb) + switches);
    options_.folders.layouts = {folder_.string()};
    std::filesystem::create_directories(folder_ / "checkpoints");
    for (const char* name : {"first", "second"}) {
      std::ofstream(folder_ / "checkpoints" / (std::string(name) + ".safetensors")) << name;
    }
    start();
  }

  Job run_with(const std::string& model, const std::string& mode = "") {
    auto job = new_job(2);
    job.input.parameters = job.input.parameters.with_text("model", "checkpoint/" + model);
    job.input.memory_mode = mode;
    auto ended = run(job);
    EXPECT_EQ(ended.state, JobState::kSucceeded)
        << (ended.failure ? ended.failure->sentence : "") << ended.reason;
    return ended;
  }

  Explanation explain() {
    std::promise<Explanation> promise;
    scheduler_->explain([&](Explanation now) { promise.set_value(std::move(now)); });
    return promise.get_future().get();
  }
  std::vector<std::string> resident() {
    std::vector<std::string> ids;
    const auto now = explain();
    for (const auto& model : now.workers.at(0).models) ids.push_back(model.id);
    return ids;
  }
  std::vector<std::string> decisions(const std::string& kind) {
    std::vector<std::string> reasons;
    for (const auto& decision : explain().decisions) {
      if (decision.kind == kind) reasons.push_back(decision.reason);
    }
    std::ranges::reverse(reasons);
    return reasons;
  }
};

TEST_F(MemoryPlanTest, ModelsThatFitStayInMemorySideBySide) {
  start_with(4000);
  run_with("first");
  run_with("second");
  run_with("first");
  EXPECT_THAT(resident(), ElementsAre("checkpoint/first", "checkpoint/second"));
  EXPECT_THAT(decisions("eviction"), ElementsAre());
}

TEST_F(MemoryPlanTest, AnIdleModelIsEvictedForOneThatDoesNotFitBesideIt) {
  start_with(2000);
  run_with("first");
  // Its size is not known before it was loaded once: the device is full, and room is made then.
  EXPECT_EQ(run_with("second").attempt, 1);
  EXPECT_THAT(decisions("out_of_memory"), ElementsAre("evict_idle"));
  EXPECT_THAT(resident(), ElementsAre("checkpoint/second"));
  // From then on the room is planned.
  run_with("first");
  EXPECT_THAT(resident(), ElementsAre("checkpoint/first"));
  run_with("second");
  EXPECT_THAT(resident(), ElementsAre("checkpoint/second"));
  EXPECT_THAT(decisions("eviction"), ElementsAre("room", "room"));
  EXPECT_THAT(decisions("out_of_memory"), ElementsAre("evict_idle"));
  const auto now = explain();
  const auto& last = now.decisions.front();
  EXPECT_EQ(last.model, "checkpoint/first");
  EXPECT_THAT(last.sentence, HasSubstr("to make room for job"));
}

TEST_F(MemoryPlanTest, WhatWasMeasuredIsKnownAfterARestart) {
  start_with(2000);
  run_with("first");
  run_with("second");
  scheduler_.reset();
  start();
  run_with("first");
  run_with("second");
  EXPECT_THAT(decisions("out_of_memory"), ElementsAre());
  EXPECT_THAT(decisions("eviction"), ElementsAre("room"));
}

TEST_F(MemoryPlanTest, AModelThatIsLargerThanTheBudgetIsRefusedWithItsNumbers) {
  options_.memory.budget_bytes = std::int64_t{100} << 20;
  start();
  const auto job = run(new_job());
  ASSERT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.failure->code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(job.failure->sentence, HasSubstr("the whole budget of worker 'main'"));
  EXPECT_EQ(job.attempt, 0);
}

TEST_F(MemoryPlanTest, InTheModeLowAModelLeavesTheMemoryAfterItsJob) {
  start_with(4000);
  run_with("first");
  run_with("second", "low");
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!resident().empty() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_THAT(resident(), ElementsAre());
  EXPECT_THAT(decisions("eviction"), ElementsAre("family", "after_use"));
}

TEST_F(MemoryPlanTest, InTheModeHighAJobThatDoesNotFitBesideTheResidentModelsIsRefused) {
  options_.memory.mode = MemoryMode::kHigh;
  start_with(2000);
  run_with("first");
  auto job = new_job(2);
  job.input.parameters = job.input.parameters.with_text("model", "checkpoint/second");
  job.input.memory_mode = "balanced";
  EXPECT_EQ(run(job).state, JobState::kSucceeded);  // and is measured
  job.input.parameters = job.input.parameters.with_text("model", "checkpoint/first");
  job.input.memory_mode = "";
  const auto refused = run(job);
  ASSERT_EQ(refused.state, JobState::kFailed);
  EXPECT_THAT(refused.failure->sentence, HasSubstr("stay in the mode high"));
  EXPECT_THAT(resident(), ElementsAre("checkpoint/second"));
}

TEST_F(MemoryPlanTest, AJobThatIsOutOfMemoryEachTimeFailsAfterAllStepsAndChargesNoAttempt) {
  start_with(4000, ",oom_at_step=1");
  const auto job = run(new_job(2));
  ASSERT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.failure->code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(job.attempt, 1);
  EXPECT_THAT(decisions("out_of_memory"), ElementsAre("evict_idle", "saving", "restart_worker"));
  EXPECT_THAT(job.input.warnings, testing::Contains(HasSubstr("tile_vae")));
}

TEST_F(MemoryPlanTest, AWaitingJobIsExplained) {
  options_.workers[0].launch = worker("step_ms=50");
  start();
  const auto first = scheduler_->submit(new_job(200)).id;
  Hearing(*scheduler_, first).wait(is_denoising);
  const auto second = scheduler_->submit(new_job(1)).id;
  const auto now = explain();
  ASSERT_EQ(now.jobs.size(), 1U);
  EXPECT_EQ(now.jobs[0].job, second);
  EXPECT_EQ(now.jobs[0].position, 1);
  EXPECT_EQ(now.jobs[0].reason, "place");
  EXPECT_EQ(now.waiting, 1);
  EXPECT_THAT(now.next_admission, HasSubstr("no place is free on worker 'main'"));
  ASSERT_EQ(now.workers.at(0).jobs.size(), 1U);
  EXPECT_EQ(now.workers.at(0).jobs[0].job, first);
  EXPECT_EQ(now.workers.at(0).models.size(), 0U);  // it is being loaded or was, by this job
  scheduler_->cancel(first);
}

}  // namespace
}  // namespace atelier::scheduler
