// The contract of engines behind engine/interface.h: the same cases run against the fake
// engine and against the library of the CPU engine with the starter model, so that tests on the
// fake one are valid for the real one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "card/all_tasks.h"
#include "card/named_choices.h"
#include "card/tasks/classify.h"
#include "card/validation.h"
#include "platform/error.h"
#include "tests/golden/generation_run.h"
#include "tests/golden/suspending_observer.h"
#include "tests/golden/tiny_classifier.h"
#include "worker/engine_library.h"
#include "worker/fake_engine.h"

namespace atelier::worker {
namespace {

using golden::GenerationJob;
using golden::GenerationResult;

constexpr int kSteps = 3;

// Of the build tree, empty where libtorch is not there.
std::string library() {
  const char* path = std::getenv("ATELIER_ENGINE_LIBRARY");
  return path == nullptr ? "" : path;
}

EnginePtr make_engine(const std::string& name) {
  if (name == "fake") {
    return {make_fake_engine(read_fake_switches("step_ms=0")).release(),
            [](engine::Engine* engine) { delete engine; }};
  }
  engine::EngineOptions options;
  options.threads = 1;
  return load_engine(library(), options);
}

engine::Engine& engine_named(const std::string& name) {
  static std::map<std::string, EnginePtr> engines;
  if (!engines.contains(name)) engines.emplace(name, make_engine(name));
  return *engines.at(name);
}

class Observer final : public engine::JobObserver {
 public:
  void on_progress(const card::Progress& progress) override { progresses.push_back(progress); }
  void on_preview(const media::Image& preview) override { previews.push_back(preview); }
  bool cancelled() override {
    ++polls;
    return polls == cancel_at_poll ||
           (cancel_after && !progresses.empty() && cancel_after(progresses.back()));
  }

  std::vector<std::string> stages() const {  // each once
    std::vector<std::string> names;
    for (const auto& progress : progresses) {
      if (names.empty() || names.back() != progress.stage) names.push_back(progress.stage);
    }
    return names;
  }

