#include "engine/samplers/scheduler_file.h"

#include <boost/json.hpp>

#include "platform/error.h"

namespace atelier::engine {
namespace {

[[noreturn]] void wrong_kind(std::string_view key, const char* expected) {
  throw Error(ErrorCode::kCorruptData, "scheduler_config.json: '" + std::string(key) + "' is not " +
                                           expected + ": repair the model's file");
}

const boost::json::value* present(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

void read(const boost::json::object& object, std::string_view key, std::optional<int>& out) {
  if (const auto* value = present(object, key)) {
    if (!value->is_int64() || value->as_int64() < -100000 || value->as_int64() > 100000) {
      wrong_kind(key, "a whole number in range");
    }
    out = static_cast<int>(value->as_int64());
  }
}

void read(const boost::json::object& object, std::string_view key, std::optional<double>& out) {
  if (const auto* value = present(object, key)) {
    if (!value->is_number()) {
      wrong_kind(key, "a number");
    }
    out = value->to_number<double>();
  }
}

void read(const boost::json::object& object, std::string_view key, std::optional<bool>& out) {
  if (const auto* value = present(object, key)) {
    if (!value->is_bool()) {
      wrong_kind(key, "true or false");
    }
    out = value->as_bool();
  }
}

void read(const boost::json::object& object, std::string_view key,
          std::optional<std::string>& out) {
  if (const auto* value = present(object, key)) {
    if (!value->is_string()) {
      wrong_kind(key, "a text");
    }
    out = std::string(value->as_string());
  }
}

}  // namespace

SchedulerFile read_scheduler_file(const boost::json::object& object) {
  SchedulerFile file;
  std::optional<std::string> class_name;
  read(object, "_class_name", class_name);
  file.class_name = class_name.value_or("");
  read(object, "num_train_timesteps", file.num_train_timesteps);
  read(object, "steps_offset", file.steps_offset);
  read(object, "solver_order", file.solver_order);
  read(object, "original_inference_steps", file.original_inference_steps);
  read(object, "beta_start", file.beta_start);
  read(object, "beta_end", file.beta_end);
  read(object, "clip_sample_range", file.clip_sample_range);
  read(object, "timestep_scaling", file.timestep_scaling);
  read(object, "beta_schedule", file.beta_schedule);
  read(object, "prediction_type", file.prediction_type);
  read(object, "timestep_spacing", file.timestep_spacing);
  read(object, "final_sigmas_type", file.final_sigmas_type);
  read(object, "algorithm_type", file.algorithm_type);
  read(object, "solver_type", file.solver_type);
  read(object, "interpolation_type", file.interpolation_type);
  read(object, "set_alpha_to_one", file.set_alpha_to_one);
  read(object, "clip_sample", file.clip_sample);
  read(object, "rescale_betas_zero_snr", file.rescale_betas_zero_snr);
  read(object, "use_karras_sigmas", file.use_karras_sigmas);
  read(object, "use_exponential_sigmas", file.use_exponential_sigmas);
  read(object, "use_beta_sigmas", file.use_beta_sigmas);
  read(object, "lower_order_final", file.lower_order_final);
  read(object, "euler_at_final", file.euler_at_final);
  if (const auto* betas = present(object, "trained_betas")) {
    if (!betas->is_array()) {
      wrong_kind("trained_betas", "a list of numbers");
    }
    for (const auto& beta : betas->as_array()) {
      if (!beta.is_number()) {
        wrong_kind("trained_betas", "a list of numbers");
      }
      file.trained_betas.push_back(beta.to_number<double>());
    }
  }
  return file;
}

SchedulerFile parse_scheduler_file(std::string_view json) {
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(json, failure);
  if (failure || !value.is_object()) {
    throw Error(ErrorCode::kCorruptData,
                "scheduler_config.json is not a JSON object: repair the model's file");
  }
  return read_scheduler_file(value.as_object());
}

}  // namespace atelier::engine
