#include "http/endpoints/image_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>

#include "card/tasks/generate.h"
#include "http/endpoints/picture_field.h"
#include "http/endpoints/sampler_names.h"
#include "http/endpoints/unknown_fields.h"
#include "json/describe.h"
#include "platform/ascii.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

constexpr double kLegacyStrength = 0.75;
constexpr double kLightningGuidance = 1.5;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorCode::kInvalidArgument, sentence);
}

bool read_side(std::string_view text, int& side) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), side);
  return problem == std::errc{} && end == text.data() + text.size();
}

void read_size(const std::string& size, card::GenerationInput& input) {
  if (size.empty() || size == "auto") return;
  const std::size_t cross = size.find_first_of("xX");
  int width = 0;
  int height = 0;
  if (cross == std::string::npos || !read_side(std::string_view{size}.substr(0, cross), width) ||
      !read_side(std::string_view{size}.substr(cross + 1), height)) {
    throw Error(ErrorCode::kInvalidArgument, "/size",
                "invalid size '" + platform::cut(size, 40) +
                    "': expected WIDTHxHEIGHT, for example 512x512");
  }
  input.width = width;
  input.height = height;
}

// A size outside the bounds is left unchanged, so that the error contains the value that was sent.
void round_side(std::optional<int>& side, const char* name, std::vector<std::string>& warnings) {
  constexpr int kStep = card::kSideStep;
  if (!side || *side % kStep == 0 || *side <= 0 || *side > (1 << 20)) return;
  const int rounded = (*side + kStep / 2) / kStep * kStep;
  if (rounded < card::kSideMin || rounded > card::kSideMax) return;
  warnings.push_back("the " + std::string{name} + " " + std::to_string(*side) +
                     " is not a multiple of 8: " + std::to_string(rounded) + " was used");
  side = rounded;
}

// The legacy server used 1.5 for all models, which is only right for distilled few-step models.
std::optional<double> usual_guidance(const domain::InstalledModel& model) {
  const std::string name = platform::lower(model.card.id + " " + model.card.title);
  const bool lightning =
      name.find("lightning") != std::string::npos || name.find("turbo") != std::string::npos;
  return lightning ? std::optional{kLightningGuidance} : std::nullopt;
}

std::optional<int> default_steps(const card::ModelCard& card) {
  const auto* served = card::served(card, card::generate_task().id);
  const auto* row = served == nullptr ? nullptr : card::find_parameter(served->parameters, "steps");
  int steps = 0;
  if (row == nullptr || !read_side(row->default_value, steps)) return std::nullopt;
  return steps;
}

// Image to image runs floor(steps · strength) steps; the gallery's edits with a small strength must
// run one.
void keep_one_step(card::GenerationInput& input, const card::ModelCard& card,
                   std::vector<std::string>& warnings) {
  const auto steps = input.steps ? input.steps : default_steps(card);
  if (!steps || *steps < 1 || !input.strength || *input.strength < 0) return;
  if (std::floor(*steps * *input.strength) >= 1) return;
  double strength = 1.0 / *steps;
  while (std::floor(*steps * strength) < 1) strength = std::nextafter(strength, 1.0);
  warnings.emplace_back("the strength is too small for " + std::to_string(*steps) +
                        " steps: one step was run");
  input.strength = strength;
}

card::FitMode fit_of(const std::string& text) {
  if (text == "stretch") return card::FitMode::kStretch;
  if (text == "cover") return card::FitMode::kCover;
  if (text == "contain") return card::FitMode::kContain;
  throw Error(ErrorCode::kInvalidArgument, "/fit",
              "invalid fit '" + platform::cut(text, 40) + "': expected stretch, cover or contain");
}

template <class T>
struct Spelling {
  const std::optional<T>& value;
  const char* name;
};

// The first spelling that was sent; refusals then use it.
template <class T>
std::optional<T> take(const std::string& field, std::initializer_list<Spelling<T>> spellings,
                      domain::FieldNames& names) {
  for (const auto& [value, name] : spellings) {
    if (!value) continue;
    names.names[field] = "/" + std::string{name};
    return value;
  }
  return std::nullopt;
}

void read_attachment(std::string_view text, const char* role, scheduler::NewJob& job) {
  auto bytes = read_picture(text, job.names.of(role), Base64Rule::kLoose);
  if (!bytes.empty()) job.attachments[role] = std::move(bytes);
}

void read_picture_to_start_from(const ImageBody& body, card::GenerationInput& input,
                                ImageRequest& request, const domain::InstalledModel& model) {
  auto& [job, warnings] = request;
  const auto picture = take<std::string>(
      "image",
      {{body.image, "image"}, {body.init_image, "init_image"}, {body.image_url, "image_url"}},
      job.names);
  if (picture) read_attachment(*picture, "image", job);
  if (body.mask) read_attachment(*body.mask, "mask", job);
  const auto strength = take<double>(
      "strength", {{body.strength, "strength"}, {body.denoising_strength, "denoising_strength"}},
      job.names);
  if (job.attachments.contains("image")) {
    input.strength = strength.value_or(kLegacyStrength);
    keep_one_step(input, model.card, warnings);
  } else if (strength && *strength != kLegacyStrength) {  // the gallery always sends its default
    warnings.push_back("the strength was ignored: it needs a picture to start from (send 'image')");
  }
}

