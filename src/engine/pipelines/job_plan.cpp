#include "engine/pipelines/job_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "platform/error.h"

namespace atelier::engine {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorCode::kInvalidArgument, sentence);
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

JobKind kind_of(const ModelFacts& facts, const GenerateJob& job) {
  if (facts.inpaints_by_channels() && !job.mask) {
    refuse("'" + facts.id + "' is an inpainting model: it needs a picture and a mask");
  }
  return job.mask ? JobKind::kInpaint : job.image ? JobKind::kImageToImage : JobKind::kTextToImage;
}

// diffusers: int(steps * strength) of the last steps are run.
int first_step_of(const JobPlan& plan) {
  const int run = std::min(static_cast<int>(plan.steps * plan.strength), plan.steps);
  if (run < 1) {
    refuse("strength " + short_number(plan.strength) + " with " + std::to_string(plan.steps) +
           (plan.steps == 1 ? " step" : " steps") +
           ": no step would run; choose a strength of at least " + short_number(1.0 / plan.steps) +
           ", or more steps");
  }
  return plan.steps - run;
}

// A default must not refuse the job: when no step would run, all steps are run.
double default_strength(const ModelFacts& facts, const JobPlan& plan) {
  // SDXL inpainting: just below 1, so that the noise still contains the picture.
  const double strength = plan.kind == JobKind::kImageToImage ? facts.default_strength
                          : facts.dual_text_encoder           ? 0.9999
                                                              : 1.0;
  return strength * plan.steps < 1 ? 1.0 : strength;
}

void check_channels(const ModelFacts& facts) {
  if (facts.in_channels != facts.vae.latent_channels && !facts.inpaints_by_channels()) {
    throw Error(ErrorCode::kUnsupported,
                "'" + facts.id + "' has a UNet that takes " + std::to_string(facts.in_channels) +
                    " channels and an autoencoder of " + std::to_string(facts.vae.latent_channels) +
                    ": only UNets that take latents alone (4), or with a mask and a masked "
                    "picture (9), are built");
  }
}

}  // namespace

JobPlan plan_job(const ModelFacts& facts, const GenerateJob& job) {
  const card::GenerationInput& input = job.input;
  check_channels(facts);
  JobPlan plan;
  plan.kind = kind_of(facts, job);
  plan.size = plan_size(input.width, input.height, facts.native_width, facts.native_height,
                        input.exact_size);
  plan.steps = input.steps.value_or(facts.default_steps);
  plan.guidance = input.guidance.value_or(facts.default_guidance);
  plan.guidance_rescale = input.guidance_rescale.value_or(0);
  plan.clip_skip = input.clip_skip;
  plan.batch = input.batch;
  plan.seed = input.seed.value_or(0);
  const bool own = input.sampler.empty();
  plan.sampler =
      choose_sampler(own ? facts.default_sampler : input.sampler,
                     own && input.schedule.empty() ? facts.default_schedule : input.schedule,
                     facts.scheduler, plan.steps);
  plan.warnings = plan.sampler.warnings;
  if (plan.kind != JobKind::kTextToImage) {
    plan.strength = input.strength.value_or(default_strength(facts, plan));
    plan.first_step = first_step_of(plan);
    plan.keep_outside = plan.kind == JobKind::kInpaint && input.keep_outside;
  }
  if (plan.size.enlarged()) {
    plan.warnings.push_back(
        "made at " + std::to_string(plan.size.made_width) + "x" +
        std::to_string(plan.size.made_height) + " and enlarged to " +
        std::to_string(plan.size.width) + "x" + std::to_string(plan.size.height) +
        ", because the model's native size is " + std::to_string(facts.native_width) + "x" +
        std::to_string(facts.native_height) + " (exact_size turns this off)");
  }
  return plan;
}

}  // namespace atelier::engine
