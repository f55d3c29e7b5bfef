// The starter model follows its prompts: the engine makes the held-back prompts' pictures with
// the model's own settings, the analyser reads them back.
#include <gtest/gtest.h>

#include <array>
#include <boost/describe.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "../golden/generation_run.h"
#include "drawn_truth.h"
#include "engine/interface.h"
#include "json/describe.h"
#include "picture_check.h"

namespace atelier::starter {

// prompts.json as it is written; parts of an anonymous namespace cannot be described.
struct NamedObject {
  std::string shape, colour, place;
};
BOOST_DESCRIBE_STRUCT(NamedObject, (), (shape, colour, place))
struct Case {
  std::string prompt;
  std::uint64_t seed = 0;
  std::optional<std::string> background;
  std::vector<NamedObject> objects;
  std::string relation;
};
BOOST_DESCRIBE_STRUCT(Case, (), (prompt, seed, background, objects, relation))
struct CaseList {
  std::vector<Case> cases;
};
BOOST_DESCRIBE_STRUCT(CaseList, (), (cases))

namespace {

constexpr int kCases = 60;
constexpr int kRightAtLeast = 51;  // 85 %

class Silent final : public engine::JobObserver {
 public:
  void on_progress(const card::Progress&) override {}
  void on_preview(const media::Image&) override {}
  bool cancelled() override { return false; }
};

std::vector<Case> held_back_cases() {
  std::ifstream file(ATELIER_SOURCE_DIR "/tests/starter/prompts.json");
  std::stringstream text;
  text << file.rdbuf();
  return json::read_json<CaseList>(text.str()).cases;
}

Expectation facts_of(const Case& asked) {
  Expectation facts;
  if (asked.background) {
    const Colour background = colour_named(*asked.background).value();
    facts.background = background;
  }
  for (const NamedObject& object : asked.objects) {
    facts.objects.push_back({shape_named(object.shape).value(), colour_named(object.colour).value(),
                             place_named(object.place).value()});
  }
  facts.relation = relation_named(asked.relation).value();
  return facts;
}

class StarterPictures : public testing::Test {
 protected:
  void SetUp() override {
    const engine::EngineOptions options;
    engine_.reset(atelier_engine_create(&options));
  }

  // All other values are the model's defaults: size, steps, guidance, sampler, schedule.
  static golden::GenerationJob job(const std::string& prompt, std::uint64_t seed) {
    golden::GenerationJob job;
    job.model = {"atelier-starter-sd",
                 ATELIER_SOURCE_DIR "/starter/models/diffusers/atelier-starter-sd"};
    job.input.prompt = prompt;
    job.input.seed = seed;
    return job;
  }

  Verdict made_and_judged(const golden::GenerationJob& job, const Expectation& facts) {
    Silent observer;
    const golden::GenerationResult result = golden::run_generation(*engine_, job, observer);
    const media::Image& image = result.images.at(0);
    return judge(Picture{image.width, image.height, image.pixels}, facts);
  }

  struct Destroy {
    void operator()(engine::Engine* made) const { atelier_engine_destroy(made); }
  };
  std::unique_ptr<engine::Engine, Destroy> engine_;
};

TEST_F(StarterPictures, ShowEveryFactOfEightyFivePercentOfTheHeldBackPrompts) {
  const std::vector<Case> cases = held_back_cases();
  ASSERT_EQ(cases.size(), kCases);
  constexpr std::array kFacts = {&Verdict::background, &Verdict::count,  &Verdict::colours,
                                 &Verdict::shapes,     &Verdict::places, &Verdict::relation};
  std::array<int, kFacts.size()> right_facts{};
  int right = 0;
  for (const Case& asked : cases) {
    const Verdict verdict = made_and_judged(job(asked.prompt, asked.seed), facts_of(asked));
    for (std::size_t fact = 0; fact < kFacts.size(); ++fact) {
      right_facts[fact] += verdict.*kFacts[fact] ? 1 : 0;
    }
    right += verdict.right() ? 1 : 0;
    if (!verdict.right()) {
      std::printf("wrong: %s | %s\n", asked.prompt.c_str(), verdict.seen.c_str());
    }
  }
  std::printf(
      "%d of %d right; background %d, count %d, colours %d, shapes %d, places %d, relation %d\n",
      right, kCases, right_facts[0], right_facts[1], right_facts[2], right_facts[3], right_facts[4],
      right_facts[5]);
  EXPECT_GE(right, kRightAtLeast);
}

TEST_F(StarterPictures, ShowARedCircleOnABlueBackgroundForNearlyEverySeed) {
  const Expectation facts{Colour::kBlue, {{Shape::kCircle, Colour::kRed, Place::kAnywhere}}};
  constexpr int kSeeds = 20;
  int right = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Verdict verdict = made_and_judged(job("a red circle on a blue background", seed), facts);
    right += verdict.right() ? 1 : 0;
    if (!verdict.right())
      std::printf("seed %d: %s\n", static_cast<int>(seed), verdict.seen.c_str());
  }
  EXPECT_GE(right, kSeeds - 1);
}

// A small strength keeps the source for any prompt; a large strength follows the prompt.
TEST_F(StarterPictures, StartFromAPicture) {
  DrawnScene source;
  source.rgb.assign(static_cast<std::size_t>(source.width * source.height * 3), 250);
  drawn::paint(source, Shape::kSquare, {40, 80, 220}, {64, 64}, 28);
  const Expectation before{Colour::kWhite, {{Shape::kSquare, Colour::kBlue, Place::kCentre}}};
  const Expectation after{Colour::kBlack, {{Shape::kRing, Colour::kYellow, Place::kAnywhere}}};
  golden::GenerationJob change = job("a yellow ring on a black background", 3);
  change.image = media::Image{source.width, source.height, 3, source.rgb};
  change.input.strength = 0.1;
  const Verdict kept = made_and_judged(change, before);
  EXPECT_TRUE(kept.right()) << kept.seen;
  change.input.strength = 1.0;
  const Verdict changed = made_and_judged(change, after);
  EXPECT_TRUE(changed.right()) << changed.seen;
}

}  // namespace
}  // namespace atelier::starter
