#include "domain/jobs/input_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "card/tasks/generate.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

using card::GenerationInput;
using testing::HasSubstr;
using testing::StartsWith;

card::ModelCard painter() {
  card::ModelCard model;
  model.id = "painter";
  model.capabilities = {"text_to_image", "image_to_image", "inpaint"};
  return model;
}

// The refusal's sentence, "" when the input is accepted.
std::string refusal(const std::function<void(GenerationInput&)>& change,
                    const card::Roles& attached = {}, const card::ModelCard& model = painter()) {
  GenerationInput input;
  input.prompt = "a red circle";
  change(input);
  try {
    check_job_input(card::TaskInput::of(card::generate_task(), input), model, attached);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return FieldNames{}.spelled(error).field() + ": " + error.what();
  }
  return "";
}

std::vector<std::string> ignored(const GenerationInput& input, const card::Roles& attached) {
  return warnings_of(card::TaskInput::of(card::generate_task(), input), attached, {});
}

TEST(InputRules, AcceptUsualRequests) {
  EXPECT_EQ(refusal([](auto& input) {
              input.width = 1536;
              input.height = 640;
              input.steps = 30;
              input.guidance = 7.5;
              input.batch = 4;
              input.clip_skip = 2;
            }),
            "");
  EXPECT_EQ(refusal([](auto&) {}), "");
}

TEST(InputRules, NameTheFieldOfASizeOutOfRange) {
  for (const int side : {0, -8, 63, 65, 1001, 2056, std::numeric_limits<int>::max()}) {
    EXPECT_THAT(refusal([side](auto& input) { input.width = side; }), StartsWith("/input/width: "))
        << side;
    EXPECT_THAT(refusal([side](auto& input) { input.height = side; }),
                StartsWith("/input/height: "));
  }
}

TEST(InputRules, RefuseNumbersOutOfRange) {
  EXPECT_THAT(refusal([](auto& input) { input.steps = 0; }), StartsWith("/input/steps: "));
  EXPECT_THAT(refusal([](auto& input) { input.steps = 1001; }), StartsWith("/input/steps: "));
  EXPECT_THAT(refusal([](auto& input) { input.batch = 17; }), StartsWith("/input/batch: "));
  EXPECT_THAT(refusal([](auto& input) { input.batch = 0; }), StartsWith("/input/batch: "));
  EXPECT_THAT(refusal([](auto& input) { input.guidance = 101; }), StartsWith("/input/guidance: "));
  EXPECT_THAT(refusal([](auto& input) { input.clip_skip = 99; }), StartsWith("/input/clip_skip: "));
  EXPECT_THAT(refusal([](auto& input) { input.dtype = "fp8"; }), StartsWith("/input/dtype: "));
}

TEST(InputRules, RefuseAStrengthThatLeavesNoStep) {
  const card::Roles image{"image"};
  EXPECT_THAT(refusal([](auto& input) { input.strength = 0; }, image),
              StartsWith("/input/strength: "));
  EXPECT_THAT(refusal([](auto& input) { input.strength = 1.01; }, image),
              StartsWith("/input/strength: "));
  EXPECT_THAT(refusal(
                  [](auto& input) {
                    input.strength = 0.04;
                    input.steps = 20;
                  },
                  image),
              HasSubstr("no step would run"));
  EXPECT_EQ(refusal(
                [](auto& input) {
                  input.strength = 0.05;
                  input.steps = 20;
                },
                image),
            "");
}

TEST(InputRules, CheckTheCapabilitiesOfTheCard) {
  auto model = painter();
  model.capabilities = {"text_to_image"};
  EXPECT_THAT(refusal([](auto&) {}, {"image"}, model), StartsWith("/input/image: "));
  EXPECT_THAT(refusal([](auto&) {}, {"image", "mask"}, model), StartsWith("/input/mask: "));
  EXPECT_THAT(refusal([](auto&) {}, {"mask"}), HasSubstr("requires 'image'"));
}

TEST(InputRules, NameTheFieldAsItWasSent) {
  const FieldNames names{.prefix = "--", .names = {{"width", "--size"}}};
  const auto refused = names.spelled(Error(ErrorCode::kInvalidArgument, "width", "too small"));
  EXPECT_EQ(refused.field(), "--size");
  EXPECT_STREQ(refused.what(), "too small");
  EXPECT_EQ(names.of("batch"), "--batch");
  EXPECT_EQ(names.spelled(Error(ErrorCode::kInternal, "broken")).field(), "");
}

TEST(InputRules, WriteNumbersWithoutTrailingZeros) {
  EXPECT_EQ(refusal([](auto& input) { input.guidance = -0.5; }),
            "/input/guidance: -0.5 is out of range: choose 0 to 100");
}

TEST(InputRules, ReportWhatHasNoEffectWithoutAPicture) {
  GenerationInput input;
  EXPECT_TRUE(ignored(input, {}).empty());
  input.strength = 0.5;
  input.fit = card::FitMode::kCover;
  EXPECT_TRUE(ignored(input, {"image"}).empty());
  EXPECT_THAT(ignored(input, {}), testing::ElementsAre(StartsWith("/input/strength was ignored"),
                                                       StartsWith("/input/fit was ignored")));
}

TEST(InputRules, ReportWhatHasNoEffectWithoutAMask) {
  GenerationInput input;
  input.keep_outside = false;
  EXPECT_TRUE(ignored(input, {"image", "mask"}).empty());
  EXPECT_THAT(ignored(input, {"image"}),
              testing::ElementsAre(
                  StartsWith("/input/keep_outside was ignored: it has no effect without 'mask'")));
  input.keep_outside = true;
  input.matte = "black";
  EXPECT_TRUE(ignored(input, {"image"}).empty());
  EXPECT_THAT(ignored(input, {}), testing::ElementsAre(StartsWith("/input/matte was ignored")));
}

TEST(InputRules, RefuseAMatteThatIsNotAColour) {
  for (const char* matte : {"", "#a0b1C2", "white", "black", "grey"}) {
    EXPECT_EQ(refusal([&](auto& input) { input.matte = matte; }), "") << matte;
  }
  for (const char* matte : {"transparent", "#12345", "fff", "255,255,255"}) {
    EXPECT_THAT(refusal([&](auto& input) { input.matte = matte; }), StartsWith("/input/matte: "));
  }
}

TEST(InputRules, RefuseAPromptOfMegabytes) {
  EXPECT_THAT(refusal([](auto& input) { input.prompt.assign(1 << 20, 'a'); }),
              StartsWith("/input/prompt: "));
}

}  // namespace
}  // namespace atelier::domain
