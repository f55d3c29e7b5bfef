// A run of the task `generate` through the engine's interface, with its input and facts as structs.
// Test code: facts that cannot be read end the test with an exception.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "card/tasks/generate.h"
#include "engine/interface.h"

namespace atelier::golden {

struct GenerationJob {
  engine::ModelFiles model;
  card::GenerationInput input;
  std::optional<media::Image> image, mask;
};

struct GenerationResult {
  std::vector<media::Image> images;
  card::GenerationUsed used;
  card::Timing timing;
};

inline engine::RunRequest request_of(const GenerationJob& job) {
  engine::RunRequest request;
  request.task = card::generate_task().id;
  request.input_json = json::write_json(job.input);
  request.models["model"] = job.model;
  if (job.image) request.attachments["image"] = {{*job.image}};
  if (job.mask) request.attachments["mask"] = {{*job.mask}};
  return request;
}

inline GenerationResult read_result(engine::RunResult result) {
  GenerationResult read;
  for (engine::Output& output : result.outputs) read.images.push_back(std::move(output.picture));
  const card::TaskFacts facts(card::generate_task(), json::parse(result.facts_json));
  read.used = facts.as<card::GenerationUsed>();
  read.timing = std::move(result.timing);
  return read;
}

inline GenerationResult run_generation(engine::Engine& engine, const GenerationJob& job,
                                       engine::JobObserver& observer) {
  return read_result(engine.run(request_of(job), observer));
}

}  // namespace atelier::golden
