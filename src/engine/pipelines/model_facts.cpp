#include "engine/pipelines/model_facts.h"

#include <algorithm>
#include <cctype>

#include "card/tasks/generate.h"
#include "engine/samplers/names.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string text_or(const boost::json::object& object, std::string_view key, std::string fallback) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string())
                                                : std::move(fallback);
}

template <class Number>
Number number_or(const boost::json::object& object, std::string_view key, Number low, Number high,
                 Number fallback) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) {
    return fallback;
  }
  const auto number = value->to_number<double>();
  return number >= static_cast<double>(low) && number <= static_cast<double>(high)
             ? static_cast<Number>(number)
             : fallback;
}

void require_parts(const CheckpointLayout& layout) {
  const char* missing = !layout.unet           ? "UNet"
                        : !layout.vae          ? "autoencoder"
                        : !layout.text_encoder ? "text encoder"
                                               : nullptr;
  if (missing != nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "'" + layout.path.filename().string() + "' has no " + missing +
                    ": a picture needs all of UNet, autoencoder and text encoder");
  }
}

// The SD1.5 pipelines of diffusers set both, whatever the file says.
void apply_pipeline_rules(ModelFacts& facts) {
  if (!facts.two_towers) {
    facts.scheduler.steps_offset = 1;
    facts.scheduler.clip_sample = false;
  }
}

// Few-step fine-tunes are told by their names: published cards ask for 4-8 steps, guidance 1-2.
void apply_name_rules(const std::string& name, ModelFacts& facts) {
  const std::string text = lower(name);
  if (text.find("lightning") != std::string::npos || text.find("turbo") != std::string::npos) {
    facts.default_steps = 6;
    facts.default_guidance = 1.5;
  }
}

void apply_card(const boost::json::object& card, ModelFacts& facts) {
  facts.title = text_or(card, "title", facts.title);
  facts.description = text_or(card, "description", facts.description);
  facts.native_width =
      number_or(card, "native_width", card::kSideMin, card::kSideMax, facts.native_width) /
      card::kSideStep * card::kSideStep;
  facts.native_height =
      number_or(card, "native_height", card::kSideMin, card::kSideMax, facts.native_height) /
      card::kSideStep * card::kSideStep;
  facts.default_steps = number_or(card, "default_steps", 1, card::kStepsMax, facts.default_steps);
  facts.default_guidance =
      number_or(card, "default_guidance", 0.0, card::kGuidanceMax, facts.default_guidance);
  facts.default_strength = number_or(card, "default_strength", 0.01, 1.0, facts.default_strength);
  facts.default_sampler = text_or(card, "default_sampler", "");
  facts.default_schedule = text_or(card, "default_schedule", "");
}

std::string formatted(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text + "0" : text;
}

template <class Known>
card::Parameter choice(const char* name, const std::vector<Known>& table, std::string chosen) {
  card::Parameter row{.name = name, .default_value = std::move(chosen)};
  for (const Known& known : table) {
    if (!known.available) continue;
    row.choices.push_back(known.id);
    row.choice_titles.push_back(known.title);
  }
  return row;
}

// What this model makes of the task's rows.
std::vector<card::Parameter> overrides_of(const ModelFacts& facts) {
  const auto named = [](const char* name, std::string value) {
    return card::Parameter{.name = name, .default_value = std::move(value)};
  };
  const NamedPair pair =
      facts.default_sampler.empty() ? NamedPair{} : read_sampler_name(facts.default_sampler);
  const KnownSchedule* schedule =
      facts.default_schedule.empty() ? pair.schedule : read_schedule_name(facts.default_schedule);
  return {
      named("width", std::to_string(facts.native_width)),
      named("height", std::to_string(facts.native_height)),
      named("steps", std::to_string(facts.default_steps)),
      named("guidance", formatted(facts.default_guidance)),
      named("strength", formatted(facts.default_strength)),
      choice("sampler", known_samplers(), pair.sampler != nullptr ? pair.sampler->id : ""),
      choice("schedule", known_schedules(),
             schedule != nullptr ? schedule->id : known_schedules().front().id),
  };
}

// Tensors that nothing reads may be all right, but somebody put them there.
std::vector<std::string> warnings_of(const CheckpointLayout& layout) {
  if (layout.left_over.empty()) return {};
  constexpr std::size_t kNamed = 3;
  const std::size_t count = layout.left_over.size();
  std::string names;
  for (std::size_t i = 0; i < std::min(count, kNamed); ++i) {
    names += (i == 0 ? "'" : ", '") + platform::cut(layout.left_over[i], 200) + "'";
  }
  if (count > kNamed) names += " and others";
  return {(count == 1 ? "1 tensor of its files is"
                      : std::to_string(count) + " tensors of its files are") +
          std::string(" not used: ") + names};
}

}  // namespace

ModelFacts read_facts(const std::string& id, const CheckpointLayout& layout) {
  require_parts(layout);
  CHECK(layout.unet && layout.vae);
  ModelFacts facts;
  facts.id = id;
  facts.title = layout.path.stem().string();
  facts.hash = layout.fingerprint.substr(0, 10);
  facts.unet = UNet2DConfig::from_json(layout.unet->config);
  facts.vae = AutoencoderKlConfig::from_json(layout.vae->config);
  facts.two_towers = layout.text_encoder_2.has_value();
  facts.zeros_for_absent = facts.two_towers && layout.force_zeros_for_empty_prompt;
  facts.scheduler = read_scheduler_file(layout.scheduler_config);
  const int side =
      number_or(layout.unet->config, "sample_size", 8, 256, facts.two_towers ? 128 : 64);
  facts.native_width = facts.native_height =
      std::clamp(side * facts.latent_scale() / card::kSideStep * card::kSideStep, card::kSideMin,
                 card::kSideMax);
  if (facts.two_towers) {
    facts.default_guidance = 5.0;
    facts.default_strength = 0.3;
  }
  for (const auto* part :
       {&layout.unet, &layout.vae, &layout.text_encoder, &layout.text_encoder_2}) {
    if (part->has_value()) {
      facts.weights_bytes += static_cast<std::int64_t>((*part)->weights.bytes());
    }
  }
  apply_name_rules(id + " " + facts.title, facts);
  apply_card(layout.card, facts);
  apply_pipeline_rules(facts);
  return facts;
}

card::ModelCard make_card(const ModelFacts& facts, const CheckpointLayout& layout) {
  card::ModelCard card;
  card.id = facts.id;
  card.title = facts.title;
  card.family = layout.family;
  card.format = layout.format;
  card.description = facts.description;
  card.capabilities = {"text_to_image", "image_to_image", "inpaint"};
  if (facts.inpaints_by_channels()) {
    card.capabilities = {"inpaint"};
  }
  if (facts.scheduler.prediction_type.value_or("epsilon") == "v_prediction") {
    card.capabilities.push_back("v_prediction");
  }
  card.native_width = facts.native_width;
  card.native_height = facts.native_height;
  card.memory.weights_bytes = facts.weights_bytes;
  // The decoder's widest level at full size holds about ten maps of its first width, in fp32.
  card.memory.bytes_per_pixel = 40.0 * static_cast<double>(facts.vae.block_out_channels.front());
  card.content_hash = layout.fingerprint;
  card.warnings = warnings_of(layout);
  const card::TaskDescription& task = card::generate_task();
  card.tasks = {{task.id, card::narrowed(task.parameters, overrides_of(facts))}};
  return card;
}

}  // namespace atelier::engine