  std::vector<card::Progress> progresses;
  std::vector<media::Image> previews;
  int polls = 0, cancel_at_poll = 0;
  std::function<bool(const card::Progress& last)> cancel_after;
};

class EngineContract : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "cpu" && library().empty()) {
      GTEST_SKIP() << "no engine library is built here";
    }
    engine_ = &engine_named(GetParam());
    engine_->unload_all();
  }

  static GenerationJob job() {
    GenerationJob job;
    job.model = {"starter", ATELIER_SOURCE_DIR "/starter/models/diffusers/atelier-starter-sd"};
    job.input.prompt = "a red circle";
    job.input.sampler = "euler";
    job.input.width = job.input.height = 64;
    job.input.steps = kSteps;
    job.input.seed = 18446744073709551615ULL;
    return job;
  }
  // With a tiny model that is written for the test.
  static engine::RunRequest classification(int frames) {
    static const std::string folder = [] {
      const std::string path = testing::TempDir() + "contract-classifier";
      golden::write_tiny_classifier(path);
      return path;
    }();
    engine::RunRequest request;
    request.task = card::classify_task().id;
    request.input_json = "{}";
    request.models["model"] = {"tiny", folder};
    for (int i = 0; i < frames; ++i) {
      const auto level = static_cast<std::uint8_t>(60 * i);
      request.attachments["image"].push_back(
          {{48, 40, 3, std::vector<std::uint8_t>(48 * 40 * 3, level)}, i});
    }
    return request;
  }
  GenerationResult run(const GenerationJob& job, engine::JobObserver& observer) const {
    return golden::run_generation(*engine_, job, observer);
  }
  ErrorCode failure_of(engine::RunRequest request) const {
    Observer observer;
    return failure_of(std::move(request), observer);
  }
  ErrorCode failure_of(engine::RunRequest request, engine::JobObserver& observer) const {
    try {
      engine_->run(std::move(request), observer);
    } catch (const Error& error) {
      EXPECT_GT(std::string(error.what()).size(), 20U);
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::kInternal;
  }

  engine::Engine* engine_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(OfEach, EngineContract, testing::Values("fake", "cpu"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(EngineContract, RunsEveryTaskThatIsDescribed) {
  std::vector<std::string> described;
  for (const auto* task : card::all_tasks()) {
    if (!task->steps) described.push_back(task->id);
  }
  EXPECT_EQ(engine_->tasks(), described);
  EXPECT_GE(engine_->report().running_max, 1);
}

TEST_P(EngineContract, ItsCardServesTheTaskWithRowsThatAcceptItsOwnNames) {
  const auto card = engine_->inspect(job().model);
  EXPECT_EQ(card.id, "starter");
  const auto* generation = card::served(card, card::generate_task().id);
  ASSERT_NE(generation, nullptr);
  EXPECT_EQ(generation->parameters.size(), card::generate_task().parameters.size());
  auto input = card::TaskInput::of(card::generate_task(), job().input);
  card::check_input(input, card, {});
  for (const auto& [list, member] :
       {std::pair{engine_->samplers(), "sampler"}, std::pair{engine_->schedules(), "schedule"}}) {
    const auto* row = card::find_parameter(generation->parameters, member);
    ASSERT_EQ(row->choices.size(), row->choice_titles.size());
    std::size_t available = 0;
    for (const auto& choice : list) {
      if (!choice.available) continue;
      ++available;
      card::check_input(input.with_text(member, choice.id), card, {});
    }
    EXPECT_EQ(row->choices.size(), available);
    const bool known = std::ranges::find(row->choices, row->default_value) != row->choices.end();
    EXPECT_TRUE(row->default_value.empty() || known) << row->default_value;
  }
}

TEST_P(EngineContract, ReportsLoadingThenEachStepThenDecoding) {
  Observer observer;
  auto asked = job();
  asked.input.preview_every = 1;
  run(asked, observer);
  auto stages = observer.stages();
  EXPECT_EQ(stages.front(), "load");
  std::erase(stages, "encode");  // the fake engine has no text encoder
  EXPECT_EQ(stages, (std::vector<std::string>{"load", "denoise", "decode"}));
  int last = -1;
  for (const auto& progress : observer.progresses) {
    if (progress.stage != "denoise") continue;
    EXPECT_GT(progress.step, last);
    EXPECT_EQ(progress.total, kSteps);
    last = progress.step;
  }
  EXPECT_EQ(last, kSteps);
  EXPECT_EQ(observer.previews.size(), static_cast<std::size_t>(kSteps));
  const auto memory = engine_->memory();
  ASSERT_EQ(memory.models.size(), 1U);
  EXPECT_EQ(memory.models.front().id, "starter");
  EXPECT_GT(memory.models.front().bytes, 0);
  // The second time it is in memory.
  Observer again;
  run(asked, again);
  EXPECT_NE(again.stages().front(), "load");
}

TEST_P(EngineContract, ReturnsPicturesAndFactsThatTheTaskCanRead) {
  Observer observer;
  auto asked = job();
  asked.input.batch = 2;
  const engine::RunResult raw = engine_->run(golden::request_of(asked), observer);
  for (const auto& output : raw.outputs) EXPECT_EQ(output.kind, "picture");
  const GenerationResult made = golden::read_result(raw);
  ASSERT_EQ(made.images.size(), 2U);
  for (const auto& image : made.images) {
    EXPECT_EQ(image.width, 64);
    EXPECT_EQ(image.height, 64);
    EXPECT_EQ(image.channels, 3);
    EXPECT_EQ(image.pixels.size(), image.byte_count());
  }
  EXPECT_NE(made.images[0].pixels, made.images[1].pixels);
  EXPECT_EQ(made.used.model, "starter");
  EXPECT_EQ(made.used.sampler, "Euler");
  EXPECT_EQ(made.used.prompt, "a red circle");
  EXPECT_EQ(made.used.seed, 18446744073709551615ULL);
  EXPECT_EQ(made.used.steps, kSteps);
  EXPECT_EQ(made.used.width, 64);
  EXPECT_EQ(made.used.made_height, 64);
  EXPECT_EQ(made.used.batch, 2);
  EXPECT_FALSE(made.used.strength);
  std::set<std::string> stages;
  for (const auto& [stage, ms] : made.timing) {
    stages.insert(stage);
    EXPECT_GE(ms, 0) << stage;
  }
  EXPECT_EQ(stages, (std::set<std::string>{"load_ms", "encode_ms", "denoise_ms", "decode_ms",
                                           "step_ms_median"}));
}

TEST_P(EngineContract, TakesAPictureAndAMaskByTheirRoles) {
  auto asked = job();
  asked.image = media::Image{64, 64, 3, std::vector<std::uint8_t>(64 * 64 * 3, 90)};
  asked.mask = media::Image{64, 64, 1, std::vector<std::uint8_t>(64 * 64, 0)};
  std::fill_n(asked.mask->pixels.begin(), 64 * 16, 255);  // above
  asked.input.strength = 1;
  Observer observer;
  const GenerationResult made = run(asked, observer);
  EXPECT_EQ(made.used.strength, 1);
  EXPECT_EQ(made.used.keep_outside, true);
  const auto& pixels = made.images.at(0).pixels;
  EXPECT_EQ(pixels.back(), 90);
  EXPECT_TRUE(std::any_of(pixels.begin(), pixels.begin() + 64 * 3,
                          [](std::uint8_t pixel) { return pixel != 90; }));
}

TEST_P(EngineContract, RefusesWhatItCannotRunAndGoesOn) {
  auto request = golden::request_of(job());
  request.task = "fold laundry";
  EXPECT_EQ(failure_of(request), ErrorCode::kUnsupported);
  request = golden::request_of(job());
  request.models.clear();
  EXPECT_EQ(failure_of(request), ErrorCode::kInvalidArgument);
  request = golden::request_of(job());
  request.models["model"].path = "/nowhere/at/all";
  EXPECT_EQ(failure_of(request), ErrorCode::kNotFound);
  for (const char* const unreadable : {"", "{", "[]", R"({"steps":"many"})"}) {
    request = golden::request_of(job());
    request.input_json = unreadable;
    EXPECT_EQ(failure_of(request), ErrorCode::kInvalidArgument) << unreadable;
  }
  auto asked = job();
  asked.input.sampler = "lms";
  EXPECT_EQ(failure_of(golden::request_of(asked)), ErrorCode::kUnsupported);
  asked.input.sampler = "no such";
  EXPECT_EQ(failure_of(golden::request_of(asked)), ErrorCode::kInvalidArgument);
  asked = job();
  asked.image = media::Image{64, 64, 3, std::vector<std::uint8_t>(64 * 64 * 3, 90)};
  asked.input.strength = 0.1;  // leaves no step
  EXPECT_EQ(failure_of(golden::request_of(asked)), ErrorCode::kInvalidArgument);
  Observer observer;
  EXPECT_EQ(run(job(), observer).images.size(), 1U);
}

TEST_P(EngineContract, IsCancelledBeforeItStartsAndWhileItLoads) {
  Observer at_once;
  at_once.cancel_at_poll = 1;
  EXPECT_EQ(failure_of(golden::request_of(job()), at_once), ErrorCode::kCancelled);
  EXPECT_EQ(at_once.polls, 1);
  engine_->unload_all();
  Observer loading;
  loading.cancel_after = [](const card::Progress& last) { return last.stage == "load"; };
  EXPECT_EQ(failure_of(golden::request_of(job()), loading), ErrorCode::kCancelled);
  EXPECT_EQ(loading.stages(), std::vector<std::string>{"load"});
  Observer observer;
  EXPECT_EQ(run(job(), observer).images.size(), 1U);
}

TEST_P(EngineContract, IsCancelledAtEachStep) {
  for (int step = 1; step <= kSteps; ++step) {
    Observer observer;
    observer.cancel_after = [step](const card::Progress& last) {
      return last.stage == "decode" || (last.stage == "denoise" && last.step == step);
    };
    EXPECT_EQ(failure_of(golden::request_of(job()), observer), ErrorCode::kCancelled) << step;
    int last = 0;
    for (const auto& progress : observer.progresses) {
      if (progress.stage == "denoise") last = progress.step;
    }
    EXPECT_EQ(last, step);
  }
}

TEST_P(EngineContract, EveryPollThatReturnsCancelledEndsTheRun) {
  Observer whole;
  run(job(), whole);
  const int count = whole.polls;
  ASSERT_GT(count, kSteps);
  std::set<int> polls{1, 2, 3, count};
  for (int poll = 1; poll < count; poll += std::max(1, count / 8)) polls.insert(poll);
  for (const int poll : polls) {
    engine_->unload_all();
    Observer observer;
    observer.cancel_at_poll = poll;
    EXPECT_EQ(failure_of(golden::request_of(job()), observer), ErrorCode::kCancelled) << poll;
    EXPECT_EQ(observer.polls, poll);
  }
}

TEST_P(EngineContract, ASuspendedRunMakesTheSamePictureWhileAnotherOneRuns) {
  golden::SuspendingObserver undisturbed;
  const auto expected = engine_->run(golden::request_of(job()), undisturbed);
  EXPECT_TRUE(undisturbed.steps.empty());
  engine_->unload_all();
  golden::SuspendingObserver observer;
  observer.at = golden::spread(undisturbed.questions, 6);
  observer.meanwhile = [&] {
    std::jthread([&] {
      engine_->evict("starter");
      engine_->unload_all();
      const auto models = engine_->memory().models;
      for (const auto& model : models) EXPECT_EQ(model.id, "starter");
      Observer other;
      EXPECT_EQ(engine_->run(classification(1), other).outputs.size(), 1U);
      auto same_model = job();
      same_model.input.seed = 1;
      EXPECT_EQ(run(same_model, other).images.size(), 1U);
      engine_->evict("tiny");
      engine_->give_back_memory();
    }).join();
  };
  const auto made = engine_->run(golden::request_of(job()), observer);
  EXPECT_GE(observer.steps.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(observer.steps));
  EXPECT_LE(observer.steps.back(), kSteps);
  EXPECT_EQ(made.outputs.at(0).picture.pixels, expected.outputs.at(0).picture.pixels);
  EXPECT_EQ(made.facts_json, expected.facts_json);
  EXPECT_EQ(made.peak_bytes, 0);
  ASSERT_EQ(engine_->memory().models.size(), 1U);
  engine_->evict("starter");
  EXPECT_TRUE(engine_->memory().models.empty());
}

TEST_P(EngineContract, ASuspendedRunIsCancelled) {
  golden::SuspendingObserver whole;
  run(job(), whole);
  for (const int question : golden::spread(whole.questions, 4)) {
    engine_->unload_all();
    golden::SuspendingObserver observer;
    observer.at = {question};
    observer.meanwhile = [&] { observer.cancel = true; };
    EXPECT_EQ(failure_of(golden::request_of(job()), observer), ErrorCode::kCancelled) << question;
    EXPECT_EQ(observer.steps.size(), 1U);
  }
  Observer observer;
  EXPECT_EQ(run(job(), observer).images.size(), 1U);
}

TEST_P(EngineContract, ATaskThatCannotWaitIsNotAskedTo) {
  golden::SuspendingObserver observer;
  observer.at = {1, 2, 3};
  EXPECT_EQ(engine_->run(classification(2), observer).outputs.size(), 1U);
  EXPECT_EQ(observer.questions, 0);
  EXPECT_TRUE(observer.steps.empty());
}

TEST_P(EngineContract, ClassifiesIntoLabelsAndFactsThatTheTaskCanRead) {
  Observer observer;
  const auto result = engine_->run(classification(3), observer);
  EXPECT_EQ(observer.stages(), (std::vector<std::string>{"load", "frame"}));
  const auto& last = observer.progresses.back();
  EXPECT_GT(last.total, 0);
  EXPECT_EQ(last.step, last.total);
  ASSERT_EQ(result.outputs.size(), 1U);
  EXPECT_EQ(result.outputs[0].kind, "labels");
  const auto labels = json::read_json<std::vector<card::LabelScore>>(result.outputs[0].json);
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_GE(labels[0].score, labels[1].score);
  EXPECT_NEAR(labels[0].score + labels[1].score, 1, 1e-5);
  std::set<std::string> names;
  for (const auto& entry : labels) names.insert(entry.label);
  EXPECT_EQ(names, (std::set<std::string>{"marked", "plain"}));
  const card::TaskFacts facts(card::classify_task(), json::parse(result.facts_json));
  EXPECT_EQ(facts.as<card::ClassifyFacts>().model, "tiny");
  EXPECT_EQ(result.timing.count("load_ms"), 1U);
  EXPECT_EQ(result.timing.count("run_ms"), 1U);
}

TEST_P(EngineContract, RefusesToClassifyNothing) {
  EXPECT_EQ(failure_of(classification(0)), ErrorCode::kInvalidArgument);
}

TEST_P(EngineContract, StopsClassifyingWhenItIsCancelled) {
  for (const char* const stage : {"load", "frame"}) {
    engine_->unload_all();
    Observer observer;
    observer.cancel_after = [&](const card::Progress& last) { return last.stage == stage; };
    EXPECT_EQ(failure_of(classification(3), observer), ErrorCode::kCancelled) << stage;
    EXPECT_EQ(observer.stages().back(), stage);
    if (std::string(stage) == "frame") {
      EXPECT_LT(observer.progresses.back().step, observer.progresses.back().total);
    }
  }
}

// Aliases are compared as names are: without case, spaces and punctuation.
bool knows(const card::NamedChoice& choice, const std::string& alias) {
  return std::ranges::any_of(choice.aliases, [&](const std::string& known) {
    return card::comparable(known) == card::comparable(alias);
  });
}

void expect_a_part(const std::vector<card::NamedChoice>& fake,
                   const std::vector<card::NamedChoice>& real) {
  for (const auto& choice : fake) {
    SCOPED_TRACE(choice.id);
    const auto found = std::ranges::find(real, choice.id, &card::NamedChoice::id);
    ASSERT_NE(found, real.end());
    EXPECT_EQ(choice.title, found->title);
    EXPECT_EQ(choice.available, found->available);
    for (const auto& alias : choice.aliases) EXPECT_TRUE(knows(*found, alias)) << alias;
  }
}

TEST(EngineContractNames, OfTheFakeEngineAreAPartOfTheRealOnes) {
  if (library().empty()) GTEST_SKIP() << "no engine library is built here";
  expect_a_part(engine_named("fake").samplers(), engine_named("cpu").samplers());
  expect_a_part(engine_named("fake").schedules(), engine_named("cpu").schedules());
}

}  // namespace
}  // namespace atelier::worker
