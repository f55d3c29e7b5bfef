#include "engine/samplers/names.h"

#include <algorithm>

#include "engine/samplers/all_samplers.h"
#include "platform/error.h"
#include "platform/nearest.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

// Aliases are written as their dialects spell them; the comparison key drops the rest.
// Order: A1111 label, k-diffusion, ComfyUI, stable-diffusion.cpp, InvokeAI, diffusers, legacy
// systems.
// A sampler that is not built names the nearest one that is; the name has no effect once it is
// built.
std::vector<KnownSampler> make_samplers() {
  std::vector<KnownSampler> table{
      {"dpmpp_2m",
       "DPM++ 2M",
       false,
       "",
       {"DPM++ 2M", "k_dpmpp_2m", "sample_dpmpp_2m", "dpmpp_2m", "dpm++2m", "dpm++2mv2",
        "dpm++2m_v2", "DPMSolverMultistep", "DPMSolverMultistepScheduler", "dpm_pp_2m",
        "dpm_solver", "dpm_solver++", "dpm", "dpm++", "dpm_multi"}},
      {"dpmpp_2m_sde",
       "DPM++ 2M SDE",
       false,
       "",
       {"DPM++ 2M SDE", "k_dpmpp_2m_sde", "sample_dpmpp_2m_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
        "dpm++2m_sde", "dpm++2m_sde_bt", "dpm_pp_2m_sde", "dpm_pp_2m_sde_gpu"}},
      {"euler",
       "Euler",
       false,
       "",
       {"Euler", "k_euler", "sample_euler", "EulerDiscrete", "EulerDiscreteScheduler",
        "euler_discrete"}},
      {"euler_ancestral",
       "Euler a",
       false,
       "",
       {"Euler a", "k_euler_a", "sample_euler_ancestral", "k_euler_ancestral", "euler_ancestral",
        "euler_a", "EulerAncestral", "EulerAncestralDiscrete", "EulerAncestralDiscreteScheduler"}},
      {"heun",
       "Heun",
       false,
       "",
       {"Heun", "k_heun", "sample_heun", "HeunDiscrete", "HeunDiscreteScheduler"}},
      {"ddim", "DDIM", false, "", {"DDIM", "DDIMScheduler"}},
      {"ddpm", "DDPM", false, "", {"DDPM", "DDPMScheduler", "k_ddpm"}},
      {"lcm", "LCM", false, "", {"LCM", "LCMScheduler", "k_lcm"}},
      {"unipc",
       "UniPC",
       false,
       "",
       {"UniPC", "k_unipc", "uni_pc", "uni_pc_bh2", "UniPCMultistep", "UniPCMultistepScheduler"}},
      {"pndm", "PLMS", false, "", {"PLMS", "k_plms", "pndm", "PNDM", "PNDMScheduler"}},
      {"lms",
       "LMS",
       false,
       "dpmpp_2m",
       {"LMS", "k_lms", "sample_lms", "LMSDiscrete", "LMSDiscreteScheduler"}},
      {"dpm_2",
       "DPM2",
       false,
       "heun",
       {"DPM2", "k_dpm_2", "sample_dpm_2", "dpm_2", "kdpm_2", "kdpm2", "KDPM2Discrete",
        "KDPM2DiscreteScheduler"}},
      {"dpm_2_ancestral",
       "DPM2 a",
       false,
       "euler_ancestral",
       {"DPM2 a", "k_dpm_2_a", "sample_dpm_2_ancestral", "dpm_2_ancestral", "k_dpm_2_ancestral",
        "kdpm_2_a", "KDPM2Ancestral", "KDPM2AncestralDiscrete", "KDPM2AncestralDiscreteScheduler"}},
      {"dpmpp_2s_ancestral",
       "DPM++ 2S a",
       false,
       "euler_ancestral",
       {"DPM++ 2S a", "k_dpmpp_2s_a", "sample_dpmpp_2s_ancestral", "dpmpp_2s_ancestral",
        "dpm++2s_a", "dpmpp_2s", "DPMSolverSinglestep", "DPMSolverSinglestepScheduler"}},
      {"dpmpp_sde",
       "DPM++ SDE",
       false,
       "dpmpp_2m_sde",
       {"DPM++ SDE", "k_dpmpp_sde", "sample_dpmpp_sde", "dpmpp_sde", "dpmpp_sde_gpu",
        "DPMSolverSDE", "DPMSolverSDEScheduler"}},
      {"dpmpp_2m_sde_heun",
       "DPM++ 2M SDE Heun",
       false,
       "dpmpp_2m_sde",
       {"DPM++ 2M SDE Heun", "k_dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"}},
      {"dpmpp_3m_sde",
       "DPM++ 3M SDE",
       false,
       "dpmpp_2m_sde",
       {"DPM++ 3M SDE", "k_dpmpp_3m_sde", "sample_dpmpp_3m_sde", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu",
        "dpmpp_3m"}},
      {"dpm_fast", "DPM fast", false, "dpmpp_2m", {"DPM fast", "k_dpm_fast", "sample_dpm_fast"}},
      {"dpm_adaptive",
       "DPM adaptive",
       false,
       "dpmpp_2m",
       {"DPM adaptive", "k_dpm_ad", "k_dpm_adaptive", "sample_dpm_adaptive"}},
      {"ddim_cfgpp", "DDIM CFG++", false, "ddim", {"DDIM CFG++", "ddim_cfgpp", "ddim_cfg_pp"}},
      {"tcd", "TCD", false, "lcm", {"TCD", "TCDScheduler"}},
      {"restart", "Restart", false, "dpmpp_2m_sde", {"Restart", "k_restart"}},
      {"heunpp2", "HeunPP2", false, "heun", {"HeunPP2", "k_heunpp2"}},
      {"ipndm", "IPNDM", false, "pndm", {"IPNDM", "IPNDMScheduler", "k_ipndm"}},
      {"ipndm_v", "IPNDM_V", false, "pndm", {"IPNDM_V", "k_ipndm_v"}},
      {"deis",
       "DEIS",
       false,
       "unipc",
       {"DEIS", "DEISMultistep", "DEISMultistepScheduler", "k_deis"}},
      {"res_multistep",
       "RES Multistep",
       false,
       "dpmpp_2m",
       {"res_multistep", "res_multistep_cfg_pp", "res_multistep_ancestral",
        "res_multistep_ancestral_cfg_pp"}},
      {"res_2s", "RES 2S", false, "heun", {"res_2s"}},
      {"er_sde", "ER SDE", false, "dpmpp_2m_sde", {"er_sde"}},
      {"gradient_estimation",
       "Gradient Estimation",
       false,
       "euler",
       {"gradient_estimation", "gradient_estimation_cfg_pp", "euler_ge"}},
      {"seeds_2", "SEEDS 2", false, "dpmpp_2m_sde", {"seeds_2"}},
      {"seeds_3", "SEEDS 3", false, "dpmpp_2m_sde", {"seeds_3"}},
      {"sa_solver", "SA Solver", false, "dpmpp_2m_sde", {"sa_solver", "SASolverScheduler"}},
      {"sa_solver_pece", "SA Solver PECE", false, "dpmpp_2m_sde", {"sa_solver_pece"}},
      {"exp_heun_2_x0",
       "Exponential Heun 2",
       false,
       "heun",
       {"exp_heun_2_x0", "exp_heun_2_x0_sde"}},
      {"euler_cfg_pp", "Euler CFG++", false, "euler", {"euler_cfg_pp"}},
      {"euler_ancestral_cfg_pp",
       "Euler a CFG++",
       false,
       "euler_ancestral",
       {"euler_ancestral_cfg_pp", "euler_a_cfg_pp"}},
  };
  for (KnownSampler& sampler : table) {
    sampler.available = find_sampler(sampler.id) != nullptr;
    if (sampler.available) sampler.nearest.clear();
  }
  return table;
}

