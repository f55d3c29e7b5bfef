// The task `generate`: from the request to its outputs.
#include <chrono>
#include <utility>

#include "card/tasks/generate.h"
#include "engine/pipelines/all_pipelines.h"
#include "engine/pipelines/diffusion_model.h"
#include "engine/pipelines/elapsed.h"
#include "engine/pipelines/generate.h"
#include "engine/pipelines/job_plan.h"
#include "engine/samplers/names.h"
#include "json/describe.h"

namespace atelier::engine {
namespace {

RunResult result_of(GenerateResult made) {
  RunResult result;
  for (media::Image& image : made.images) {
    result.outputs.push_back({"picture", std::move(image), ""});
  }
  result.facts_json = json::write_json(made.used);
  result.timing = std::move(made.timing);
  return result;
}

std::string formatted(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text + "0" : text;
}

template <class Known>
card::Parameter choice(const char* name, const std::vector<Known>& table, std::string chosen) {
  card::Parameter row{.name = name, .default_value = std::move(chosen)};
  for (const Known& known : table) {
    if (!known.available) continue;
    row.choices.push_back(known.id);
    row.choice_titles.push_back(known.title);
  }
  return row;
}

// The rows of the task as this model narrows them.
std::vector<card::Parameter> overrides_of(const ModelFacts& facts) {
  const auto named = [](const char* name, std::string value) {
    return card::Parameter{.name = name, .default_value = std::move(value)};
  };
  const NamedPair pair =
      facts.default_sampler.empty() ? NamedPair{} : read_sampler_name(facts.default_sampler);
  const KnownSchedule* schedule =
      facts.default_schedule.empty() ? pair.schedule : read_schedule_name(facts.default_schedule);
  return {
      named("width", std::to_string(facts.native_width)),
      named("height", std::to_string(facts.native_height)),
      named("steps", std::to_string(facts.default_steps)),
      named("guidance", formatted(facts.default_guidance)),
      named("strength", formatted(facts.default_strength)),
      choice("sampler", known_samplers(), pair.sampler != nullptr ? pair.sampler->id : ""),
      choice("schedule", known_schedules(),
             schedule != nullptr ? schedule->id : known_schedules().front().id),
  };
}

// Finds errors in the configurations that would only fail the first job.
void check_first_job(const ModelFacts& facts) {
  GenerateJob job;
  job.model.id = facts.id;
  if (facts.inpaints_by_channels()) job.image = job.mask = media::Image{1, 1, 1, {0}};
  plan_job(facts, job).sampler.make();
}

RunResult run(RunRequest request, PipelineContext& context) {
  const GenerateJob job{model_of(request),
                        json::read_json<card::GenerationInput>(request.input_json),
                        take_attachment(request, "image"), take_attachment(request, "mask")};
  const auto start = std::chrono::steady_clock::now();
  Model& model =
      context.load(job.model, {job.input.dtype, job.input.precise},
                   [&job](const DetectedModel& files) { plan_job(facts_of(files), job); });
  const double load_ms = milliseconds_since(start);
  return result_of(generate_pictures(DiffusionModel::of(model), job, context.observer(), load_ms));
}

std::optional<card::ServedTask> serve(const DetectedModel& model) {
  if (model.facts.find<DenoiserFacts>() == nullptr) return std::nullopt;
  const ModelFacts facts = facts_of(model);
  check_first_job(facts);
  const card::TaskDescription& task = card::generate_task();
  return card::ServedTask{task.id, card::narrowed(task.parameters, overrides_of(facts))};
}

}  // namespace

Pipeline generate_pipeline() { return {card::generate_task().id, "making a picture", run, serve}; }

}  // namespace atelier::engine
