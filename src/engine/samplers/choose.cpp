#include "engine/samplers/choose.h"

#include <algorithm>

#include "card/tasks/generate.h"
#include "engine/samplers/all_samplers.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

template <class Known>
const std::string& title_of(const std::vector<Known>& table, const std::string& id) {
  return std::find_if(table.begin(), table.end(),
                      [&](const Known& known) { return known.id == id; })
      ->title;
}

void refuse_unbuilt(const KnownSampler& sampler) {
  if (!sampler.available) {
    throw Error(ErrorCode::kUnsupported,
                "sampler '" + sampler.title + "' is known but not built yet: '" +
                    title_of(known_samplers(), sampler.nearest) + "' is the nearest that is");
  }
}

void refuse_unbuilt(const KnownSchedule& schedule) {
  if (!schedule.available) {
    throw Error(ErrorCode::kUnsupported,
                "schedule '" + schedule.title + "' is known but not built yet: '" +
                    title_of(known_schedules(), schedule.nearest) + "' is the nearest that is");
  }
}

// The model's own sampler; one that is not built is replaced, with a warning.
const SamplerEntry& sampler_of_file(const SchedulerFile& file, std::vector<std::string>& warnings) {
  const bool stochastic = file.algorithm_type.value_or("").starts_with("sde");
  if (stochastic && file.class_name == "DPMSolverMultistepScheduler") {
    return *find_sampler("dpmpp_2m_sde");
  }
  for (const SamplerEntry& entry : all_samplers()) {
    if (entry.reference_class == file.class_name) {
      return entry;
    }
  }
  if (!file.class_name.empty()) {
    warnings.push_back("the model's configuration names the sampler '" + file.class_name +
                       "', which is not built yet: Euler was used");
  }
  return *find_sampler("euler");
}

Prediction prediction_of(const std::string& name) {
  if (name == "epsilon") return Prediction::kEpsilon;
  if (name == "v_prediction") return Prediction::kVelocity;
  if (name == "sample") return Prediction::kSample;
  throw Error(ErrorCode::kUnsupported,
              "the model predicts '" + platform::cut(name, 60) +
                  "', which is not supported: expected epsilon, v_prediction or sample");
}

Spacing spacing_of(const std::string& name) {
  if (name == "leading") return Spacing::kLeading;
  if (name == "linspace") return Spacing::kLinspace;
  if (name == "trailing") return Spacing::kTrailing;
  throw Error(ErrorCode::kCorruptData,
              "scheduler_config.json: timestep_spacing '" + platform::cut(name, 60) +
                  "' is not supported: expected leading, linspace or trailing");
}

bool offers(const SamplerEntry& entry, SigmaKind kind) {
  return std::find(entry.kinds.begin(), entry.kinds.end(), kind) != entry.kinds.end();
}

// diffusers' from_config: keys that stand in the file, else the class's own defaults.
SamplerSettings carried_over(const SamplerEntry& entry, const SchedulerFile& file) {
  SamplerSettings settings = entry.defaults;
  settings.noise.train_steps = file.num_train_timesteps.value_or(1000);
  settings.noise.beta_start =
      file.beta_start.value_or(0.0001);  // the classes' defaults, of pixel models
  settings.noise.beta_end = file.beta_end.value_or(0.02);
  settings.noise.beta_schedule = file.beta_schedule.value_or("linear");
  settings.noise.trained_betas = file.trained_betas;
  settings.noise.zero_terminal_snr =
      entry.honours_zero_snr && file.rescale_betas_zero_snr.value_or(false);
  settings.prediction = prediction_of(file.prediction_type.value_or("epsilon"));
  settings.steps_offset = file.steps_offset.value_or(0);
  if (file.timestep_spacing) {
    settings.spacing = spacing_of(*file.timestep_spacing);
  }
  settings.set_alpha_to_one = file.set_alpha_to_one.value_or(settings.set_alpha_to_one);
  settings.clip_sample = file.clip_sample.value_or(settings.clip_sample);
  settings.clip_range = file.clip_sample_range.value_or(1.0);
  settings.final_sigma_zero = file.final_sigmas_type.value_or("zero") == "zero";
  settings.lower_order_final = file.lower_order_final.value_or(true);
  settings.euler_at_final = file.euler_at_final.value_or(false);
  settings.original_steps = file.original_inference_steps.value_or(50);
  settings.timestep_scaling = file.timestep_scaling.value_or(10.0);
  // Euler a's class has no such flags, although it supports those sigmas when they are requested by
  // name.
  if (entry.id != "euler_ancestral") {
    if (file.use_karras_sigmas.value_or(false) && offers(entry, SigmaKind::kKarras)) {
      settings.sigmas = SigmaKind::kKarras;
    } else if (file.use_exponential_sigmas.value_or(false) &&
               offers(entry, SigmaKind::kExponential)) {
      settings.sigmas = SigmaKind::kExponential;
    }
  }
  return settings;
}

