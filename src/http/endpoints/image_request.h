// The body that the legacy image paths take, and the job that is made of it: sizes as text, fused
// sampler names, prompts with their negative part behind a bar. Reading takes the model's card from
// the scheduler. Throws kInvalidArgument, kNotFound.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "http/endpoints/parameter_docs.h"
#include "scheduler/scheduler.h"

namespace atelier::http {

struct ImageBody {
  std::optional<std::string> prompt, negative_prompt, model, size, scheduler, sampler, sampler_name;
  std::optional<int> width, height, steps, num_inference_steps, num_steps, n, num_images,
      batch_size;
  std::optional<double> guidance_scale, cfg_scale, guidance, strength, denoising_strength;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> seed_text;
  std::optional<std::string> image, init_image, image_url, mask, response_format, fit, matte;
  std::optional<bool> exact_size, keep_outside;
  std::optional<std::string> output_format,
      background;  // OpenAI's; unsupported values give a warning
  std::optional<bool> stream;
};
BOOST_DESCRIBE_STRUCT(ImageBody, (),
                      (prompt, negative_prompt, model, size, scheduler, sampler, sampler_name,
                       width, height, steps, num_inference_steps, num_steps, n, num_images,
                       batch_size, guidance_scale, cfg_scale, guidance, strength,
                       denoising_strength, seed, seed_text, image, init_image, image_url, mask,
                       response_format, fit, matte, exact_size, keep_outside, output_format,
                       background, stream))

struct ImageRequest {
  scheduler::NewJob job;
  std::vector<std::string> warnings;  // sentences
};

// How an unknown sampler is handled (ADR 0006). `scheduler` is the gallery's field and falls back
// to the model's sampler on every path; the other fields only on the gallery's paths.
enum class UnknownSampler { kFallBack, kRefuse };

// A sampler to be refused is left in the input: the scheduler refuses it with the nearest names.
ImageRequest read_image_request(const ImageBody& body, scheduler::Scheduler& scheduler,
                                UnknownSampler unknown = UnknownSampler::kFallBack);

// The OpenAPI descriptions of the fields of the body.
FieldDocs image_docs();

// Sentences about unknown keys (JSON pointers), except those that OpenAI's clients always send and
// that have no effect on the result.
std::vector<std::string> describe_unread(std::vector<std::string> unknown);

// "a cat | negative: dog": the gallery's form of both prompts.
struct PromptParts {
  std::string prompt;
  std::optional<std::string> negative;
};
PromptParts split_prompt(const std::string& text);

}  // namespace atelier::http
