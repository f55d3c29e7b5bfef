#include "http/endpoints/sampler_names.h"

#include <algorithm>
#include <utility>

#include "platform/error.h"
#include "platform/nearest.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

// Names of all dialects are compared without case, spaces and punctuation; '+' counts as 'p', so
// that "DPM++ 2M" is "dpmpp_2m".
std::string key_of(std::string_view name) {
  std::string key;
  for (char character : name) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
    if (character == '+') character = 'p';
    const bool kept =
        (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
    if (kept) key += character;
  }
  return key;
}

const scheduler::SamplerName* find_name(const std::vector<scheduler::SamplerName>& names,
                                        std::string_view key) {
  for (const auto& name : names) {
    if (key_of(name.id) == key || key_of(name.title) == key) return &name;
    for (const auto& alias : name.aliases) {
      if (key_of(alias) == key) return &name;
    }
  }
  return nullptr;
}

std::string quoted(std::string_view name) { return "'" + platform::cut(name, 60) + "'"; }

// Keeps the id when the engine has it; else warns and leaves the choice to the model.
std::string available(const std::vector<scheduler::SamplerName>& names, std::string_view id,
                      std::string_view what, std::vector<std::string>& warnings) {
  if (id.empty() || names.empty()) return std::string{id};
  const auto* found = find_name(names, key_of(id));
  if (found != nullptr && found->available) return found->id;
  warnings.push_back("the " + std::string{what} + " " + quoted(id) +
                     " is not available: the model's own was used");
  return {};
}

// "DPM++ 2M Karras" and the like: a known sampler followed by a known schedule.
bool split_fused(const std::string& key, const scheduler::StationStatus& status,
                 SamplerChoice& choice) {
  if (key.empty()) return false;
  for (std::size_t cut = key.size() - 1; cut > 0; --cut) {
    const auto* sampler = find_name(status.samplers, std::string_view{key}.substr(0, cut));
    const auto* schedule = find_name(status.schedules, std::string_view{key}.substr(cut));
    if (sampler == nullptr || schedule == nullptr) continue;
    choice.sampler = available(status.samplers, sampler->id, "sampler", choice.warnings);
    choice.schedule = available(status.schedules, schedule->id, "schedule", choice.warnings);
    return true;
  }
  return false;
}

// ": the nearest are euler, heun", or where the list is when nothing is near.
std::string advice(const std::vector<scheduler::SamplerName>& names, std::string_view key) {
  std::vector<std::string> keys;
  for (const auto& name : names) {
    if (name.available) keys.push_back(key_of(name.id));
  }
  std::string text;
  for (const auto& near : platform::near_names(key, keys)) {
    text += (text.empty() ? "" : ", ") + find_name(names, near)->id;
  }
  return text.empty() ? ": GET /api/v1/samplers lists what there is" : ": the nearest are " + text;
}

void check_name(const std::vector<scheduler::SamplerName>& names, std::string_view name,
                std::string_view what, const domain::FieldNames& sent) {
  const std::string key = key_of(platform::cut(name, 200));
  const auto* found = find_name(names, key);
  if (found != nullptr && found->available) return;
  const std::string start = sent.of(what) + ": ";
  const std::string end = advice(names, key);
  if (found != nullptr) {
    throw Error(ErrorCode::kUnsupported, start + "'" + found->title + "' is not built yet" + end);
  }
  throw Error(ErrorCode::kInvalidArgument,
              start + "there is no " + std::string{what} + " " + quoted(name) + end);
}

}  // namespace

void check_sampler_names(std::string_view sampler, std::string_view schedule,
                         const scheduler::StationStatus& status, const domain::FieldNames& names) {
  if (status.samplers.empty()) return;
  if (!schedule.empty()) check_name(status.schedules, schedule, "schedule", names);
  if (sampler.empty()) return;
  SamplerChoice fused;
  const std::string key = key_of(platform::cut(sampler, 200));
  // A schedule's name alone, or a sampler's and a schedule's in one word.
  if (find_name(status.samplers, key) == nullptr &&
      (find_name(status.schedules, key) != nullptr || split_fused(key, status, fused))) {
    if (fused.warnings.empty()) return;
    throw Error(ErrorCode::kUnsupported, names.of("sampler") + ": " + fused.warnings.front());
  }
  check_name(status.samplers, sampler, "sampler", names);
}

