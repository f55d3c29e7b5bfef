// A main worker and a light one, both on the fake engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "card/tasks/classify.h"
#include "tests/doubles/scheduler_fixture.h"

namespace atelier::scheduler {
namespace {

class LightWorkerTest : public LocalSchedulerTest {
 protected:
  LightWorkerTest() {
    options_.workers = {
        {.launch = worker("step_ms=100")},
        {.name = "light", .worker_class = WorkerClass::kLight, .launch = worker("step_ms=20")}};
  }

  NewJob classification() {
    NewJob job;
    job.client = "test";
    job.priority = 3;
    job.input.parameters = card::TaskInput::of(card::classify_task(), card::ClassifyInput{});
    job.attachments["image"] = picture_;
    return job;
  }
  // Both workers are ready, one job has been run, and its picture is kept.
  void start_both() {
    start();
    wait_for([](const StationStatus& now) {
      return std::ranges::all_of(now.workers, [](auto& each) { return each.state == "idle"; });
    });
    picture_ = scheduler_->artifact(run(new_job(1)).result.value().artifacts().at(0)).bytes;
  }
  void wait_for(const std::function<bool(const StationStatus&)>& fits) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!fits(scheduler_->status()) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(fits(scheduler_->status()));
  }
  WorkerStatus light() { return scheduler_->status().workers.at(1); }

  std::vector<std::uint8_t> picture_;
};

TEST_F(LightWorkerTest, AShortJobRunsBesideALongOne) {
  start_both();
  const auto long_job = scheduler_->submit(new_job(500)).id;
  Hearing hearing(*scheduler_, long_job);
  hearing.wait(is_denoising);
  const auto end = run(classification());
  EXPECT_EQ(end.state, JobState::kSucceeded) << (end.failure ? end.failure->sentence : "");
  EXPECT_EQ(scheduler_->job(long_job).state, JobState::kRunning);
  scheduler_->cancel(long_job);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
}

TEST_F(LightWorkerTest, ALongJobNeverGoesToIt) {
  start_both();
  const auto first = scheduler_->submit(new_job(300)).id;
  Hearing(*scheduler_, first).wait(is_denoising);
  const auto second = scheduler_->submit(new_job(1)).id;
  EXPECT_EQ(run(classification()).state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->job(second).state, JobState::kQueued);
  EXPECT_EQ(light().job, "");
  scheduler_->cancel(first);
  EXPECT_EQ(Hearing(*scheduler_, second).wait_for_end().state, JobState::kSucceeded);
}

TEST_F(LightWorkerTest, TheEndOfOneWorkerDoesNotTouchTheJobsOfTheOther) {
  options_.workers[1].launch = worker("step_ms=500");
  start_both();
  const auto long_job = scheduler_->submit(new_job(60)).id;
  Hearing hearing(*scheduler_, long_job);
  hearing.wait(is_denoising);
  const auto id = scheduler_->submit(classification()).id;
  Hearing short_job(*scheduler_, id);
  short_job.wait([](const Job& job) { return job.progress.stage == card::classify_task().stage; });
  ASSERT_EQ(::kill(light().pid, SIGKILL), 0);
  const auto end = short_job.wait_for_end();
  EXPECT_EQ(end.state, JobState::kSucceeded) << (end.failure ? end.failure->sentence : "");
  EXPECT_EQ(end.attempt, 2);
  const auto other = hearing.wait_for_end();
  EXPECT_EQ(other.state, JobState::kSucceeded);
  EXPECT_EQ(other.attempt, 1);
}

TEST_F(LightWorkerTest, AShortJobGoesToTheMainWorkerWhereTheLightOneCannotWork) {
  options_.workers[1].launch = launcher("/bin/false", {});
  start();
  wait_for([](const StationStatus& now) { return now.workers[0].state == "idle"; });
  picture_ = scheduler_->artifact(run(new_job(1)).result.value().artifacts().at(0)).bytes;
  EXPECT_EQ(run(classification()).state, JobState::kSucceeded);
  wait_for([](const StationStatus& now) { return now.workers[1].restarts > 0; });
}

TEST_F(LightWorkerTest, AStoppedLightWorkerIsReplacedAndTheMainOneGoesOn) {
  options_.patience.silence = std::chrono::seconds(5);
  start_both();
  const int first = light().pid;
  ASSERT_EQ(::kill(first, SIGSTOP), 0);
  const auto short_job = scheduler_->submit(classification()).id;
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  const auto end = Hearing(*scheduler_, short_job).wait_for_end();
  EXPECT_EQ(end.state, JobState::kSucceeded) << (end.failure ? end.failure->sentence : "");
  EXPECT_EQ(end.attempt, 1) << end.reason;
  EXPECT_NE(light().pid, first);
  EXPECT_EQ(scheduler_->status().workers.at(0).restarts, 0);
}

TEST_F(LightWorkerTest, ModelsAreInspectedWhileTheMainWorkerIsBusy) {
  std::filesystem::create_directories(folder_ / "checkpoints");
  options_.folders.layouts = {folder_.string()};
  start_both();
  const auto id = scheduler_->submit(new_job(500)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  std::ofstream(folder_ / "checkpoints" / "new.safetensors") << "weights";
  const auto list = refresh(kPatience);
  EXPECT_EQ(list.reason, "");
  EXPECT_TRUE(std::ranges::any_of(
      *list.models, [](const auto& model) { return model.card.id == "checkpoint/new"; }));
  EXPECT_EQ(scheduler_->job(id).state, JobState::kRunning);
  scheduler_->cancel(id);
  hearing.wait_for_end();
}

TEST_F(LightWorkerTest, UnloadingIsDoneWhenBothWorkersHaveDoneIt) {
  start_both();
  EXPECT_EQ(run(classification()).state, JobState::kSucceeded);
  wait_for([](const StationStatus& now) {
    return std::ranges::all_of(now.workers, [](auto& each) { return !each.loaded_models.empty(); });
  });
  std::promise<Unloaded> done;
  scheduler_->unload_models(kPatience, [&](Unloaded how) { done.set_value(how); });
  EXPECT_EQ(done.get_future().get(), Unloaded::kNow);
  for (const auto& each : scheduler_->status().workers) EXPECT_TRUE(each.loaded_models.empty());
}

}  // namespace
}  // namespace atelier::scheduler
