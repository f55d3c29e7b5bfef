// The training noise of a model: how much of the picture is left at each of its (usually 1000)
// timesteps. A plain value made once per job; shared by all samplers. Throws kInvalidArgument for
// an unknown kind. Reference: diffusers schedulers, k-diffusion external.DiscreteSchedule.
#pragma once

#include <string>
#include <vector>

namespace atelier::engine {

struct NoiseScheduleConfig {
  int train_steps = 1000;
  double beta_start = 0.00085, beta_end = 0.012;
  std::string beta_schedule = "scaled_linear";  // "linear", "squaredcos_cap_v2"
  std::vector<double> trained_betas;            // replaces the three above when not empty
  bool zero_terminal_snr = false;
};

// What the sigma-space samplers put in place of an alpha of exactly 0 (their first sigma stays
// finite).
inline constexpr float kSmallestAlpha = 5.9604644775390625e-08F;  // 2^-24

class NoiseSchedule {
 public:
  // `keep_finite`: the last alpha becomes 2^-24 under zero terminal SNR.
  NoiseSchedule(const NoiseScheduleConfig& config, bool keep_finite);

  int train_steps() const { return static_cast<int>(alphas_.size()); }
  double alpha(int timestep) const;  // cumulated product; index is clamped into the table
  double sigma(int timestep) const { return sigmas_[static_cast<std::size_t>(timestep)]; }
  double sigma_min() const { return sigmas_.front(); }
  double sigma_max() const { return sigmas_.back(); }

  double sigma_at(double timestep) const;  // linear between table entries (diffusers)
  double log_sigma_at(
      double timestep) const;  // log-linear between table entries (k-diffusion), as a sigma
  double timestep_of(double sigma) const;  // inverse of the log-linear one, fractional

 private:
  std::vector<float> alphas_, sigmas_, log_sigmas_;
};

}  // namespace atelier::engine
