#include "engine/samplers/choose.h"

#include <gtest/gtest.h>

#include "engine/samplers/all_samplers.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

const char* const kSd15 =
    R"({"_class_name":"PNDMScheduler","beta_start":0.00085,"beta_end":0.012,"beta_schedule":"scaled_linear",
        "num_train_timesteps":1000,"set_alpha_to_one":false,"skip_prk_steps":true,"steps_offset":1,"clip_sample":false})";

SamplerChoice choose(const std::string& sampler, const std::string& schedule, int steps = 4) {
  return choose_sampler(sampler, schedule, parse_scheduler_file(kSd15), steps);
}

std::string refusal(const std::string& sampler, const std::string& schedule, ErrorCode code,
                    int steps = 4) {
  try {
    choose(sampler, schedule, steps).make();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << sampler << " with " << schedule << " was accepted";
  return "";
}

TEST(ChooseSampler, UsesTheModelsOwnByDefault) {
  const SamplerChoice choice = choose("", "");
  EXPECT_EQ(choice.sampler_title, "PLMS");
  EXPECT_EQ(choice.schedule_title, "Leading");
  EXPECT_EQ(choice.make()->timesteps(), (std::vector<double>{751, 501, 501, 251, 1}));
}

TEST(ChooseSampler, TakesTheRestFromTheFileWhenOnlyASamplerIsNamed) {
  // SD1.5's file has no timestep_spacing: each class brings its own default, the offset stays.
  EXPECT_EQ(choose("Euler", "").make()->timesteps(), (std::vector<double>{999, 666, 333, 0}));
  EXPECT_EQ(choose("DDIM", "").make()->timesteps(), (std::vector<double>{751, 501, 251, 1}));
  EXPECT_EQ(choose("DPM++ 2M Karras", "").schedule_title, "Karras");
}

TEST(ChooseSampler, RefusesNamesThatAreNotBuiltYet) {
  EXPECT_NE(refusal("LMS", "", ErrorCode::kUnsupported).find("'DPM++ 2M' is the nearest"),
            std::string::npos);
  EXPECT_NE(refusal("Euler", "beta", ErrorCode::kUnsupported).find("not built yet"),
            std::string::npos);
}

TEST(ChooseSampler, RefusesSchedulesThatTheSamplerDoesNotSupport) {
  EXPECT_NE(
      refusal("DDIM", "karras", ErrorCode::kInvalidArgument).find("does not support the schedule"),
      std::string::npos);
  refusal("PLMS", "sgm_uniform", ErrorCode::kInvalidArgument);
  refusal("LCM", "karras", ErrorCode::kInvalidArgument);
  refusal("LCM", "trailing", ErrorCode::kInvalidArgument);
}

TEST(ChooseSampler, RefusesStepsOutsideTheRange) {
  refusal("Euler", "", ErrorCode::kInvalidArgument, 0);
  refusal("Euler", "", ErrorCode::kInvalidArgument, -3);
  refusal("Euler", "", ErrorCode::kInvalidArgument, 1001);
  refusal("LCM", "", ErrorCode::kInvalidArgument, 51);
}

TEST(ChooseSampler, FindsDeisByTheClassOfTheFile) {
  SchedulerFile file = parse_scheduler_file(kSd15);
  file.class_name = "DEISMultistepScheduler";
  const SamplerChoice choice = choose_sampler("", "", file, 4);
  EXPECT_EQ(choice.sampler_title, "DEIS");
  EXPECT_TRUE(choice.warnings.empty());
}

TEST(ChooseSampler, RunsDeisOnTheSchedulesOfComfyUiDownToSigmaZero) {
  for (const char* schedule : {"sgm_uniform", "simple", "normal", "ddim_uniform"}) {
    const auto sampler = choose("deis", schedule, 20).make();
    sampler->begin(0);
    EXPECT_EQ(sampler->sigmas().back(), 0) << schedule;
    NoiseSource noise(1, 1);
    // A network that predicts the noise of a constant picture exactly: the run ends on the picture.
    const Tensor picture = at::full({1, 4, 2, 2}, 0.25F);
    const Tensor drawn = noise.normal_like(picture);
    Tensor sample = sampler->add_noise(picture, drawn, 0);
    for (std::size_t i = 0; i < sampler->timesteps().size(); ++i) {
      sample = sampler->step(drawn, i, sample, noise);
    }
    EXPECT_LT((sample - picture).abs().max().item<float>(), 1e-4F) << schedule;
  }
}

TEST(ChooseSampler, WarnsWhenTheModelsOwnSamplerIsReplaced) {
  SchedulerFile file = parse_scheduler_file(kSd15);
  file.class_name = "KDPM2DiscreteScheduler";
  const SamplerChoice choice = choose_sampler("", "", file, 10);
  ASSERT_EQ(choice.warnings.size(), 1U);
  EXPECT_NE(choice.warnings[0].find("KDPM2DiscreteScheduler"), std::string::npos);
}

TEST(ChooseSampler, ReportsASolverOrderThatIsNotBuilt) {
  SchedulerFile file = parse_scheduler_file(kSd15);
  file.solver_order = 3;
  for (const SamplerEntry& entry : all_samplers()) {
    const SamplerChoice choice = choose_sampler(entry.id, "", file, 10);
    EXPECT_EQ(choice.warnings.size(), entry.solver_order == 0 ? 0U : 1U) << entry.id;
  }
  file.solver_order = 2;
  EXPECT_TRUE(choose_sampler("UniPC", "", file, 10).warnings.empty());
}

TEST(ChooseSampler, RefusesABrokenSchedulerFile) {
  EXPECT_THROW(parse_scheduler_file("{"), Error);
  EXPECT_THROW(parse_scheduler_file("[]"), Error);
  EXPECT_THROW(parse_scheduler_file(R"({"beta_start":"x"})"), Error);
  EXPECT_THROW(parse_scheduler_file(R"({"trained_betas":[true]})"), Error);
}

}  // namespace
}  // namespace atelier::engine
