// The starter classifier, run by the engine: it finds the drawn sign in pictures that nothing was
// trained on, and takes nothing else for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "card/tasks/classify.h"
#include "drawn_sign.h"
#include "engine/interface.h"
#include "json/describe.h"
#include "media/image/resample.h"

namespace atelier::starter {
namespace {

constexpr int kPicturesOfALabel = 40;
constexpr int kRightAtLeast = 38;  // 95 %

class Silent final : public engine::JobObserver {
 public:
  void on_progress(const card::Progress&) override {}
  void on_preview(const media::Image&) override {}
  bool cancelled() override { return false; }
};

engine::ModelFiles model() {
  return {"vision/atelier-starter-classifier",
          ATELIER_SOURCE_DIR "/starter/models/vision/atelier-starter-classifier"};
}

media::Image picture_of(const DrawnScene& scene) {
  return {scene.width, scene.height, 3, scene.rgb};
}

media::Image marked_picture(std::uint32_t seed) {
  DrawnScene scene = draw_truth(8 * seed, false);  // of 128x128
  draw_sign(scene, Sign::kMark, seed);
  return picture_of(scene);
}

// Every other one with something that looks like the sign.
media::Image plain_picture(std::uint32_t seed) {
  DrawnScene scene = draw_truth(8 * seed, false);
  if (seed % 2 == 0) draw_sign(scene, kConfusers[seed / 2 % kConfusers.size()], seed);
  return picture_of(scene);
}

class StarterClassifier : public testing::Test {
 protected:
  void SetUp() override {
    const engine::EngineOptions options;
    engine_.reset(atelier_engine_create(&options));
  }

  card::ClassifyFacts classified(const media::Image& picture) {
    Silent observer;
    engine::RunRequest request;
    request.task = "classify";
    request.input_json = json::write_json(card::ClassifyInput{});
    request.models["model"] = model();
    request.attachments["image"] = {{.image = picture}};
    const auto result = engine_->run(std::move(request), observer);
    return json::read_json<card::ClassifyFacts>(result.facts_json);
  }

  template <class Draw>
  int right(const char* label, std::uint32_t first_seed, Draw draw) {
    int count = 0;
    for (std::uint32_t i = 0; i < kPicturesOfALabel; ++i) {
      const card::ClassifyFacts facts = classified(draw(first_seed + i));
      if (facts.label == label) {
        ++count;
      } else {
        std::printf("%s, seed %u: %s %.3f\n", label, first_seed + i, facts.label.c_str(),
                    facts.score);
      }
    }
    std::printf("%s: %d of %d\n", label, count, kPicturesOfALabel);
    return count;
  }

  struct Destroy {
    void operator()(engine::Engine* made) const { atelier_engine_destroy(made); }
  };
  std::unique_ptr<engine::Engine, Destroy> engine_;
};

TEST_F(StarterClassifier, FindsTheSign) {
  EXPECT_GE(right("marked", 1000, marked_picture), kRightAtLeast);
}

TEST_F(StarterClassifier, TakesNothingElseForTheSign) {
  EXPECT_GE(right("plain", 2000, plain_picture), kRightAtLeast);
}

TEST_F(StarterClassifier, FindsTheSignInALargePicture) {
  const auto large = media::resize(marked_picture(1000), 700, 700, media::Filter::kLanczos);
  const card::ClassifyFacts facts = classified(large);
  EXPECT_EQ(facts.label, "marked");
  EXPECT_EQ(facts.source_width, 700);
}

TEST_F(StarterClassifier, SaysWhatItIs) {
  const card::ModelCard card = engine_->inspect(model());
  EXPECT_EQ(card.title, "Atelier starter classifier");
  EXPECT_NE(card.description.find("red ring"), std::string::npos);
  const card::ClassifyFacts facts = classified(plain_picture(2001));
  EXPECT_EQ(facts.flagged, "marked");
}

}  // namespace
}  // namespace atelier::starter
