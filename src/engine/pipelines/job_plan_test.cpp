#include "engine/pipelines/job_plan.h"

#include <gtest/gtest.h>

#include "platform/error.h"

namespace atelier::engine {
namespace {

ModelFacts facts() {
  ModelFacts facts;
  facts.id = "tiny";
  facts.native_width = facts.native_height = 128;
  facts.default_steps = 20;
  facts.scheduler.class_name = "PNDMScheduler";
  facts.scheduler.beta_start = 0.00085;
  facts.scheduler.beta_end = 0.012;
  facts.scheduler.beta_schedule = "scaled_linear";
  return facts;
}

GenerateJob job() {
  GenerateJob job;
  job.input.prompt = "a red circle";
  return job;
}

media::Image grey_image() { return {8, 8, 1, std::vector<std::uint8_t>(64, 128)}; }

std::string refusal(const GenerateJob& job) {
  try {
    plan_job(facts(), job);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "was accepted";
  return "";
}

TEST(JobPlan, FillsAbsentValuesFromTheModel) {
  const JobPlan plan = plan_job(facts(), job());
  EXPECT_EQ(plan.size.width, 128);
  EXPECT_EQ(plan.steps, 20);
  EXPECT_DOUBLE_EQ(plan.guidance, 7.5);
  EXPECT_EQ(plan.sampler.sampler_title, "PLMS");
  EXPECT_EQ(plan.kind, JobKind::kTextToImage);
}

TEST(JobPlan, StrengthCutsTheStepsAsDiffusersDoes) {
  GenerateJob asked = job();
  asked.image = grey_image();
  asked.input.strength = 0.75;
  asked.input.steps = 10;
  EXPECT_EQ(plan_job(facts(), asked).first_step, 3);
  asked.input.strength = 1.0;
  EXPECT_EQ(plan_job(facts(), asked).first_step, 0);
}

TEST(JobPlan, AStrengthThatRunsNoStepIsRefusedWithTheSmallestPossible) {
  GenerateJob asked = job();
  asked.image = grey_image();
  asked.input.strength = 0.04;
  asked.input.steps = 20;
  EXPECT_NE(refusal(asked).find("at least 0.05"), std::string::npos);
}

TEST(JobPlan, ADefaultStrengthRunsAStep) {
  GenerateJob asked = job();
  asked.image = grey_image();
  asked.input.steps = 1;
  EXPECT_EQ(plan_job(facts(), asked).first_step, 0);
  EXPECT_DOUBLE_EQ(plan_job(facts(), asked).strength, 1);
}

TEST(JobPlan, WarnsWhenThePictureIsGeneratedSmallerAndEnlarged) {
  GenerateJob asked = job();
  asked.input.width = asked.input.height = 1024;
  const JobPlan plan = plan_job(facts(), asked);
  EXPECT_EQ(plan.size.made_width, 128);
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_NE(plan.warnings[0].find("enlarged to 1024x1024"), std::string::npos);
}

}  // namespace
}  // namespace atelier::engine