// Options of OpenAI's API that have no effect.
void read_reply_options(const ImageBody& body, std::vector<std::string>& warnings) {
  const auto& format = body.response_format;
  if (format && *format != "b64_json" && *format != "url" && !format->empty()) {
    warnings.emplace_back("the response_format is not known: the pictures were sent as b64_json");
  }
  if (body.output_format && *body.output_format != "png") {
    warnings.emplace_back("the output_format is not possible yet: the pictures are PNG");
  }
  if (body.background && *body.background == "transparent") {
    warnings.emplace_back("the background is never transparent: it was generated");
  }
  if (body.stream.value_or(false)) {
    warnings.emplace_back("nothing was streamed: /api/v1/jobs/{id}/events sends progress");
  }
}

void read_prompt(const ImageBody& body, card::GenerationInput& input) {
  if (!body.prompt || body.prompt->find_first_not_of(" \t\r\n") == std::string::npos) {
    refuse("Prompt is required");  // the legacy server's text
  }
  PromptParts parts = split_prompt(*body.prompt);
  input.prompt = std::move(parts.prompt);
  input.negative_prompt = body.negative_prompt && !body.negative_prompt->empty()
                              ? body.negative_prompt
                              : parts.negative;
}

void read_sampler(const ImageBody& body, scheduler::Scheduler& scheduler, UnknownSampler unknown,
                  card::GenerationInput& input, ImageRequest& request) {
  const auto name = take<std::string>("sampler",
                                      {{body.scheduler, "scheduler"},
                                       {body.sampler, "sampler"},
                                       {body.sampler_name, "sampler_name"}},
                                      request.job.names);
  if (!name) return;
  SamplerChoice choice = choose_sampler(*name, scheduler.status());
  if (!choice.known && !body.scheduler && unknown == UnknownSampler::kRefuse) {
    input.sampler = *name;
    return;
  }
  input.sampler = std::move(choice.sampler);
  input.schedule = std::move(choice.schedule);
  for (auto& warning : choice.warnings) request.warnings.push_back(std::move(warning));
}

}  // namespace

PromptParts split_prompt(const std::string& text) {
  static constexpr std::string_view kBar = " | negative: ";
  const std::size_t bar = text.find(kBar);
  if (bar == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, bar), text.substr(bar + kBar.size())};
}

ImageRequest read_image_request(const ImageBody& body, scheduler::Scheduler& scheduler,
                                UnknownSampler unknown) {
  ImageRequest request;
  request.job.names.prefix = "/";
  card::GenerationInput input;
  read_prompt(body, input);
  auto resolved = scheduler.resolve_model(body.model.value_or(""), card::generate_task().id,
                                          domain::UnknownModel::kDefault);
  if (!resolved.warning.empty()) request.warnings.push_back(std::move(resolved.warning));
  input.model = resolved.model.card.id;
  input.width = body.width;
  input.height = body.height;
  auto& names = request.job.names;
  if (body.size && !body.size->empty() && *body.size != "auto") {
    read_size(*body.size, input);
    names.names["width"] = names.names["height"] = "/size";
  }
  round_side(input.width, "width", request.warnings);
  round_side(input.height, "height", request.warnings);
  input.exact_size = body.exact_size.value_or(false);
  input.steps = take<int>("steps",
                          {{body.steps, "steps"},
                           {body.num_inference_steps, "num_inference_steps"},
                           {body.num_steps, "num_steps"}},
                          names);
  input.guidance = take<double>("guidance",
                                {{body.guidance_scale, "guidance_scale"},
                                 {body.cfg_scale, "cfg_scale"},
                                 {body.guidance, "guidance"}},
                                names);
  if (!input.guidance) input.guidance = usual_guidance(resolved.model);
  input.batch =
      take<int>("batch",
                {{body.n, "n"}, {body.num_images, "num_images"}, {body.batch_size, "batch_size"}},
                names)
          .value_or(1);
  input.seed = body.seed;
  read_sampler(body, scheduler, unknown, input, request);
  read_picture_to_start_from(body, input, request, resolved.model);
  if (body.fit) input.fit = fit_of(*body.fit);
  input.matte = body.matte.value_or("");
  input.keep_outside = body.keep_outside.value_or(true);
  read_reply_options(body, request.warnings);
  request.job.input.parameters = card::TaskInput::of(card::generate_task(), input);
  request.job.client = "gallery";
  return request;
}

std::vector<std::string> describe_unread(std::vector<std::string> unknown) {
  static constexpr auto kWithoutLoss = std::to_array<std::string_view>(
      {"/user", "/quality", "/style", "/moderation", "/output_compression", "/partial_images",
       "/tiling", "/megapixels"});
  std::erase_if(unknown, [](const std::string& pointer) {
    return std::ranges::find(kWithoutLoss, pointer) != kWithoutLoss.end();
  });
  return describe_unknown(unknown, {{"", json::member_names<ImageBody>()}});
}

}  // namespace atelier::http
