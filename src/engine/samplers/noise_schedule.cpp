#include "engine/samplers/noise_schedule.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor/torch_compat.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// Logarithms of noise levels are kept in fp32, and neighbours are some 0.005 apart.
constexpr double kTimestepResolution = 1e-4;

constexpr int kTrainStepsMax = 100'000;  // published models have 1000

Tensor cosine_betas(int steps) {
  const auto bar = [](double t) {
    const double c = std::cos((t + 0.008) / 1.008 * M_PI / 2);
    return c * c;
  };
  std::vector<float> betas;
  for (int i = 0; i < steps; ++i) {
    const double t1 = static_cast<double>(i) / steps, t2 = static_cast<double>(i + 1) / steps;
    betas.push_back(static_cast<float>(std::min(1 - bar(t2) / bar(t1), 0.999)));
  }
  return at::tensor(betas);
}

Tensor training_betas(const NoiseScheduleConfig& config) {
  if (!config.trained_betas.empty()) {
    return at::tensor(config.trained_betas).to(at::kFloat);
  }
  if (config.beta_schedule == "scaled_linear") {
    return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end),
                        config.train_steps, at::kFloat)
        .square();
  }
  if (config.beta_schedule == "linear") {
    return at::linspace(config.beta_start, config.beta_end, config.train_steps, at::kFloat);
  }
  if (config.beta_schedule == "squaredcos_cap_v2") {
    return cosine_betas(config.train_steps);
  }
  throw Error(ErrorCode::kUnsupported,
              "the model's noise schedule '" + config.beta_schedule +
                  "' is not supported: expected linear, scaled_linear or squaredcos_cap_v2");
}

void check_steps(const NoiseScheduleConfig& config) {
  if (config.train_steps < 2 && config.trained_betas.size() < 2) {
    throw Error(ErrorCode::kCorruptData,
                "the model's scheduler file gives fewer than 2 training steps");
  }
  if (config.train_steps > kTrainStepsMax) {
    throw Error(ErrorCode::kCorruptData, "the model's scheduler file gives more than " +
                                             std::to_string(kTrainStepsMax) + " training steps");
  }
}

// Cumulated alphas must be between 0 and 1.
void check_alphas(const std::vector<float>& alphas) {
  for (const float alpha : alphas) {
    if (alpha >= 0 && alpha <= 1) continue;  // false for NaN
    throw Error(ErrorCode::kCorruptData,
                "the model's scheduler file gives no usable noise levels: check its beta_start, "
                "beta_end and trained_betas");
  }
}

// Arxiv 2305.08891, algorithm 1: the last step keeps nothing of the picture, the first is
// unchanged.
Tensor rescale_to_zero_snr(const Tensor& betas) {
  Tensor root = (1.0 - betas).cumprod(0).sqrt();
  const Tensor first = root[0].clone(), last = root[-1].clone();
  root = (root - last) * (first / (first - last));
  const Tensor bar = root.square();
  const Tensor alphas = at::cat({bar.slice(0, 0, 1), bar.slice(0, 1) / bar.slice(0, 0, -1)});
  return 1 - alphas;
}

}  // namespace

NoiseSchedule::NoiseSchedule(const NoiseScheduleConfig& config, bool keep_finite) {
  check_steps(config);
  Tensor betas = training_betas(config);
  if (config.zero_terminal_snr) {
    betas = rescale_to_zero_snr(betas);
  }
  const Tensor alphas = (1.0 - betas).cumprod(0).contiguous();
  alphas_.assign(alphas.data_ptr<float>(), alphas.data_ptr<float>() + alphas.numel());
  if (config.zero_terminal_snr && keep_finite) {
    alphas_.back() = kSmallestAlpha;
  }
  check_alphas(alphas_);
  for (const float alpha : alphas_) {
    const float sigma = std::sqrt((1.0F - alpha) / alpha);
    sigmas_.push_back(sigma);
    log_sigmas_.push_back(static_cast<float>(std::log(static_cast<double>(sigma))));
  }
}

double NoiseSchedule::alpha(int timestep) const {
  return static_cast<double>(
      alphas_[static_cast<std::size_t>(std::clamp(timestep, 0, train_steps() - 1))]);
}

double NoiseSchedule::sigma_at(double timestep) const {
  const double t = std::clamp(timestep, 0.0, static_cast<double>(train_steps() - 1));
  const auto low = static_cast<std::size_t>(std::min(t, static_cast<double>(train_steps() - 2)));
  const double weight = t - static_cast<double>(low);
  return static_cast<double>(sigmas_[low]) +
         weight * (static_cast<double>(sigmas_[low + 1]) - static_cast<double>(sigmas_[low]));
}

double NoiseSchedule::log_sigma_at(double timestep) const {
  const double t = std::clamp(timestep, 0.0, static_cast<double>(train_steps() - 1));
  const auto low = static_cast<std::size_t>(std::min(t, static_cast<double>(train_steps() - 2)));
  const double weight = t - static_cast<double>(low);
  return std::exp((1 - weight) * static_cast<double>(log_sigmas_[low]) +
                  weight * static_cast<double>(log_sigmas_[low + 1]));
}

double NoiseSchedule::timestep_of(double sigma) const {
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  // The comparison is made in fp32, as the reference's arrays are.
  const auto above =
      std::upper_bound(log_sigmas_.begin(), log_sigmas_.end(), static_cast<float>(log_sigma));
  const auto last_low = static_cast<std::ptrdiff_t>(log_sigmas_.size()) - 2;
  const auto low = static_cast<std::size_t>(
      std::clamp(above - log_sigmas_.begin() - 1, std::ptrdiff_t{0}, last_low));
  const auto low_log = static_cast<double>(log_sigmas_[low]);
  const auto spread = static_cast<double>(log_sigmas_[low] - log_sigmas_[low + 1]);
  const double weight = std::clamp((low_log - log_sigma) / spread, 0.0, 1.0);
  const double timestep =
      (1 - weight) * static_cast<double>(low) + weight * static_cast<double>(low + 1);
  // Some samplers cut the fraction off, so 999 less a rounding error would become 998, on one
  // processor and not on the next.
  const double whole = std::nearbyint(timestep);
  return std::abs(timestep - whole) < kTimestepResolution ? whole : timestep;
}

}  // namespace atelier::engine