void apply_schedule(const KnownSchedule& schedule, const SamplerEntry& entry,
                    SamplerSettings& settings) {
  SigmaKind kind = schedule.kind.value_or(settings.sigmas);
  if (kind == SigmaKind::kDdimUniform && !offers(entry, kind)) {
    // For samplers over whole timesteps it is the leading spacing, one timestep up.
    kind = SigmaKind::kSpaced;
    settings.spacing = Spacing::kLeading;
    settings.steps_offset = 1;
  }
  const bool own_list = entry.id == "lcm" && schedule.kind.has_value();
  if (!offers(entry, kind) || own_list) {
    throw Error(ErrorCode::kInvalidArgument,
                "sampler '" + entry.title + "' does not support the schedule '" + schedule.title +
                    "': " + entry.why_not_others +
                    "; leave the schedule out, or choose 'Euler' or 'DPM++ 2M'");
  }
  settings.sigmas = kind;
  if (schedule.spacing) {
    settings.spacing = *schedule.spacing;
  }
}

std::string schedule_title(const SamplerEntry& entry, const SamplerSettings& settings) {
  if (entry.id == "lcm") {
    return "LCM";
  }
  for (const KnownSchedule& schedule : known_schedules()) {
    const bool same_kind = schedule.kind == settings.sigmas;
    if (same_kind && (!schedule.spacing || schedule.spacing == settings.spacing)) {
      return schedule.title;
    }
  }
  return "Automatic";
}

void note_what_differs(const SchedulerFile& file, const SamplerEntry& entry,
                       SamplerChoice& choice) {
  if (file.use_beta_sigmas.value_or(false) && offers(entry, SigmaKind::kKarras)) {
    choice.warnings.push_back(
        "the model's configuration names the schedule 'Beta', which is not built yet: its spacing "
        "was "
        "used");
  }
  const int order = file.solver_order.value_or(entry.solver_order);
  if (entry.solver_order > 0 && order != entry.solver_order) {
    choice.warnings.push_back("the model's configuration names a solver of order " +
                              std::to_string(order) + ": order " +
                              std::to_string(entry.solver_order) + " was used");
  }
}

}  // namespace

SamplerChoice choose_sampler(const std::string& sampler, const std::string& schedule,
                             const SchedulerFile& file, int steps) {
  if (steps < 1 || steps > card::kStepsMax) {
    throw Error(ErrorCode::kInvalidArgument, "steps is " + std::to_string(steps) +
                                                 ", but must lie between 1 and " +
                                                 std::to_string(card::kStepsMax));
  }
  SamplerChoice choice;
  NamedPair pair = sampler.empty() ? NamedPair{} : read_sampler_name(sampler);
  if (!schedule.empty()) {
    pair.schedule = read_schedule_name(schedule);
  }
  if (pair.sampler != nullptr) {
    refuse_unbuilt(*pair.sampler);
    choice.entry = find_sampler(pair.sampler->id);
  } else {
    choice.entry = &sampler_of_file(file, choice.warnings);
  }
  choice.settings = carried_over(*choice.entry, file);
  if (pair.schedule != nullptr && pair.schedule->id != "automatic") {
    refuse_unbuilt(*pair.schedule);
    apply_schedule(*pair.schedule, *choice.entry, choice.settings);
  } else {
    note_what_differs(file, *choice.entry, choice);
  }
  choice.settings.steps = steps;
  choice.sampler_title = choice.entry->title;
  choice.schedule_title = schedule_title(*choice.entry, choice.settings);
  return choice;
}

}  // namespace atelier::engine
