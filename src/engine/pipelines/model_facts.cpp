#include "engine/pipelines/model_facts.h"

#include <algorithm>
#include <cctype>

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
  facts.native_width = number_or(card, "native_width", 64, 2048, facts.native_width) / 8 * 8;
  facts.native_height = number_or(card, "native_height", 64, 2048, facts.native_height) / 8 * 8;
  facts.default_steps = number_or(card, "default_steps", 1, 1000, facts.default_steps);
  facts.default_guidance = number_or(card, "default_guidance", 0.0, 100.0, facts.default_guidance);
  facts.default_strength = number_or(card, "default_strength", 0.01, 1.0, facts.default_strength);
  facts.default_sampler = text_or(card, "default_sampler", "");
  facts.default_schedule = text_or(card, "default_schedule", "");
}

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
      std::clamp(side * facts.latent_scale() / 8 * 8, 64, 2048);
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
  card.task = "generation";
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
  card.parameters = parameters_of(facts);
  return card;
}

}  // namespace atelier::engine
