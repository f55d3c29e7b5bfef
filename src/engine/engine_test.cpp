// The engine library as the worker sees it, on a tiny seeded model.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../../tests/golden/generation_run.h"
#include "../../tests/golden/tiny_model.h"
#include "engine/interface.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using golden::GenerationJob;
using golden::GenerationResult;

class Observer final : public JobObserver {
 public:
  void on_progress(const card::Progress& progress) override {
    stages.push_back(progress.stage);
    if (progress.stage == "denoise") {
      steps.push_back(progress.step);
      total = progress.total;
      if (progress.step == cancel_at) {
        cancel = true;
      }
    }
  }
  void on_preview(const media::Image& preview) override { previews.push_back(preview); }
  bool cancelled() override {
    cancel = cancel || ++polls == cancel_at_poll;
    polls_after_cancel += cancel ? 1 : 0;
    return cancel;
  }

  std::vector<std::string> stages;
  std::vector<int> steps;
  std::vector<media::Image> previews;
  int total = 0, cancel_at = -1, polls = 0, cancel_at_poll = -1, polls_after_cancel = 0;
  bool cancel = false;
};

class EngineLibrary : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new std::filesystem::path(std::filesystem::temp_directory_path() /
                                        ("atelier-engine-test-" + std::to_string(getpid())));
    std::ifstream file(ATELIER_SOURCE_DIR "/tests/golden/data/pipelines/sd15.json");
    std::stringstream text;
    text << file.rdbuf();
    golden::write_tiny_model(*folder_, boost::json::parse(text.str()).at("model").as_object());
    const EngineOptions options;
    engine_ = atelier_engine_create(&options);
  }
  static void TearDownTestSuite() {
    atelier_engine_destroy(engine_);
    std::filesystem::remove_all(*folder_);
    delete folder_;
  }

  GenerationJob job() const {
    GenerationJob job;
    job.model = {"tiny", folder_->string()};
    job.input.prompt = "a photo of a cat";
    job.input.steps = 3;
    job.input.seed = 7;
    return job;
  }
  static GenerationResult generate(const GenerationJob& job, JobObserver& observer) {
    return golden::run_generation(*engine_, job, observer);
  }
  static ErrorCode code_of(const GenerationJob& job) {
    Observer observer;
    try {
      generate(job, observer);
    } catch (const Error& error) {
      EXPECT_GT(std::string(error.what()).size(), 20U);
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::kInternal;
  }

  static std::filesystem::path* folder_;
  static Engine* engine_;
};

std::filesystem::path* EngineLibrary::folder_ = nullptr;
Engine* EngineLibrary::engine_ = nullptr;

TEST_F(EngineLibrary, HasTheVersionOfItsHeader) {
  EXPECT_EQ(atelier_engine_interface_version(), kEngineInterfaceVersion);
}

TEST_F(EngineLibrary, InspectsAModelFromItsFiles) {
  const card::ModelCard card = engine_->inspect({"tiny", folder_->string()});
  EXPECT_EQ(card.id, "tiny");
  EXPECT_EQ(card.native_width, 64);
  EXPECT_EQ(card.format, "diffusers");
  EXPECT_GT(card.memory.weights_bytes, 1000000);
  const card::ServedTask* generation = card::served(card, card::generate_task().id);
  ASSERT_NE(generation, nullptr);
  EXPECT_EQ(generation->parameters.size(), card::generate_task().parameters.size());
  EXPECT_EQ(card::find_parameter(generation->parameters, "width")->default_value, "64");
  const auto* sampler = card::find_parameter(generation->parameters, "sampler");
  EXPECT_EQ(sampler->default_value, "");
  EXPECT_EQ(sampler->choices.at(3), "euler_ancestral");
  EXPECT_EQ(sampler->choice_titles.at(3), "Euler a");
  EXPECT_EQ(card::find_parameter(generation->parameters, "schedule")->default_value, "automatic");
}

