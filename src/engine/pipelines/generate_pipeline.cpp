// The task `generate`: from the request to its outputs.
#include <chrono>
#include <utility>

#include "engine/pipelines/all_pipelines.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/job_plan.h"
#include "json/describe.h"

namespace atelier::engine {
namespace {

std::optional<media::Image> taken(RunRequest& request, const std::string& role) {
  const auto found = request.attachments.find(role);
  if (found == request.attachments.end()) return std::nullopt;
  return std::move(found->second);
}

RunResult result_of(GenerateResult made) {
  RunResult result;
  for (media::Image& image : made.images) {
    result.outputs.push_back({"picture", std::move(image), ""});
  }
  result.facts_json = json::write_json(made.used);
  result.timing = std::move(made.timing);
  return result;
}

}  // namespace

RunResult run_generate(RunRequest request, PipelineContext& context) {
  const GenerateJob job{model_of(request),
                        json::read_json<card::GenerationInput>(request.input_json),
                        taken(request, "image"), taken(request, "mask")};
  const auto start = std::chrono::steady_clock::now();
  DiffusionModel& model = context.load(job.model, {job.input.dtype, job.input.precise},
                                       [&job](const ModelFacts& facts) { plan_job(facts, job); });
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - start;
  return result_of(generate_pictures(model, job, context.observer(), load.count()));
}

}  // namespace atelier::engine
