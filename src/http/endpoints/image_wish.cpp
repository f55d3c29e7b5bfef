#include "http/endpoints/image_wish.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "domain/settings/limits.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/sampler_names.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

constexpr double kFoundingStrength = 0.75;
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
    refuse("/size: '" + size.substr(0, 40) + "' is no size: write it as 512x512");
  }
  input.width = width;
  input.height = height;
}

// One that stays out of bounds is left as it is, so that the refusal names what was asked.
void round_side(std::optional<int>& side, const char* name, std::vector<std::string>& warnings) {
  if (!side || *side % 8 == 0 || *side <= 0 || *side > (1 << 20)) return;
  const int rounded = (*side + 4) / 8 * 8;
  if (rounded < domain::limits::kSideMin || rounded > domain::limits::kSideMax) return;
  warnings.push_back("the " + std::string{name} + " " + std::to_string(*side) +
                     " is not a multiple of 8: " + std::to_string(rounded) + " was used");
  side = rounded;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return text;
}

// The founding server ran everything at 1.5, which is right for distilled few-step models alone.
std::optional<double> guidance_of(const ImageBody& body, const domain::InstalledModel& model) {
  if (body.guidance_scale) return body.guidance_scale;
  if (body.cfg_scale) return body.cfg_scale;
  const std::string name = lower(model.card.id + " " + model.card.title);
  const bool lightning =
      name.find("lightning") != std::string::npos || name.find("turbo") != std::string::npos;
  return lightning ? std::optional{kLightningGuidance} : std::nullopt;
}

std::optional<int> default_steps(const card::ModelCard& card) {
  for (const auto& parameter : card.parameters) {
    int steps = 0;
    if (parameter.name == "steps" && read_side(parameter.default_value, steps)) return steps;
  }
  return std::nullopt;
}

// Image to image runs floor(steps · strength) steps; the gallery's faint edits must run one.
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
  refuse("/fit: '" + text.substr(0, 40) + "' is no fit: use stretch, cover or contain");
}

template <class T>
std::optional<T> first_of(const std::optional<T>& a, const std::optional<T>& b) {
  return a ? a : b;
}

void read_prompt(const ImageBody& body, card::GenerationInput& input) {
  if (!body.prompt || body.prompt->find_first_not_of(" \t\r\n") == std::string::npos) {
    refuse("Prompt is required");  // the founding server's text
  }
  PromptParts parts = split_prompt(*body.prompt);
  input.prompt = std::move(parts.prompt);
  input.negative_prompt = body.negative_prompt && !body.negative_prompt->empty()
                              ? body.negative_prompt
                              : parts.negative;
}

void read_sampler(const ImageBody& body, scheduler::Scheduler& scheduler, UnknownSampler unknown,
                  ImageWish& wish) {
  const auto name = body.scheduler ? body.scheduler : first_of(body.sampler, body.sampler_name);
  if (!name) return;
  const auto status = scheduler.status();
  SamplerChoice choice = choose_sampler(*name, status);
  if (!choice.known && !body.scheduler && unknown == UnknownSampler::kRefuse) {
    check_sampler_names(*name, "", status);  // throws with the nearest names
  }
  wish.job.input.generation.sampler = std::move(choice.sampler);
  wish.job.input.generation.schedule = std::move(choice.schedule);
  for (auto& warning : choice.warnings) wish.warnings.push_back(std::move(warning));
}

}  // namespace

PromptParts split_prompt(const std::string& text) {
  static constexpr std::string_view kBar = " | negative: ";
  const std::size_t bar = text.find(kBar);
  if (bar == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, bar), text.substr(bar + kBar.size())};
}

ImageWish read_image_wish(const ImageBody& body, scheduler::Scheduler& scheduler,
                          UnknownSampler unknown) {
  ImageWish wish;
  card::GenerationInput& input = wish.job.input.generation;
  read_prompt(body, input);
  auto resolved = scheduler.resolve_model(body.model.value_or(""), "generation");
  if (!resolved.warning.empty()) wish.warnings.push_back(std::move(resolved.warning));
  input.model = resolved.model.card.id;
  input.width = body.width;
  input.height = body.height;
  if (body.size) read_size(*body.size, input);
  round_side(input.width, "width", wish.warnings);
  round_side(input.height, "height", wish.warnings);
  input.exact_size = body.exact_size.value_or(false);
  input.steps = first_of(body.steps, body.num_inference_steps);
  input.guidance = guidance_of(body, resolved.model);
  input.batch = first_of(body.n, body.num_images).value_or(1);
  if (body.seed && *body.seed >= 0) input.seed = static_cast<std::uint64_t>(*body.seed);
  read_sampler(body, scheduler, unknown, wish);
  wish.job.image = read_picture(body.image.value_or(""), "/image");
  wish.job.mask = read_picture(body.mask.value_or(""), "/mask");
  if (body.fit) input.fit = fit_of(*body.fit);
  if (!wish.job.image.empty()) {
    input.strength = body.strength.value_or(kFoundingStrength);
    keep_one_step(input, resolved.model.card, wish.warnings);
  }
  wish.job.client = "gallery";
  return wish;
}

}  // namespace atelier::http
