#include "engine/samplers/sigma_schedule.h"

#include <algorithm>
#include <cmath>

#include "platform/error.h"

namespace atelier::engine {
namespace {

// numpy's linspace: start + i * step, the last exactly.
std::vector<double> linspace(double start, double stop, int count) {
  std::vector<double> values;
  const double step = count > 1 ? (stop - start) / (count - 1) : 0;
  for (int i = 0; i < count; ++i) {
    values.push_back(start + i * step);
  }
  if (count > 1) {
    values.back() = stop;
  }
  return values;
}

// Halves go to the even neighbour, as numpy rounds (the default rounding mode).
double round_half_even(double value) { return std::nearbyint(value); }

std::vector<double> trailing(int train_steps, int steps) {
  // The length is that of numpy's arange, which may be one more than `steps` by rounding.
  const double stride = static_cast<double>(train_steps) / steps;
  const auto count = static_cast<int>(std::ceil(train_steps / stride));
  std::vector<double> timesteps;
  for (int i = 0; i < count; ++i) {
    timesteps.push_back(round_half_even(train_steps - i * stride) - 1);
  }
  return timesteps;
}

void refuse_more_steps_than_trained(int steps, int train_steps) {
  if (steps > train_steps) {
    throw Error(ErrorCode::kInvalidArgument,
                std::to_string(steps) + " steps were requested, but the model has " +
                    std::to_string(train_steps) + " timesteps: choose fewer steps");
  }
}

}  // namespace

std::vector<double> spaced_timesteps(const SamplerSettings& settings, int train_steps,
                                     Rounding rounding) {
  const int steps = settings.steps;
  refuse_more_steps_than_trained(steps, train_steps);
  if (settings.spacing == Spacing::kTrailing) {
    return trailing(train_steps, steps);
  }
  std::vector<double> timesteps;
  if (settings.spacing == Spacing::kLeading) {
    const int stride = train_steps / steps;
    for (int i = 0; i < steps; ++i) {
      timesteps.push_back(i * stride + settings.steps_offset);
    }
  } else {
    timesteps = linspace(0, train_steps - 1, steps);
    for (double& t : timesteps) {
      t = rounding == Rounding::kWhole ? round_half_even(t)
                                       : static_cast<double>(static_cast<float>(t));
    }
  }
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

std::vector<double> spaced_timesteps_dropping_last(const SamplerSettings& settings,
                                                   int train_steps) {
  const int steps = settings.steps;
  refuse_more_steps_than_trained(steps, train_steps);
  if (settings.spacing == Spacing::kTrailing) {
    return trailing(train_steps, steps);
  }
  std::vector<double> timesteps;
  if (settings.spacing == Spacing::kLeading) {
    const int stride = train_steps / (steps + 1);
    for (int i = 1; i <= steps; ++i) {
      timesteps.push_back(i * stride + settings.steps_offset);
    }
  } else {
    const std::vector<double> points = linspace(0, train_steps - 1, steps + 1);
    for (std::size_t i = 1; i < points.size(); ++i) {
      timesteps.push_back(round_half_even(points[i]));
    }
  }
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

std::vector<double> karras_sigmas(double sigma_max, double sigma_min, int steps) {
  constexpr double kRho = 7;
  const double high = std::pow(sigma_max, 1 / kRho), low = std::pow(sigma_min, 1 / kRho);
  std::vector<double> sigmas;
  for (const double ramp : linspace(0, 1, steps)) {
    sigmas.push_back(std::pow(high + ramp * (low - high), kRho));
  }
  return sigmas;
}

std::vector<double> exponential_sigmas(double sigma_max, double sigma_min, int steps) {
  std::vector<double> sigmas = linspace(std::log(sigma_max), std::log(sigma_min), steps);
  for (double& sigma : sigmas) {
    sigma = std::exp(sigma);
  }
  return sigmas;
}

std::vector<double> table_sigmas(SigmaKind kind, const NoiseSchedule& noise, int steps) {
  const int train_steps = noise.train_steps();
  refuse_more_steps_than_trained(steps, train_steps);
  std::vector<double> sigmas;
  switch (kind) {
    case SigmaKind::kSgmUniform:
    case SigmaKind::kNormal: {
      const bool drop_last = kind == SigmaKind::kSgmUniform;
      const std::vector<double> timesteps =
          linspace(train_steps - 1, 0, drop_last ? steps + 1 : steps);
      for (int i = 0; i < steps; ++i) {
        sigmas.push_back(noise.log_sigma_at(timesteps[static_cast<std::size_t>(i)]));
      }
      break;
    }
    case SigmaKind::kSimple:
      for (int i = 0; i < steps; ++i) {
        const auto back = 1 + static_cast<int>(i * (static_cast<double>(train_steps) / steps));
        sigmas.push_back(noise.sigma(train_steps - back));
      }
      break;
    case SigmaKind::kDdimUniform: {
      const int stride = std::max(train_steps / steps, 1);
      for (int t = 1; t < train_steps; t += stride) {
        sigmas.push_back(noise.sigma(t));
      }
      std::reverse(sigmas.begin(), sigmas.end());
      break;
    }
    case SigmaKind::kKarras:
      return karras_sigmas(noise.sigma_max(), noise.sigma_min(), steps);
    case SigmaKind::kExponential:
      return exponential_sigmas(noise.sigma_max(), noise.sigma_min(), steps);
    case SigmaKind::kSpaced:
      break;
  }
  return sigmas;
}

bool is_table_kind(SigmaKind kind) {
  return kind == SigmaKind::kSgmUniform || kind == SigmaKind::kSimple ||
         kind == SigmaKind::kNormal || kind == SigmaKind::kDdimUniform;
}

std::vector<double> timesteps_of(const NoiseSchedule& noise, const std::vector<double>& sigmas) {
  std::vector<double> timesteps;
  for (const double sigma : sigmas) {
    timesteps.push_back(noise.timestep_of(sigma));
  }
  return timesteps;
}

void round_to_fp32(std::vector<double>& values) {
  for (double& value : values) {
    value = static_cast<double>(static_cast<float>(value));
  }
}

}  // namespace atelier::engine
