#include "domain/jobs/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "card/composite.h"
#include "card/tasks/enhance.h"

namespace atelier::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

card::TaskInput enhancement(int scale = 2) {
  card::EnhanceInput input;
  input.prompt = "a ring";
  input.upscaler = "sharp";
  input.scale = scale;
  input.seed = 7;
  return card::TaskInput::of(card::enhance_task(), input);
}

card::TaskInput as_it_is(const card::TaskInput& input, const card::Roles&) { return input; }

Job planned_job() {
  Job job;
  job.input.parameters = enhancement();
  job.input.attachments["image"] = "sent";
  job.input.warnings = {"of the request"};
  job.input.steps = plan_steps(job.input.parameters, {{"image", {100, 60}}}, as_it_is);
  return job;
}

JobResult result_of(const Job& job, const std::string& artifact, const std::string& warning) {
  const auto& step = job.input.steps[job.finished_steps.size()];
  JobResult result;
  result.outputs = {{"picture", artifact, "image/png", {}}};
  result.used =
      card::TaskFacts(*step.input.task(), json::parse(R"({"warnings":[")" + warning + R"("]})"));
  result.timing = {{"load_ms", 2}};
  return result;
}

Error refusal(const card::TaskInput& input, const card::PictureSizes& sizes,
              const ResolveStep& resolve) {
  try {
    plan_steps(input, sizes, resolve);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "it was accepted";
  return {ErrorCode::kInternal, ""};
}

TEST(Steps, AreRunsOfOtherTasksThatFeedOneAnother) {
  std::vector<card::Roles> attached;
  const auto steps = plan_steps(enhancement(), {{"image", {100, 60}}},
                                [&](const card::TaskInput& input, const card::Roles& roles) {
                                  attached.push_back(roles);
                                  return input.with_text("model", "found");
                                });
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].input.as<card::UpscaleInput>().scale, 2);
  EXPECT_EQ(steps[0].input.text("model"), "found");
  const auto& refine = steps[1].input.as<card::GenerationInput>();
  EXPECT_EQ(refine.width, 200);
  EXPECT_EQ(refine.height, 120);
  EXPECT_EQ(refine.strength, 0.3);
  EXPECT_EQ(refine.seed, 7U);
  EXPECT_EQ(refine.prompt, "a ring");
  EXPECT_THAT(attached, ElementsAre(card::Roles{"image"}, card::Roles{"image"}));
  EXPECT_THAT(card::tasks_run_by(card::enhance_task()), ElementsAre("upscale", "generate"));
  EXPECT_THAT(card::tasks_run_by(card::upscale_task()), ElementsAre("upscale"));
}

TEST(Steps, ThatAreRefusedNameTheStepAndTheFieldOfTheRequest) {
  const auto refusing = [](const std::string& task, const std::string& field) {
    return refusal(enhancement(), {{"image", {100, 60}}},
                   [&](const card::TaskInput& input, const card::Roles&) {
                     if (input.task_id() == task) {
                       throw Error(ErrorCode::kNotFound, field, "it is wrong");
                     }
                     return input;
                   });
  };
  const auto upscaler = refusing("upscale", "model");
  EXPECT_EQ(upscaler.code(), ErrorCode::kNotFound);
  EXPECT_EQ(upscaler.field(), "upscaler");
  EXPECT_STREQ(upscaler.what(), "step 1 of 2 (Enlarge): it is wrong");
  EXPECT_EQ(refusing("generate", "strength").field(), "strength");
  EXPECT_EQ(refusing("generate", "model").field(), "model");
  const auto width = refusing("generate", "width");  // which the request has not
  EXPECT_EQ(width.field(), "");
  EXPECT_STREQ(width.what(), "step 2 of 2 (Refine): width: it is wrong");
}

TEST(Steps, AreRefusedWhereTheResultWouldBeTooLargeOrTooSmall) {
  for (const auto& [size, scale] : {std::pair{card::PictureSize{1200, 600}, 2},
                                    {card::PictureSize{20, 600}, 2},
                                    {card::PictureSize{2'000'000'000, 64}, 8}}) {
    const auto error = refusal(enhancement(scale), {{"image", size}}, as_it_is);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.field(), "scale");
    EXPECT_THAT(error.what(), HasSubstr("64 to 2048"));
  }
  EXPECT_EQ(card::enhanced_size({1024, 512}, 2).width, 2048);
  EXPECT_EQ(card::enhanced_size({33, 35}, 2).width, 64);
  EXPECT_EQ(card::enhanced_size({33, 35}, 2).height, 72);
}

TEST(Steps, TakeThePictureOfTheJobOrOfAnEarlierStep) {
  auto job = planned_job();
  EXPECT_EQ(runs_of(job), 2U);
  EXPECT_EQ(part_of(job), "Enlarge (1 of 2)");
  EXPECT_EQ(next_run(job).task(), "upscale");
  EXPECT_EQ(next_run(job).attachments.at("image"), "sent");
  job.finished_steps.push_back(result_of(job, "large", "of step 1"));
  EXPECT_EQ(part_of(job), "Refine (2 of 2)");
  EXPECT_EQ(next_run(job).task(), "generate");
  EXPECT_EQ(next_run(job).attachments.at("image"), "large");
  EXPECT_THAT(step_artifacts(job), ElementsAre("large"));
  job.finished_steps[0].outputs.clear();
  EXPECT_THROW(next_run(job), Error);
}

TEST(Steps, MakeOneResultWithTheFactsOfEach) {
  auto job = planned_job();
  job.finished_steps.push_back(result_of(job, "large", "of step 1"));
  job.finished_steps.push_back(result_of(job, "refined", "of step 2"));
  const auto result = composed(job);
  EXPECT_THAT(result.artifacts(), ElementsAre("refined"));
  EXPECT_THAT(result.used.warnings(), ElementsAre("of the request", "of step 1", "of step 2"));
  const auto& facts = result.used.as<card::CompositeFacts>();
  ASSERT_EQ(facts.steps.size(), 2U);
  EXPECT_EQ(facts.steps[1].title, "Refine");
  EXPECT_EQ(facts.steps[1].task, "generate");
  EXPECT_EQ(result.timing.at("load_ms"), 4);
  EXPECT_THAT(step_artifacts(job), ElementsAre("large"));
}

TEST(Steps, AJobOfAnOrdinaryTaskIsOneRun) {
  Job job;
  job.input.parameters = card::TaskInput::of(card::upscale_task(), card::UpscaleInput{});
  job.input.attachments["image"] = "sent";
  EXPECT_EQ(runs_of(job), 1U);
  EXPECT_EQ(part_of(job), "");
  EXPECT_EQ(next_run(job).attachments.at("image"), "sent");
  const auto error = error_of_run(job, Error(ErrorCode::kOutOfMemory, "tile", "too large"));
  EXPECT_EQ(error.field(), "tile");
  EXPECT_STREQ(error.what(), "too large");
  EXPECT_TRUE(step_artifacts(job).empty());
}

}  // namespace
}  // namespace atelier::domain
