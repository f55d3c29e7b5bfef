// A model's scheduler_config.json: the keys that stand in the file, and nothing for those that do
// not. Carrying a file over to another sampler class keeps its keys and takes the class's defaults
// for the rest. Throws kCorruptData for values of the wrong kind.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::engine {

struct SchedulerFile {
  std::string class_name;  // "PNDMScheduler"
  std::optional<int> num_train_timesteps, steps_offset, solver_order, original_inference_steps;
  std::optional<double> beta_start, beta_end, clip_sample_range, timestep_scaling;
  std::optional<std::string> beta_schedule, prediction_type, timestep_spacing, final_sigmas_type,
      algorithm_type, solver_type, interpolation_type;
  std::optional<bool> set_alpha_to_one, clip_sample, rescale_betas_zero_snr, use_karras_sigmas,
      use_exponential_sigmas, use_beta_sigmas, lower_order_final, euler_at_final;
  std::vector<double> trained_betas;
};

SchedulerFile read_scheduler_file(const boost::json::object& object);
SchedulerFile parse_scheduler_file(std::string_view json);

}  // namespace atelier::engine
