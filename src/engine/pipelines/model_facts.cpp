#include "engine/pipelines/model_facts.h"

#include "engine/pipelines/job_plan.h"
#include "engine/samplers/names.h"

namespace atelier::engine {
namespace {

std::string formatted(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text + "0" : text;
}

card::Parameter number(const char* name, const char* title, const char* help, double minimum,
                       double maximum, double step, std::string fallback) {
  const bool whole = step >= 1;
  return {name, whole ? "integer" : "number", title, help, minimum, maximum,
          step, std::move(fallback),          {}};
}

template <class Known>
card::Parameter choice(const char* name, const char* title, const char* help,
                       const std::vector<Known>& table, std::string fallback) {
  card::Parameter parameter{name, "choice", title, help, {}, {}, {}, std::move(fallback), {}};
  for (const Known& known : table) {
    if (known.available) {
      parameter.choices.push_back(known.title);
    }
  }
  return parameter;
}

std::vector<card::Parameter> parameters_of(const ModelFacts& facts) {
  using card::Parameter;
  return {
      Parameter{"prompt", "string", "Prompt", "What the picture shows", {}, {}, {}, "", {}},
      Parameter{"negative_prompt",
                "string",
                "Negative prompt",
                "What it must not show",
                {},
                {},
                {},
                "",
                {}},
      number("width", "Width", "Pixels, a multiple of 8", 64, 2048, 8,
             std::to_string(facts.native_width)),
      number("height", "Height", "Pixels, a multiple of 8", 64, 2048, 8,
             std::to_string(facts.native_height)),
      number("steps", "Steps", "More take longer and add detail", 1, 150, 1,
             std::to_string(facts.default_steps)),
      number("guidance", "Guidance", "How strongly the prompt pulls; 1 and below is off", 0, 30,
             0.5, formatted(facts.default_guidance)),
      choice("sampler", "Sampler", "Empty: the model's own", known_samplers(),
             facts.default_sampler),
      choice("schedule", "Schedule", "Where the steps lie", known_schedules(),
             facts.default_schedule.empty() ? "Automatic" : facts.default_schedule),
      number("seed", "Seed", "The same seed makes the same picture; empty: a new one", 0,
             18446744073709551615.0, 1, ""),
      number("batch", "Pictures", "Each with its own seed", 1, 16, 1, "1"),
      number("strength", "Strength", "How far a given picture may change", 0.01, 1, 0.01,
             formatted(facts.default_strength)),
      number("clip_skip", "CLIP skip", "2 leaves out the text encoder's last layer", 0, 12, 1, "0"),
  };
}

ModelFacts make_facts(const DenoiserFacts& denoiser, const card::ModelCard& card,
                      const std::string& content_hash) {
  constexpr std::size_t kHashShown = 10;
  ModelFacts facts{denoiser, card.id, card.title, content_hash.substr(0, kHashShown), 0, 0, {}};
  facts.native_width = card.native_width;
  facts.native_height = card.native_height;
  facts.scheduler = read_scheduler_file(facts.scheduler_config);
  return facts;
}

// The first job may still fail because of values in the configurations.
void check_first_job(const ModelFacts& facts) {
  GenerateJob job;
  job.model.id = facts.id;
  if (facts.inpaints_by_channels()) job.image = job.mask = media::Image{1, 1, 1, {0}};
  plan_job(facts, job).sampler.make();
}

}  // namespace

ModelFacts facts_of(Model& model) {
  return make_facts(model.capability<Denoiser>().facts(), model.card(), model.content_hash());
}

ModelFacts facts_of(const DetectedModel& model) {
  const DenoiserFacts* const facts = model.facts.find<DenoiserFacts>();
  if (facts == nullptr) refuse_capability(model.card, Denoiser::kCapability);
  return make_facts(*facts, model.card, model.layout.fingerprint);
}

card::ModelCard describe_model(const DetectedModel& detected) {
  const c10::InferenceMode inference;
  load_model(detected, {.bind = {.device = at::kMeta}});
  card::ModelCard card = detected.card;
  if (detected.facts.find<DenoiserFacts>() != nullptr) {
    const ModelFacts facts = facts_of(detected);
    check_first_job(facts);
    card.task = "generation";
    card.parameters = parameters_of(facts);
  }
  return card;
}

}  // namespace atelier::engine