TEST_F(EngineLibrary, MakesAPictureAndSaysWhatItUsed) {
  Observer observer;
  GenerationJob asked = job();
  asked.input.preview_every = 1;
  const GenerationResult result = generate(asked, observer);
  ASSERT_EQ(result.images.size(), 1U);
  EXPECT_EQ(result.images[0].byte_count(), 64U * 64 * 3);
  EXPECT_EQ(result.used.sampler, "PLMS");
  EXPECT_EQ(result.used.seed, 7U);
  EXPECT_EQ(observer.total, 4);  // PLMS evaluates the network once more than it has steps
  EXPECT_EQ(observer.steps, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(observer.previews.size(), 4U);
  EXPECT_EQ(observer.stages.back(), "decode");
  EXPECT_GT(result.timing.at("step_ms_median"), 0);
  const auto memory = engine_->memory();
  ASSERT_EQ(memory.models.size(), 1U);
  EXPECT_EQ(memory.models.front().id, "tiny");
  EXPECT_GT(memory.models.front().bytes, 0);
}

TEST_F(EngineLibrary, PictureOfABatchEqualsTheSinglePictureOfItsSeed) {
  GenerationJob asked = job();
  asked.input.sampler = "Euler a";
  asked.input.batch = 3;
  Observer observer;
  const GenerationResult batch = generate(asked, observer);
  asked.input.batch = 1;
  asked.input.seed = 9;
  const GenerationResult single = generate(asked, observer);
  ASSERT_EQ(batch.images.size(), 3U);
  ASSERT_EQ(batch.images[2].pixels.size(), single.images[0].pixels.size());
  for (std::size_t i = 0; i < single.images[0].pixels.size(); ++i) {
    ASSERT_NEAR(batch.images[2].pixels[i], single.images[0].pixels[i], 1);
  }
  EXPECT_NE(batch.images[0].pixels, batch.images[1].pixels);
}

TEST_F(EngineLibrary, CancelsInsideAStepAndGoesOnWithTheNextJob) {
  GenerationJob asked = job();
  asked.input.steps = 50;
  Observer observer;
  observer.cancel_at = 1;
  try {
    generate(asked, observer);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(observer.steps.back(), 1);
  EXPECT_EQ(observer.polls_after_cancel, 1);
  Observer fresh;
  EXPECT_EQ(generate(job(), fresh).images.size(), 1U);
}

TEST_F(EngineLibrary, CancelsWhileAPhotographIsMadeSmall) {
  GenerationJob asked = job();
  asked.image = media::Image{8000, 6000, 3, {}};
  asked.image->pixels.assign(asked.image->byte_count(), 90);
  asked.input.strength = 0.5;
  for (const int poll : {100, 3000, 5900}) {  // rows of the photograph
    Observer observer;
    observer.cancel_at_poll = poll;
    try {
      generate(asked, observer);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    }
    EXPECT_EQ(observer.polls_after_cancel, 1);
    EXPECT_TRUE(observer.steps.empty());
  }
  // Thousands of polls for one picture, milliseconds apart for any size.
  Observer fresh;
  EXPECT_EQ(generate(asked, fresh).images.size(), 1U);
  EXPECT_GT(fresh.polls, 6000);
}

TEST_F(EngineLibrary, EnlargesWhatIsFarAboveTheNativeSize) {
  GenerationJob asked = job();
  asked.input.width = 512;
  asked.input.height = 256;
  Observer observer;
  const GenerationResult result = generate(asked, observer);
  EXPECT_EQ(result.images[0].width, 512);
  EXPECT_EQ(result.images[0].height, 256);
  EXPECT_EQ(result.used.made_width, 88);
  EXPECT_EQ(result.used.made_height, 64);
  ASSERT_EQ(result.used.warnings.size(), 1U);
}

TEST_F(EngineLibrary, RunsInSixteenBitsAndFarFromGrey) {
  GenerationJob asked = job();
  Observer observer;
  const media::Image exact = generate(asked, observer).images[0];
  asked.input.dtype = "bf16";
  const GenerationResult rough = generate(asked, observer);
  EXPECT_EQ(rough.used.dtype, "bf16");
  double difference = 0;
  for (std::size_t i = 0; i < exact.pixels.size(); ++i) {
    difference += std::abs(exact.pixels[i] - rough.images[0].pixels[i]);
  }
  EXPECT_LT(difference / static_cast<double>(exact.pixels.size()), 12);
  const auto [low, high] = std::minmax_element(exact.pixels.begin(), exact.pixels.end());
  EXPECT_LT(*low, 40);
  EXPECT_GT(*high, 215);
}

TEST_F(EngineLibrary, RefusesNonsenseWithASentence) {
  GenerationJob asked = job();
  asked.input.dtype = "int4";
  EXPECT_EQ(code_of(asked), ErrorCode::kInvalidArgument);
  asked = job();
  asked.input.clip_skip = 40;
  EXPECT_EQ(code_of(asked), ErrorCode::kInvalidArgument);
  asked = job();
  asked.input.sampler = "LMS";
  EXPECT_EQ(code_of(asked), ErrorCode::kUnsupported);
  asked = job();
  asked.model.path = "/nowhere/at/all";
  EXPECT_EQ(code_of(asked), ErrorCode::kNotFound);
  asked = job();
  asked.image = media::Image{5, 5, 3, {1, 2, 3}};
  EXPECT_EQ(code_of(asked), ErrorCode::kInvalidArgument);
}

TEST_F(EngineLibrary, ReportsTheDeviceAndListsSamplers) {
  const EngineReport report = engine_->report();
  EXPECT_GT(report.sgemm_gflops, 0);
  EXPECT_GE(report.threads, 1);
  EXPECT_FALSE(report.blas.empty());
  EXPECT_FALSE(report.libtorch.empty());
  const auto& dtypes = report.dtypes;
  EXPECT_NE(std::ranges::find(dtypes, report.compute_dtype), dtypes.end());
  EXPECT_EQ(dtypes, (std::vector<std::string>{"fp32", "bf16"}));  // of a processor
  const auto samplers = engine_->samplers();
  for (const char* id : {"euler", "dpmpp_2m", "ddim"}) {
    const auto found = std::ranges::find(samplers, id, &card::NamedChoice::id);
    EXPECT_TRUE(found != samplers.end() && found->available) << id;
  }
  EXPECT_GT(engine_->memory().device_bytes_total, 0);
  engine_->unload_all();
  EXPECT_TRUE(engine_->memory().models.empty());
}

}  // namespace
}  // namespace atelier::engine
