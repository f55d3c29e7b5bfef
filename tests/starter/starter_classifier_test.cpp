// The starter classifier, run by the engine: it finds the drawn sign in pictures that nothing was
// trained on, and takes nothing else for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "card/tasks/classify.h"
#include "media/image/resample.h"
#include "starter_run.h"

namespace atelier::starter {
namespace {

constexpr int kPicturesOfALabel = 40;
constexpr int kRightAtLeast = 38;  // 95 %

engine::ModelFiles model() {
  return {"vision/atelier-starter-classifier",
          ATELIER_SOURCE_DIR "/starter/models/vision/atelier-starter-classifier"};
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

class StarterClassifier : public StarterRun {
 protected:
  card::ClassifyFacts classified(const media::Image& picture) {
    const auto result = run("classify", model(), card::ClassifyInput{}, picture);
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
