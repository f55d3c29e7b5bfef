// Runs of the engine library that are suspended at many points, on tiny seeded models: what they
// make is the same as without.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "../../tests/golden/generation_run.h"
#include "../../tests/golden/suspending_observer.h"
#include "../../tests/golden/tiny_model.h"
#include "engine/interface.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using golden::GenerationJob;
using golden::SuspendingObserver;

struct Made {
  std::vector<std::vector<std::uint8_t>> pictures, previews;
  std::string facts;

  bool operator==(const Made&) const = default;
};

class SuspendedRuns : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new std::filesystem::path(std::filesystem::temp_directory_path() /
                                        ("atelier-suspension-test-" + std::to_string(getpid())));
    for (const std::string name : {"sd15", "sdxl"}) {
      std::ifstream file(std::string(ATELIER_SOURCE_DIR "/tests/golden/data/pipelines/") + name +
                         ".json");
      std::stringstream text;
      text << file.rdbuf();
      golden::write_tiny_model(*folder_ / name,
                               boost::json::parse(text.str()).at("model").as_object());
    }
    EngineOptions options;
    options.threads = 2;
    engine_ = atelier_engine_create(&options);
  }
  static void TearDownTestSuite() {
    atelier_engine_destroy(engine_);
    std::filesystem::remove_all(*folder_);
    delete folder_;
  }

  static GenerationJob job(const std::string& model = "sd15") {
    GenerationJob job;
    job.model = {model, (*folder_ / model).string()};
    job.input.prompt = "a photo of a cat";
    job.input.width = job.input.height = 64;
    job.input.steps = 3;
    job.input.seed = 7;
    job.input.preview_every = 1;
    return job;
  }
  static media::Image picture(int channels) {
    media::Image image{64, 64, channels, {}};
    for (int i = 0; i < 64 * 64 * channels; ++i) {
      image.pixels.push_back(static_cast<std::uint8_t>(i * 7 % 251));
    }
    return image;
  }
  static Made make(const GenerationJob& job, SuspendingObserver& observer) {
    const RunResult result = engine_->run(golden::request_of(job), observer);
    Made made{{}, observer.previews, result.facts_json};
    for (const Output& output : result.outputs) made.pictures.push_back(output.picture.pixels);
    EXPECT_TRUE(observer.steps.empty() || result.peak_bytes == 0);
    return made;
  }
  // The whole of another job, on a thread of its own as the worker has it.
  static void run_another(const GenerationJob& job) {
    std::jthread([&] {
      SuspendingObserver observer;
      make(job, observer);
    }).join();
  }
  // Suspends the job at `count` points, another job in between.
  static void expect_the_same(const GenerationJob& asked, int count,
                              const GenerationJob& other = job()) {
    SuspendingObserver whole;
    const Made expected = make(asked, whole);
    SuspendingObserver observer;
    observer.at = golden::spread(whole.questions, count);
    observer.meanwhile = [&] { run_another(other); };
    const Made made = make(asked, observer);
    EXPECT_GE(observer.steps.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(made, expected);
  }

  static std::filesystem::path* folder_;
  static Engine* engine_;
};

std::filesystem::path* SuspendedRuns::folder_ = nullptr;
Engine* SuspendedRuns::engine_ = nullptr;

TEST_F(SuspendedRuns, MakeTheSamePictureWithEverySampler) {
  auto other = job("sdxl");
  other.input.steps = 1;
  SuspendingObserver loading;  // later runs find the model in memory
  make(job(), loading);
  for (const card::NamedChoice& sampler : engine_->samplers()) {
    if (!sampler.available) continue;
    SCOPED_TRACE(sampler.id);
    auto asked = job();
    asked.input.sampler = sampler.id;
    asked.input.steps = 5;
    expect_the_same(asked, 5, other);
  }
}

TEST_F(SuspendedRuns, MakeTheSamePicturesOfEveryKind) {
  auto asked = job();
  asked.input.sampler = "dpmpp_2m_sde";
  asked.input.batch = 2;
  {
    SCOPED_TRACE("batch");
    expect_the_same(asked, 12);
  }
  asked.image = picture(3);
  asked.input.strength = 0.7;
  {
    SCOPED_TRACE("image to image");
    expect_the_same(asked, 12);
  }
  asked.mask = picture(1);
  {
    SCOPED_TRACE("inpainting");
    expect_the_same(asked, 12);
  }
  asked = job("sdxl");
  asked.input.sampler = "euler_ancestral";
  asked.input.guidance_end = 0.5;
  asked.input.width = 256;  // enlarged afterwards
  asked.input.height = 128;
  {
    SCOPED_TRACE("sdxl");
    expect_the_same(asked, 12);
  }
  asked.input.tile_vae = true;
  {
    SCOPED_TRACE("tiles");
    expect_the_same(asked, 12);
  }
}

TEST_F(SuspendedRuns, AreLeftInEveryStage) {
  engine_->unload_all();
  auto asked = job();
  asked.image = picture(3);
  SuspendingObserver whole;
  make(asked, whole);
  engine_->unload_all();
  // Once in each: a part that was left is done again, and asks again.
  SuspendingObserver observer;
  std::set<std::string> stages;
  observer.wanted = [&] {
    return !observer.progresses.empty() && !stages.contains(observer.progresses.back().stage);
  };
  observer.meanwhile = [&] { stages.insert(observer.progresses.back().stage); };
  make(asked, observer);
  EXPECT_EQ(stages, (std::set<std::string>{"load", "encode", "denoise", "decode"}));
}

TEST_F(SuspendedRuns, KeepTheirModelWhileAnotherOneComesAndGoes) {
  SuspendingObserver whole;
  const Made expected = make(job(), whole);
  engine_->unload_all();
  SuspendingObserver observer;
  observer.at = golden::spread(whole.questions, 4);
  observer.meanwhile = [&] {
    engine_->evict("sd15");
    run_another(job("sdxl"));
    auto precise = job();  // another form of the same model
    precise.input.precise = true;
    run_another(precise);
    engine_->evict("sdxl");
    engine_->unload_all();
    engine_->give_back_memory();
  };
  EXPECT_EQ(make(job(), observer), expected);
  EXPECT_EQ(engine_->memory().models.size(), 1U);
}

TEST_F(SuspendedRuns, AreCancelledWhileAnotherJobRuns) {
  SuspendingObserver observer;
  observer.at = {40};
  std::jthread other;
  observer.meanwhile = [&] {
    auto longer = job();
    longer.input.steps = 20;
    other = std::jthread([longer] {
      SuspendingObserver alone;
      make(longer, alone);
    });
    observer.cancel = true;
  };
  try {
    make(job(), observer);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  other.join();
  SuspendingObserver fresh;
  EXPECT_EQ(make(job(), fresh).pictures.size(), 1U);
}

TEST_F(SuspendedRuns, ATimeThatTheyWaitedIsNotInTheirTiming) {
  engine_->unload_all();
  SuspendingObserver whole;
  make(job(), whole);
  engine_->unload_all();
  SuspendingObserver observer;
  observer.at = golden::spread(whole.questions, 4);
  observer.meanwhile = [] { std::this_thread::sleep_for(std::chrono::seconds(1)); };
  const RunResult result = engine_->run(golden::request_of(job()), observer);
  ASSERT_GE(observer.steps.size(), 4U);
  double sum = 0;
  for (const auto& [stage, ms] : result.timing) sum += ms;
  EXPECT_LT(sum, 1000.0 * static_cast<double>(observer.steps.size()));
}

}  // namespace
}  // namespace atelier::engine
