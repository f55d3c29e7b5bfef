// The start of a run before the denoising loop: the first latents, and the hooks of the loop. One
// file per task: text_to_image.cpp, image_to_image.cpp, inpaint.cpp. Job thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/pipelines/diffusion_model.h"
#include "engine/pipelines/job_plan.h"
#include "engine/pipelines/source.h"
#include "engine/tensor/random.h"

namespace atelier::engine {

// The inputs of the preparation of one group of pictures.
struct TaskContext {
  DiffusionModel& model;
  const GenerateJob& job;
  const JobPlan& plan;
  const SourcePictures& source;  // at the made size
  const Sampler& sampler;
  NoiseSource& noise;           // the order of its draws is the reference's
  std::function<void()> check;  // throws kCancelled

  std::vector<std::int64_t> latent_shape() const;  // [pictures, channels, h, w]
  std::size_t first_eval() const;
};

struct TaskStart {
  Tensor latents;         // fp32, as they are before the first model evaluation
  Tensor extra_channels;  // appended to the network's input (9-channel inpainting), or undefined
  std::function<Tensor(const Tensor& latents, std::size_t model_eval)> after_step;  // may be empty
  std::vector<std::string> warnings;  // sentences, the same for every group
};

TaskStart start_text_to_image(const TaskContext& context);
TaskStart start_image_to_image(const TaskContext& context);
TaskStart start_inpaint(const TaskContext& context);

}  // namespace atelier::engine
