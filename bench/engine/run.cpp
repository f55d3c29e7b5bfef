// atelier-engine-run: one picture straight from the engine library, without station or worker.
//   atelier-engine-run MODEL "prompt" out.ppm [key=value …]
// Keys: device, threads, negative, seed, steps, guidance, width, height, sampler, schedule, batch,
// dtype, clip_skip, strength, image (PPM), mask (PPM), keep_outside (0: not), exact, precise, tile,
// preview (steps between previews, written beside the picture). Prints progress and timings; a
// batch is written as out.0.ppm, out.1.ppm, …
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "card/tasks/generate.h"
#include "engine/interface.h"
#include "platform/error.h"

namespace {

using atelier::media::Image;

void write_ppm(const std::string& path, const Image& image) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << image.width << " " << image.height << "\n255\n";
  file.write(reinterpret_cast<const char*>(image.pixels.data()),
             static_cast<std::streamsize>(image.pixels.size()));
}

Image read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  Image image;
  int highest = 0;
  file >> magic >> image.width >> image.height >> highest;
  file.get();
  if (magic != "P6" || highest != 255 || image.width < 1 || image.height < 1) {
    throw atelier::Error(atelier::ErrorCode::kInvalidArgument,
                         path + " is not an 8-bit binary PPM: convert it with maxval 255");
  }
  image.pixels.resize(image.byte_count());
  file.read(reinterpret_cast<char*>(image.pixels.data()),
            static_cast<std::streamsize>(image.pixels.size()));
  return image;
}

class Printer final : public atelier::engine::JobObserver {
 public:
  explicit Printer(std::string out) : out_(std::move(out)) {}
  void on_progress(const atelier::card::Progress& progress) override {
    std::fprintf(stderr, "%s %d/%d  %.2f it/s  eta %.1f s\n", progress.stage.c_str(), progress.step,
                 progress.total, progress.steps_per_second, progress.eta_seconds);
  }
  void on_preview(const Image& preview) override {
    write_ppm(out_ + ".preview" + std::to_string(previews_++) + ".ppm", preview);
  }
  bool cancelled() override { return false; }

 private:
  std::string out_;
  int previews_ = 0;
};

class Arguments {
 public:
  Arguments(int count, char** values) {
    for (int i = 0; i < count; ++i) {
      const std::string argument = values[i];
      const std::size_t equals = argument.find('=');
      values_[argument.substr(0, equals)] =
          equals == std::string::npos ? "1" : argument.substr(equals + 1);
    }
  }
  bool has(const std::string& key) const { return values_.contains(key); }
  std::string text(const std::string& key) const { return has(key) ? values_.at(key) : ""; }
  double number(const std::string& key) const { return std::strtod(text(key).c_str(), nullptr); }
  int whole(const std::string& key) const { return static_cast<int>(number(key)); }

 private:
  std::map<std::string, std::string> values_;
};

atelier::engine::RunRequest request_of(const std::string& model, const std::string& prompt,
                                       const Arguments& arguments) {
  atelier::card::GenerationInput input;
  input.prompt = prompt;
  if (arguments.has("negative")) input.negative_prompt = arguments.text("negative");
  if (arguments.has("steps")) input.steps = arguments.whole("steps");
  if (arguments.has("guidance")) input.guidance = arguments.number("guidance");
  if (arguments.has("width")) input.width = arguments.whole("width");
  if (arguments.has("height")) input.height = arguments.whole("height");
  if (arguments.has("batch")) input.batch = arguments.whole("batch");
  if (arguments.has("strength")) input.strength = arguments.number("strength");
  input.keep_outside = arguments.text("keep_outside") != "0";
  input.seed = std::strtoull(arguments.text("seed").c_str(), nullptr, 10);
  input.sampler = arguments.text("sampler");
  input.schedule = arguments.text("schedule");
  input.dtype = arguments.text("dtype");
  input.clip_skip = arguments.whole("clip_skip");
  input.exact_size = arguments.has("exact");
  input.precise = arguments.has("precise");
  input.tile_vae = arguments.has("tile");
  input.preview_every = arguments.whole("preview");
  atelier::engine::RunRequest request;
  request.task = atelier::card::generate_task().id;
  request.input_json = atelier::json::write_json(input);
  request.models["model"] = {"model", model};
  for (const char* const role : {"image", "mask"}) {
    if (arguments.has(role)) request.attachments[role] = {{read_ppm(arguments.text(role))}};
  }
  return request;
}

// Private memory: the models and what the libraries allocate.
long long private_megabytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  long long kilobytes = 0;
  for (std::string word; rollup >> word;) {
    if (long long value = 0; word.starts_with("Private_") && rollup >> value) kilobytes += value;
  }
  return kilobytes / 1024;
}

void run(const std::string& model, const std::string& prompt, const std::string& out,
         const Arguments& arguments) {
  atelier::engine::EngineOptions options;
  if (arguments.has("device")) options.device = arguments.text("device");
  if (arguments.has("threads")) options.threads = arguments.whole("threads");
  atelier::engine::Engine* engine = atelier_engine_create(&options);
  Printer printer(out);
  const auto result = engine->run(request_of(model, prompt, arguments), printer);
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    write_ppm(result.outputs.size() == 1 ? out : out + "." + std::to_string(i) + ".ppm",
              result.outputs[i].picture);
  }
  const auto used = atelier::json::read_json<atelier::card::GenerationUsed>(result.facts_json);
  const auto& timing = result.timing;
  std::printf("%s, %s, %d steps, guidance %g, seed %llu, %dx%d made at %dx%d, %s\n",
              used.sampler.c_str(), used.schedule.c_str(), used.steps, used.guidance,
              static_cast<unsigned long long>(used.seed), used.width, used.height, used.made_width,
              used.made_height, used.dtype.c_str());
  std::printf("load %.0f ms, encode %.0f ms, denoise %.0f ms (%.1f ms a step), decode %.0f ms\n",
              timing.at("load_ms"), timing.at("encode_ms"), timing.at("denoise_ms"),
              timing.at("step_ms_median"), timing.at("decode_ms"));
  engine->give_back_memory();
  std::printf("private memory after the job: %lld MB\n", private_megabytes());
  for (const std::string& warning : used.warnings) {
    std::printf("warning: %s\n", warning.c_str());
  }
  atelier_engine_destroy(engine);
}

}  // namespace

int main(int count, char** values) {
  if (count < 4) {
    std::cerr << "usage: atelier-engine-run MODEL \"prompt\" out.ppm [key=value …]\n";
    return 2;
  }
  // OpenMP reads this when it is loaded: spinning threads cost seconds a step on a busy machine.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    ::setenv("OMP_WAIT_POLICY", "passive", 1);
    ::execv("/proc/self/exe", values);
  }
  try {
    run(values[1], values[2], values[3], Arguments(count - 4, values + 4));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
