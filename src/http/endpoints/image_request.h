// The body that the legacy image paths take, and the job that is made of it: sizes as text, fused
// sampler names, prompts with their negative part behind a bar. Reading asks the scheduler for the
// model's card. Throws kInvalidArgument, kNotFound.
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
  std::optional<std::string> output_format, background;  // OpenAI's; what is not done is said
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

// What becomes of a sampler that nobody has (ADR 0006). `scheduler` is the gallery's own field and
// falls back to the model's on every path; the others do so on the gallery's own paths alone.
enum class UnknownSampler { kFallBack, kRefuse };

// A sampler that is refused is left in the input: the scheduler refuses it with the nearest names.
ImageRequest read_image_request(const ImageBody& body, scheduler::Scheduler& scheduler,
                                UnknownSampler unknown = UnknownSampler::kFallBack);

// What the document says about the fields of the body.
FieldDocs image_docs();

// Sentences about the keys (JSON pointers) that nothing reads; silent about those that OpenAI's
// clients send out of habit and that change nothing they would miss.
std::vector<std::string> describe_unread(std::vector<std::string> unknown);

// "a cat | negative: dog" is how the gallery sends both.
struct PromptParts {
  std::string prompt;
  std::optional<std::string> negative;
};
PromptParts split_prompt(const std::string& text);

}  // namespace atelier::http
