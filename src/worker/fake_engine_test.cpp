#include "worker/fake_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <latch>
#include <string>
#include <thread>
#include <utility>

#include "../../tests/golden/generation_run.h"
#include "platform/error.h"

namespace atelier::worker {
namespace {

using golden::GenerationJob;
using golden::GenerationResult;
using golden::run_generation;

class Recorder final : public engine::JobObserver {
 public:
  void on_progress(const card::Progress& progress) override { progresses.push_back(progress); }
  void on_preview(const media::Image& preview) override { previews.push_back(preview); }
  bool cancelled() override { return !progresses.empty() && progresses.back().step >= cancel_at; }

  std::vector<card::Progress> progresses;
  std::vector<media::Image> previews;
  int cancel_at = 1 << 20;
};

GenerationJob small_job(std::uint64_t seed, const std::string& prompt) {
  GenerationJob job;
  job.model.id = "fake";
  job.input.prompt = prompt;
  job.input.seed = seed;
  job.input.width = job.input.height = 64;
  job.input.steps = 4;
  return job;
}

GenerationResult make(const GenerationJob& job, const std::string& switches = "") {
  Recorder recorder;
  const auto engine = make_fake_engine(read_fake_switches("step_ms=0," + switches));
  return run_generation(*engine, job, recorder);
}

ErrorCode failure_of(const GenerationJob& job, const std::string& switches = "") {
  try {
    make(job, switches);
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::kInternal;
}

TEST(FakeEngine, PicturesDependOnSeedAndPrompt) {
  const auto red = make(small_job(1, "red")).images.at(0);
  EXPECT_EQ(red.pixels.size(), 64U * 64U * 3U);
  EXPECT_EQ(red.pixels, make(small_job(1, "red")).images.at(0).pixels);
  EXPECT_NE(red.pixels, make(small_job(2, "red")).images.at(0).pixels);
  EXPECT_NE(red.pixels, make(small_job(1, "blue")).images.at(0).pixels);
}

TEST(FakeEngine, DrawsOverThePictureAndWithinTheMask) {
  auto job = small_job(1, "red");
  const auto noise = make(job).images.at(0);
  job.image = media::Image{64, 64, 3, std::vector<std::uint8_t>(64 * 64 * 3, 100)};
  job.input.strength = 1;
  EXPECT_EQ(make(job).images.at(0).pixels, noise.pixels);
  job.input.strength = 0.5;
  const auto drawn_over = make(job);
  for (const int pixel : drawn_over.images.at(0).pixels) {
    EXPECT_GE(pixel, 49);
    EXPECT_LE(pixel, 178);
  }
  job.mask = media::Image{64, 64, 1, std::vector<std::uint8_t>(64 * 64, 0)};
  job.mask->pixels[0] = 255;
  const auto kept = make(job);
  EXPECT_EQ(kept.images.at(0).pixels.front(), noise.pixels.front());
  EXPECT_EQ(kept.images.at(0).pixels.back(), 100);
  EXPECT_EQ(kept.used.keep_outside, true);
  job.input.keep_outside = false;
  EXPECT_NE(make(job).images.at(0).pixels.back(), 100);
}

TEST(FakeEngine, PictureIOfABatchHasSeedPlusI) {
  auto job = small_job(5, "red");
  job.input.batch = 3;
  const auto batch = make(job);
  ASSERT_EQ(batch.images.size(), 3U);
  EXPECT_EQ(batch.images[2].pixels, make(small_job(7, "red")).images[0].pixels);
}

TEST(FakeEngine, ReportsEachStepAndSendsPreviews) {
  Recorder recorder;
  auto job = small_job(1, "red");
  job.input.preview_every = 2;
  run_generation(*make_fake_engine(read_fake_switches("step_ms=1")), job, recorder);
  int steps = 0;
  for (const auto& progress : recorder.progresses) steps += progress.stage == "denoise" ? 1 : 0;
  EXPECT_EQ(steps, 5);  // before the first one, and after each
  EXPECT_EQ(recorder.previews.size(), 2U);
}

TEST(FakeEngine, StopsWhenCancelled) {
  Recorder recorder;
  recorder.cancel_at = 2;
  try {
    run_generation(*make_fake_engine(read_fake_switches("step_ms=1")), small_job(1, "red"),
                   recorder);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    EXPECT_EQ(recorder.progresses.back().step, 2);
  }
}

TEST(FakeEngine, FailsAsItsSwitchesSay) {
  EXPECT_EQ(failure_of(small_job(1, "a"), "oom_at_step=2"), ErrorCode::kOutOfMemory);
  EXPECT_EQ(failure_of(small_job(1, "a"), "poison_at_step=1"), ErrorCode::kWorkerLost);
  const auto engine = make_fake_engine(read_fake_switches("step_ms=0,oom_once"));
  Recorder recorder;
  EXPECT_THROW(run_generation(*engine, small_job(1, "a"), recorder), Error);
  EXPECT_EQ(run_generation(*engine, small_job(1, "a"), recorder).images.size(), 1U);
  EXPECT_DEATH(make(small_job(1, "a"), "crash_at_step=3"), "");
}

TEST(FakeEngine, RefusesAStrengthThatLeavesNoStep) {
  auto job = small_job(1, "a");
  job.image = media::Image{8, 8, 3, std::vector<std::uint8_t>(192)};
  job.input.strength = 0.1;
  EXPECT_EQ(failure_of(job), ErrorCode::kInvalidArgument);
}

TEST(FakeEngine, ItsCardHasTheTasksRowsWithDefaultsAndIdsOfItsSamplers) {
  const auto card = fake_card();
  const auto* generation = card::served(card, card::generate_task().id);
  ASSERT_NE(generation, nullptr);
  EXPECT_EQ(generation->parameters.size(), card::generate_task().parameters.size());
  EXPECT_EQ(card::find_parameter(generation->parameters, "steps")->default_value, "20");
  EXPECT_EQ(card::find_parameter(generation->parameters, "guidance")->default_value, "7.5");
  const auto* sampler = card::find_parameter(generation->parameters, "sampler");
  EXPECT_EQ(sampler->default_value, "euler");
  EXPECT_EQ(sampler->choices,
            (std::vector<std::string>{"euler", "euler_ancestral", "dpmpp_2m", "ddim"}));
  EXPECT_EQ(sampler->choice_titles.at(1), "Euler a");
}

TEST(FakeEngine, WritesWhenEachRunBeganAndEnded) {
  const auto file = testing::TempDir() + "fake-engine-times";
  std::filesystem::remove(file);
  Recorder recorder;
  run_generation(*make_fake_engine(read_fake_switches("step_ms=2,times=" + file)),
                 small_job(7, "red"), recorder);
  std::ifstream lines(file);
  std::string begin, end;
  std::int64_t seed = 0, begun = 0, ended = 0;
  lines >> begin >> seed >> begun >> end >> seed >> ended;
  EXPECT_EQ(begin + " " + end, "begin end");
  EXPECT_EQ(seed, 7);
  EXPECT_GE(ended - begun, 2'000'000);
}

TEST(FakeEngine, RunsJobsAtTheSameTime) {
  const auto engine = make_fake_engine(read_fake_switches("step_ms=20,running_max=2"));
  EXPECT_EQ(engine->report().running_max, 2);
  // Each job waits at its first step until the other one has reached it.
  struct Meeting final : engine::JobObserver {
    explicit Meeting(std::latch& latch) : both(latch) {}
    void on_progress(const card::Progress& progress) override {
      if (progress.stage != "denoise" || std::exchange(arrived, true)) return;
      both.count_down();
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (!both.try_wait() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    void on_preview(const media::Image&) override {}
    bool cancelled() override { return false; }
    std::latch& both;
    bool arrived = false;
  };
  std::latch both(2);
  bool met[2] = {};
  {
    const auto run = [&](int which) {
      Meeting meeting(both);
      EXPECT_EQ(run_generation(*engine, small_job(1, "red"), meeting).images.size(), 1U);
      met[which] = both.try_wait();
    };
    const std::jthread one(run, 0), two(run, 1);
  }
  EXPECT_TRUE(met[0] && met[1]);
}

TEST(FakeEngine, AnUnknownSwitchIsRefused) {
  EXPECT_THROW(read_fake_switches("explode"), Error);
  EXPECT_THROW(read_fake_switches("step_ms=fast"), Error);
  EXPECT_EQ(read_fake_switches("hang,late_ms=7").late_ms, 7);
}

}  // namespace
}  // namespace atelier::worker