std::vector<KnownSchedule> make_schedules() {
  using Aliases = std::vector<std::string>;
  std::vector<KnownSchedule> table;
  const auto spaced = [&](const char* id, const char* title, Aliases aliases, Spacing spacing) {
    table.push_back({id, title, true, "", std::move(aliases), SigmaKind::kSpaced, spacing});
  };
  const auto placed = [&](const char* id, const char* title, Aliases aliases, SigmaKind kind) {
    table.push_back({id, title, true, "", std::move(aliases), kind, std::nullopt});
  };
  const auto later = [&](const char* id, const char* title, Aliases aliases, const char* nearest) {
    table.push_back({id, title, false, nearest, std::move(aliases), std::nullopt, std::nullopt});
  };
  table.push_back({"automatic",
                   "Automatic",
                   true,
                   "",
                   {"auto", "default", "model"},
                   std::nullopt,
                   std::nullopt});
  placed("karras", "Karras", {}, SigmaKind::kKarras);
  placed("exponential", "Exponential", {"exp"}, SigmaKind::kExponential);
  placed("sgm_uniform", "SGM Uniform", {"sgm"}, SigmaKind::kSgmUniform);
  placed("simple", "Simple", {}, SigmaKind::kSimple);
  placed("normal", "Normal", {"uniform", "discrete"}, SigmaKind::kNormal);
  placed("ddim_uniform", "DDIM", {"ddim"}, SigmaKind::kDdimUniform);
  spaced("leading", "Leading", {}, Spacing::kLeading);
  spaced("linspace", "Linspace", {"linear"}, Spacing::kLinspace);
  spaced("trailing", "Trailing", {}, Spacing::kTrailing);
  later("beta", "Beta", {"beta_schedule"}, "sgm_uniform");
  later("polyexponential", "Polyexponential", {"poly_exponential"}, "exponential");
  later("kl_optimal", "KL Optimal", {}, "karras");
  later("align_your_steps", "Align Your Steps",
        {"ays", "align_your_steps_11", "align_your_steps_32"}, "karras");
  later("align_your_steps_gits", "Align Your Steps GITS", {"gits", "ays_gits"}, "karras");
  later("turbo", "Turbo", {}, "trailing");
  later("linear_quadratic", "Linear Quadratic", {}, "simple");
  later("smoothstep", "Smoothstep", {}, "simple");
  later("lcm_schedule", "LCM", {"lcm"}, "trailing");
  later("bong_tangent", "Bong Tangent", {}, "karras");
  return table;
}

