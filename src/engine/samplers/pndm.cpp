// PNDM as PLMS (arXiv 2202.09778, without the Runge-Kutta start): the default of Stable
// Diffusion 1.5. Reference: diffusers PNDMScheduler with skip_prk_steps.
#include <vector>

#include "engine/samplers/all_samplers.h"
#include "engine/samplers/alpha_sampler.h"
#include "engine/samplers/sigma_schedule.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

class Pndm final : public AlphaSampler {
 public:
  explicit Pndm(const SamplerSettings& settings) : AlphaSampler(settings) {
    if (settings.prediction == Prediction::kSample) {
      throw Error(ErrorCode::kInvalidArgument,
                  "PNDM cannot run a model that predicts the sample itself: choose DDIM or Euler");
    }
    timesteps_ = spaced_timesteps(settings, noise_.train_steps(), Rounding::kWhole);
    if (timesteps_.size() > 1) {
      timesteps_.insert(timesteps_.begin() + 1, timesteps_[1]);  // the second step is done twice
    }
  }

  void begin(std::size_t) override {
    history_.clear();
    done_ = 0;
  }

  Tensor step(const Tensor& output, std::size_t model_eval, const Tensor& sample,
              NoiseSource&) override {
    const int stride = noise_.train_steps() / settings_.steps;
    int from = timestep(model_eval), to = from - stride;
    Tensor start = sample;
    // "The second executed step repeats the first", also when image to image has cut the list.
    const bool repeat = done_ == 1;
    if (repeat) {
      to = from;
      from += stride;
    } else {
      history_.push_back(output);
      if (history_.size() > 4) {
        history_.erase(history_.begin());
      }
    }
    const Tensor slope = repeat ? (output + history_.back()) / 2 : combined();
    if (done_ == 0) {
      first_sample_ = sample;
    } else if (repeat) {
      start = first_sample_;
      first_sample_ = Tensor();
    }
    ++done_;
    return transfer(start, from, to, slope);
  }

 private:
  // Adams-Bashforth over the outputs so far.
  Tensor combined() const {
    const std::size_t n = history_.size();
    const auto back = [&](std::size_t i) -> const Tensor& { return history_[n - i]; };
    switch (n) {
      case 1:
        return back(1);
      case 2:
        return (back(1) * 3 - back(2)) / 2;
      case 3:
        return (back(1) * 23 - back(2) * 16 + back(3) * 5) / 12;
      default:
        return (back(1) * 55 - back(2) * 59 + back(3) * 37 - back(4) * 9) / 24;
    }
  }

  // Formula (9) of the paper: from timestep `from` to `to` along one slope.
  Tensor transfer(const Tensor& sample, int from, int to, const Tensor& slope) const {
    const double alpha = noise_.alpha(from), alpha_to = alpha_before(to);
    const Tensor noise = noise_from_alpha(settings_.prediction, alpha, slope, sample);
    const double divisor =
        alpha * std::sqrt(1 - alpha_to) + std::sqrt(alpha * (1 - alpha) * alpha_to);
    return sample * std::sqrt(alpha_to / alpha) - noise * ((alpha_to - alpha) / divisor);
  }

  std::vector<Tensor> history_;
  Tensor first_sample_;
  int done_ = 0;
};

}  // namespace

SamplerEntry pndm_entry() {
  SamplerEntry entry;
  entry.id = "pndm";
  entry.title = "PLMS";
  entry.reference_class = "PNDMScheduler";
  entry.defaults.set_alpha_to_one = false;
  entry.kinds = {SigmaKind::kSpaced};
  entry.why_not_others = "it steps over whole training timesteps and has no sigmas to place";
  entry.honours_zero_snr = false;
  entry.make = [](const SamplerSettings& settings) -> std::unique_ptr<Sampler> {
    return std::make_unique<Pndm>(settings);
  };
  return entry;
}

}  // namespace atelier::engine
