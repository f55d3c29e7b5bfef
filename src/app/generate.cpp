// `atelier generate`: a prompt becomes files.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/interruption.h"
#include "app/job_client.h"
#include "app/progress_line.h"
#include "card/tasks/generate.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/log.h"

namespace atelier::app {
namespace {

namespace fs = std::filesystem;

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
                "'" + text + "' is no size: write it as 512x768");
  }
  flags.set("width", width, "--size");
  flags.set("height", height, "--size");
}

// "out.png", "out-2.png", "out-3.png"
fs::path numbered(const fs::path& path, std::size_t index) {
  if (index == 0) return path;
  auto name = path.stem();
  name += "-" + std::to_string(index + 1);
  name += path.extension();
  return path.parent_path() / name;
}

void check_output(const fs::path& output) {
  if (output.extension() != ".png") {
    throw Error(ErrorCode::kInvalidArgument, "-o",
                "pictures are written as PNG, so '" + output.string() + "' must end in .png");
  }
  const auto folder = output.parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw Error(ErrorCode::kNotFound, "-o", "there is no folder '" + folder.string() + "'");
  }
}

void print_notes(const std::vector<std::string>& sentences) {
  for (const auto& sentence : sentences) {
    std::fprintf(stderr, "note: %s\n", platform::without_control_characters(sentence).c_str());
  }
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
  check_output(command.output);
  read_size(command.size, command.flags);
  auto request = command.flags.job();
  if (command.flags.text(kPrompt).find_first_not_of(" \t\r\n") == std::string::npos) {
    std::fprintf(stderr, "note: the prompt is empty: the model draws whatever it likes\n");
  }
  const auto notes = take_without_effect(request);
  auto client = command.alone ? nullptr : find_station(settings);
  if (client == nullptr) client = open_local_job_client(settings);

  const auto started = std::chrono::steady_clock::now();
  domain::Job job;
  {
    ProgressLine line(stderr);
    job = client->run(request, [&line](const domain::Job& now) { line.show(now); }, interrupted);
  }
  if (job.state == domain::JobState::kCancelled) {
    std::fprintf(stderr, "cancelled\n");
    return 130;
  }
  if (job.failure) throw Error(job.failure->code, job.failure->sentence);
  if (!job.result) throw Error(ErrorCode::kInternal, "the job ended without a picture");
  const auto artifacts = job.result->artifacts();
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    const auto path = numbered(command.output, i);
    platform::write_file_atomically(path, client->artifact(artifacts[i]).bytes);
    std::printf("%s\n", path.c_str());
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  print_notes(notes);
  report(job, client->place(), seconds.count());
  return 0;
}

int list_models(const domain::Settings& settings) {
  auto client = find_station(settings);
  if (client == nullptr) client = open_local_job_client(settings);
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
