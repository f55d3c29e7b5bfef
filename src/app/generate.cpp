// `atelier generate`: makes pictures from a prompt and writes them to files.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>

#include "app/commands.h"
#include "app/job_client.h"
#include "app/run_job.h"
#include "card/tasks/generate.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/log.h"

namespace atelier::app {
namespace {

constexpr const char* kPrompt = "prompt";

void read_size(const std::string& text, TaskFlags& flags) {
  if (text.empty()) return;
  int width = 0, height = 0;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  const bool cross = first.ec == std::errc{} && first.ptr != end && *first.ptr == 'x';
  const auto second = cross ? std::from_chars(first.ptr + 1, end, height) : first;
  if (!cross || second.ec != std::errc{} || second.ptr != end) {
    throw Error(ErrorCode::kInvalidArgument, "--size",
                "invalid size '" + text + "': expected WIDTHxHEIGHT, for example 512x768");
  }
  flags.set("width", width, "--size");
  flags.set("height", height, "--size");
}

void report(const domain::Job& job, const std::string& place, double seconds) {
  CHECK(job.result);  // every job that succeeded has one
  const auto& used = job.result->used.as<card::GenerationUsed>();
  print_notes(used.warnings);
  std::fprintf(stderr, "%dx%d, %d steps of %s %s, guidance %g, seed %llu, %s, %.1f s by %s\n",
               used.width, used.height, used.steps, used.sampler.c_str(), used.schedule.c_str(),
               used.guidance, static_cast<unsigned long long>(used.seed), used.model.c_str(),
               seconds, place.c_str());
}

}  // namespace

GenerateCommand::GenerateCommand()
    : flags(card::generate_task(),
            {.positional = kPrompt,
             .aliases = {{"negative_prompt", "--negative"}, {"guidance", "--cfg"}},
             .left_out = {"preview_every"}}) {}

int generate(const domain::Settings& settings, GenerateCommand command) {
  read_size(command.size, command.flags);
  auto request = command.flags.job();
  // A batch that is too large is refused when it is submitted.
  const int batch = request.input.parameters.as<card::GenerationInput>().batch;
  check_picture_files(command.output, std::clamp(batch, 1, card::kBatchMax), command.flags.files());
  if (command.flags.text(kPrompt).find_first_not_of(" \t\r\n") == std::string::npos) {
    std::fprintf(stderr, "note: the prompt is empty: no text guides the picture\n");
  }
  const auto notes = take_without_effect(request);
  const auto where = command.alone ? RunsWhere::kThisProcess : RunsWhere::kStationIfRunning;
  const auto client = open_job_client(settings, where);
  const auto finished = run_job(*client, request);
  if (finished.cancelled()) {
    std::fprintf(stderr, "cancelled\n");
    return kExitCancelled;
  }
  save_pictures(*client, finished.job, command.output);
  print_notes(notes);
  report(finished.job, client->place(), finished.seconds);
  return 0;
}

int list_models(const domain::Settings& settings) {
  const auto client = open_job_client(settings, RunsWhere::kStationIfRunning);
  const auto models = client->models();
  if (models.empty()) std::printf("no models: put one into %s\n", settings.models_folder().c_str());
  for (const auto& model : models) {
    std::printf(
        "%-44s %-12s %-12s %7.1f MB  %s\n", platform::without_control_characters(model.id).c_str(),
        model.task.c_str(), model.source.c_str(), static_cast<double>(model.size_bytes) / 1e6,
        platform::without_control_characters(model.problem.empty() ? model.title
                                                                   : "unusable: " + model.problem)
            .c_str());
  }
  return 0;
}

}  // namespace atelier::app
