// Where the steps of a run lie: timestep spacing (diffusers) and sigma schedules (diffusers,
// k-diffusion). Pure functions; throw kInvalidArgument when no such schedule exists for that many
// steps.
#pragma once

#include <vector>

#include "engine/samplers/sampler.h"

namespace atelier::engine {

// Timesteps of a run, highest first. `rounded`: linspace is rounded to whole timesteps.
enum class Rounding { kFractional, kWhole };
std::vector<double> spaced_timesteps(const SamplerSettings& settings, int train_steps,
                                     Rounding rounding);
// The multistep solvers' variant: one more point is laid and the last is dropped.
std::vector<double> spaced_timesteps_dropping_last(const SamplerSettings& settings,
                                                   int train_steps);

std::vector<double> karras_sigmas(double sigma_max, double sigma_min, int steps);  // rho 7
std::vector<double> exponential_sigmas(double sigma_max, double sigma_min,
                                       int steps);  // straight in log sigma
// k-diffusion's and ComfyUI's schedules over the whole table (kSgmUniform, kSimple, kNormal,
// kDdimUniform, and kKarras, kExponential over the model's full range), without the final zero.
std::vector<double> table_sigmas(SigmaKind kind, const NoiseSchedule& noise, int steps);

bool is_table_kind(SigmaKind kind);  // one of the four that only table_sigmas makes
std::vector<double> timesteps_of(const NoiseSchedule& noise, const std::vector<double>& sigmas);
void round_to_fp32(std::vector<double>& values);  // the reference keeps sigmas in fp32

}  // namespace atelier::engine
