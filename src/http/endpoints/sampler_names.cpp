#include "http/endpoints/sampler_names.h"

#include <algorithm>
#include <utility>

#include "card/named_choices.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

std::string in_quotes(std::string_view name) { return "'" + platform::cut(name, 60) + "'"; }

// Keeps the id when the engine has it; else warns and leaves the choice to the model.
std::string available(const card::NamedList& names, std::string_view id, std::string_view what,
                      std::vector<std::string>& warnings) {
  if (id.empty() || names.empty()) return std::string{id};
  const auto* found = card::find_choice(names, id);
  if (found != nullptr && found->available) return found->id;
  warnings.push_back("the " + std::string{what} + " " + in_quotes(id) +
                     " is not available: the model's own was used");
  return {};
}

}  // namespace

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
      {"heun", {}, "heun", "", "Heun", "Two model evaluations per step", false, 15, 30, ""},
      {"dpm2", {"kdpm2"}, "dpm_2", "", "DPM2", "Two model evaluations per step", false, 20, 35, ""},
      {"lms", {}, "lms", "", "LMS", "Uses earlier steps", false, 20, 40, ""},
      {"ddim", {}, "ddim", "", "DDIM", "The classic", false, 20, 50, ""},
      {"pndm", {"plms"}, "pndm", "", "PLMS", "The classic with memory", false, 20, 50, ""},
  };
  return kList;
}

SamplerChoice choose_sampler(std::string_view sent, const scheduler::StationStatus& status) {
  constexpr std::size_t kNameMax = 200;  // bytes that are compared
  const std::string name = platform::cut(sent, kNameMax);
  SamplerChoice choice;
  const auto use = [&](std::string_view sampler, std::string_view schedule) {
    choice.sampler = available(status.samplers, sampler, "sampler", choice.warnings);
    choice.schedule = available(status.schedules, schedule, "schedule", choice.warnings);
    return choice;
  };
  const std::string key = card::comparable(name);
  if (key.empty()) return choice;
  for (const auto& known : legacy_schedulers()) {
    const bool named = card::comparable(known.id) == key ||
                       std::ranges::any_of(known.aliases, [&](std::string_view alias) {
                         return card::comparable(alias) == key;
                       });
    if (!named) continue;
    use(known.sampler, known.schedule);
    if (!known.other_meaning.empty()) {
      choice.warnings.push_back(in_quotes(name) +
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
  if (const auto* sampler = card::find_choice(status.samplers, name)) return use(sampler->id, "");
  if (const auto* schedule = card::find_choice(status.schedules, name)) {
    return use("", schedule->id);
  }
  if (const auto pair = card::split_name(name, status.samplers, status.schedules)) {
    return use(pair->first->id, pair->second->id);
  }
  choice.known = false;
  choice.warnings.push_back("there is no sampler " + in_quotes(name) +
                            ": the model's own was used (see /v1/samplers)");
  return choice;
}

}  // namespace atelier::http