const std::vector<LegacyScheduler>& legacy_schedulers() {
  static const std::vector<LegacyScheduler> kList{
      {"dpm_pp_2m_karras",
       {"karras", "dpmpp_2m_karras"},
       "dpmpp_2m",
       "karras",
       "DPM++ 2M Karras",
       "Sharp and quick to settle",
       true,
       20,
       35,
       ""},
      {"dpm_pp_2m_sde_karras",
       {"dpmpp_2m_sde_gpu", "dpmpp_2m_sde_karras"},
       "dpmpp_2m_sde",
       "karras",
       "DPM++ 2M SDE Karras",
       "Rich detail, a little slower to settle",
       true,
       30,
       45,
       ""},
      {"beta",
       {"beta_schedule"},
       "",
       "beta",
       "Beta",
       "Steps placed by a beta distribution",
       false,
       35,
       50,
       "DDIM"},
      {"exponential",
       {"exp"},
       "dpmpp_2m",
       "exponential",
       "Exponential",
       "DPM++ 2M with exponentially placed noise levels",
       false,
       35,
       45,
       "DPM++ 2M Karras"},
      {"align_your_steps",
       {"ays"},
       "dpmpp_2m",
       "align_your_steps",
       "Align Your Steps",
       "Few steps at places found by optimisation",
       false,
       12,
       20,
       "DPM++ 2M Karras"},
      {"sgm_uniform",
       {"uniform"},
       "dpmpp_2m",
       "sgm_uniform",
       "SGM Uniform",
       "Even steps, for few-step models",
       false,
       6,
       10,
       ""},
      {"simple", {}, "euler", "simple", "Simple", "Euler with plain spacing", false, 20, 50, ""},
      {"normal",
       {"linear"},
       "euler",
       "normal",
       "Normal",
       "Euler with even spacing",
       false,
       20,
       50,
       ""},
      {"dpm_pp_2m",
       {"dpmpp_2m", "dpm_solver", "dpm_solver++", "dpm", "dpm++"},
       "dpmpp_2m",
       "",
       "DPM++ 2M",
       "Quick to settle",
       false,
       20,
       40,
       ""},
      {"euler_a",
       {"euler_ancestral"},
       "euler_ancestral",
       "",
       "Euler a",
       "Changes with every step",
       false,
       15,
       30,
       ""},
      {"euler", {"euler_discrete"}, "euler", "", "Euler", "Plain and dependable", false, 8, 25, ""},
      {"heun", {}, "heun", "", "Heun", "Two looks per step", false, 15, 30, ""},
      {"dpm2", {"kdpm2"}, "dpm_2", "", "DPM2", "Two looks per step", false, 20, 35, ""},
      {"lms", {}, "lms", "", "LMS", "Uses earlier steps", false, 20, 40, ""},
      {"ddim", {}, "ddim", "", "DDIM", "The classic", false, 20, 50, ""},
      {"pndm", {"plms"}, "pndm", "", "PLMS", "The classic with memory", false, 20, 50, ""},
  };
  return kList;
}

SamplerChoice choose_sampler(std::string_view name, const scheduler::StationStatus& status) {
  SamplerChoice choice;
  const std::string key = key_of(name);
  if (key.empty()) return choice;
  for (const auto& known : legacy_schedulers()) {
    const bool named =
        key_of(known.id) == key || std::ranges::any_of(known.aliases, [&](std::string_view alias) {
          return key_of(alias) == key;
        });
    if (!named) continue;
    choice.sampler = available(status.samplers, known.sampler, "sampler", choice.warnings);
    choice.schedule = available(status.schedules, known.schedule, "schedule", choice.warnings);
    if (!known.other_meaning.empty()) {
      choice.warnings.push_back(quoted(name) +
                                " means the schedule of that name here; the legacy "
                                "server used " +
                                std::string{known.other_meaning});
    }
    return choice;
  }
  if (status.samplers.empty()) {
    choice.sampler = name;
    return choice;
  }
  if (const auto* sampler = find_name(status.samplers, key)) {
    choice.sampler = available(status.samplers, sampler->id, "sampler", choice.warnings);
    return choice;
  }
  if (const auto* schedule = find_name(status.schedules, key)) {
    choice.schedule = available(status.schedules, schedule->id, "schedule", choice.warnings);
    return choice;
  }
  if (split_fused(key, status, choice)) return choice;
  choice.known = false;
  choice.warnings.push_back("there is no sampler " + quoted(name) +
                            ": the model's own was used (see /v1/samplers)");
  return choice;
}

}  // namespace atelier::http
