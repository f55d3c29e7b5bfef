// `atelier generate`: a prompt becomes files.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "app/commands.h"
#include "app/interruption.h"
#include "app/job_client.h"
#include "app/progress_line.h"
#include "card/seed.h"
#include "domain/settings/limits.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/log.h"
#include "platform/utf8.h"

namespace atelier::app {
namespace {

namespace fs = std::filesystem;

void read_size(const std::string& text, card::GenerationInput& input) {
  if (text.empty()) return;
  int width = 0, height = 0;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  const bool cross = first.ec == std::errc{} && first.ptr != end && *first.ptr == 'x';
  const auto second = cross ? std::from_chars(first.ptr + 1, end, height) : first;
  if (!cross || second.ec != std::errc{} || second.ptr != end) {
    throw Error(ErrorCode::kInvalidArgument,
                "--size: '" + text + "' is no size: write it as 512x768");
  }
  input.width = width;
  input.height = height;
}

std::optional<std::uint64_t> read_seed(const std::string& text) {
  const auto read = card::read_seed(text, card::NegativeSeeds::kMinusOneIsAny);
  if (!read) {
    throw Error(ErrorCode::kInvalidArgument,
                "--seed: '" + platform::cut(text, 40) +
                    "' is no seed: " + card::seed_range(card::NegativeSeeds::kMinusOneIsAny));
  }
  return read->seed;
}

// The flags by which a person knows the fields of a job.
domain::FieldNames flags_of(const GenerateCommand& command) {
  domain::FieldNames names{.prefix = "--",
                           .names = {{"prompt", "the prompt"},
                                     {"negative_prompt", "--negative"},
                                     {"guidance", "--cfg"},
                                     {"guidance_rescale", "--guidance-rescale"},
                                     {"clip_skip", "--clip-skip"},
                                     {"keep_outside", "--no-keep-outside"}}};
  if (!command.size.empty()) names.names["width"] = names.names["height"] = "--size";
  return names;
}

card::FitMode read_fit(const std::string& text) {
  if (text.empty() || text == "stretch") return card::FitMode::kStretch;
  if (text == "cover") return card::FitMode::kCover;
  if (text == "contain") return card::FitMode::kContain;
  throw Error(ErrorCode::kInvalidArgument,
              "--fit: '" + text + "' is not known: choose stretch, cover or contain");
}

std::vector<std::uint8_t> read_picture(const std::string& path, const std::string& flag) {
  if (path.empty()) return {};
  auto bytes = platform::read_file(path, domain::limits::kPictureBytesMax);
  if (bytes.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                flag + ": the file '" + path + "' is empty: choose a picture");
  }
  return bytes;
}

// "out.png", "out-2.png", "out-3.png"
fs::path numbered(const fs::path& path, std::size_t index) {
  if (index == 0) return path;
  auto name = path.stem();
  name += "-" + std::to_string(index + 1);
  name += path.extension();
  return path.parent_path() / name;
}

// JSON has no form for these, so that a station would take the default instead.
void check_numbers(const card::GenerationInput& input) {
  const std::pair<const char*, std::optional<double>> numbers[] = {
      {"--cfg", input.guidance},
      {"--guidance-rescale", input.guidance_rescale},
      {"--strength", input.strength}};
  for (const auto& [flag, value] : numbers) {
    if (!value || std::isfinite(*value)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                std::string(flag) + ": this is no finite number: write one such as 0.75");
  }
}

void check_output(const fs::path& output) {
  if (output.extension() != ".png") {
    throw Error(ErrorCode::kInvalidArgument,
                "-o: pictures are written as PNG, so '" + output.string() + "' must end in .png");
  }
  const auto folder = output.parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw Error(ErrorCode::kNotFound, "-o: there is no folder '" + folder.string() + "'");
  }
}

void report(const domain::Job& job, const std::string& place, double seconds) {
  CHECK(job.result);  // every job that succeeded has one
  const auto& used = job.result->used;
  for (const auto& warning : used.warnings) {
    std::fprintf(stderr, "note: %s\n", platform::without_control_characters(warning).c_str());
  }
  std::fprintf(stderr, "%dx%d, %d steps of %s %s, guidance %g, seed %llu, %s, %.1f s by %s\n",
               used.width, used.height, used.steps, used.sampler.c_str(), used.schedule.c_str(),
               used.guidance, static_cast<unsigned long long>(used.seed), used.model.c_str(),
               seconds, place.c_str());
}

}  // namespace

int generate(const domain::Settings& settings, GenerateCommand command) {
  check_output(command.output);
  check_numbers(command.input);
  scheduler::NewJob request;
  request.client = "cli";
  read_size(command.size, command.input);
  command.input.fit = read_fit(command.fit);
  command.input.seed = read_seed(command.seed);
  if (command.input.prompt.find_first_not_of(" \t\r\n") == std::string::npos) {
    std::fprintf(stderr, "note: the prompt is empty: the model draws whatever it likes\n");
  }
  request.names = flags_of(command);
  request.input.generation = command.input;
  request.image = read_picture(command.image, "--image");
  request.mask = read_picture(command.mask, "--mask");
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
  for (std::size_t i = 0; i < job.result->artifacts.size(); ++i) {
    const auto path = numbered(command.output, i);
    platform::write_file_atomically(path, client->artifact(job.result->artifacts[i]).bytes);
    std::printf("%s\n", path.c_str());
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
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