std::string key_of(std::string_view text) {
  std::string key;
  for (const char c : text) {
    if (c == '+') {
      key += 'p';
    } else if (c >= 'A' && c <= 'Z') {
      key += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      key += c;
    }
  }
  return key;
}

template <class Known>
const Known* find_key(const std::vector<Known>& table, const std::string& key) {
  for (const Known& known : table) {
    if (key == key_of(known.id) || key == key_of(known.title) ||
        std::any_of(known.aliases.begin(), known.aliases.end(),
                    [&](const std::string& alias) { return key == key_of(alias); })) {
      return &known;
    }
  }
  return nullptr;
}

// "'DPM++ 2M', 'Euler' and 'Heun'": the three available names closest to the text.
template <class Known>
std::string nearest_titles(const std::vector<Known>& table, const std::string& key) {
  std::vector<std::pair<std::size_t, const Known*>> ranked;
  for (const Known& known : table) {
    if (known.available) {
      std::size_t best = platform::edit_distance(key, key_of(known.title));
      for (const std::string& alias : known.aliases) {
        best = std::min(best, platform::edit_distance(key, key_of(alias)));
      }
      ranked.emplace_back(best, &known);
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i) {
    text += (i == 0 ? "'" : i == 2 ? " and '" : ", '") + ranked[i].second->title + "'";
  }
  return text;
}

std::string shortened(std::string_view text) { return platform::cut(text, 60); }

// "dpmpp2mkarras" is "dpmpp2m" and "karras".
std::optional<NamedPair> split_fused(const std::string& key) {
  for (std::size_t cut = key.size() - 1; cut > 1; --cut) {
    const KnownSchedule* schedule = find_key(known_schedules(), key.substr(cut));
    const KnownSampler* sampler = find_key(known_samplers(), key.substr(0, cut));
    if (schedule != nullptr && sampler != nullptr) {
      return NamedPair{sampler, schedule};
    }
  }
  return std::nullopt;
}

}  // namespace

const std::vector<KnownSampler>& known_samplers() {
  static const std::vector<KnownSampler> table = make_samplers();
  return table;
}

const std::vector<KnownSchedule>& known_schedules() {
  static const std::vector<KnownSchedule> table = make_schedules();
  return table;
}

NamedPair read_sampler_name(std::string_view text) {
  const std::string key = key_of(platform::cut(text, 200));
  if (const KnownSampler* sampler = find_key(known_samplers(), key)) {
    return {sampler, nullptr};
  }
  // The legacy systems call a whole configuration by its schedule: "karras" is DPM++ 2M Karras.
  if (const KnownSchedule* schedule = find_key(known_schedules(), key)) {
    if (schedule->id == "automatic") {
      return {};
    }
    const bool plain =
        schedule->id == "simple" || schedule->id == "normal" || schedule->id == "linspace";
    return {find_key(known_samplers(), plain ? "euler" : "dpmpp2m"), schedule};
  }
  if (key.size() > 2) {
    if (const auto pair = split_fused(key)) {
      return *pair;
    }
  }
  throw Error(ErrorCode::kInvalidArgument, "no sampler is called '" + shortened(text) +
                                               "': the nearest names are " +
                                               nearest_titles(known_samplers(), key));
}

const KnownSchedule* read_schedule_name(std::string_view text) {
  const std::string key = key_of(platform::cut(text, 200));
  if (const KnownSchedule* schedule = find_key(known_schedules(), key)) {
    return schedule;
  }
  throw Error(ErrorCode::kInvalidArgument, "no schedule is called '" + shortened(text) +
                                               "': the nearest names are " +
                                               nearest_titles(known_schedules(), key));
}

}  // namespace atelier::engine
