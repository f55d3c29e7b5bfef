#include "worker/fake_engine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "platform/error.h"
#include "platform/system.h"

namespace atelier::worker {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kNativeSide = 128;
constexpr int kDefaultSteps = 8;

std::map<std::string, std::string> parse_switches(const std::string& text) {
  std::map<std::string, std::string> switches;
  std::stringstream list(text);
  for (std::string item; std::getline(list, item, ',');) {
    const auto equals = item.find('=');
    switches[item.substr(0, equals)] = equals == std::string::npos ? "" : item.substr(equals + 1);
  }
  return switches;
}

media::Image noise(int width, int height, const std::string& prompt, std::uint64_t seed) {
  media::Image image{width, height, 3, {}};
  image.pixels.resize(image.byte_count());
  std::mt19937_64 random(std::hash<std::string>{}(prompt) ^ seed);
  const auto tint = random();
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>((random() & 0x3FU) + (tint >> (i % 3 * 8) & 0xBFU));
  }
  return image;
}

class FakeEngine final : public engine::Engine {
 public:
  explicit FakeEngine(const std::string& switches) : switches_(parse_switches(switches)) {}

  engine::EngineReport report() override {
    engine::EngineReport report;
    report.device_name = platform::processor_name();
    report.libtorch = "none";
    report.blas = "none";
    report.compute_dtype = "fp32";
    report.threads = platform::usable_processors();
    return report;
  }

  engine::MemoryReport memory() override {
    const platform::Memory memory = platform::machine_memory();
    return {memory.total_bytes, memory.available_bytes, 0, loaded_};
  }

  std::vector<engine::NamedChoice> samplers() override {
    return {{"euler", "Euler", true, {"k_euler"}}, {"lms", "LMS", false, {"k_lms"}}};
  }
  std::vector<engine::NamedChoice> schedules() override { return {{"karras", "Karras", true, {}}}; }

  card::ModelCard inspect(const engine::ModelFiles& files) override {
    card::ModelCard card;
    card.id = files.id.empty() ? "fake" : files.id;
    card.title = "Fake (coloured noise for tests)";
    card.family = "fake";
    card.task = "generation";
    card.capabilities = {"text_to_image", "image_to_image", "inpaint"};
    card.native_width = card.native_height = kNativeSide;
    card.parameters = {
        {"steps", "integer", "Steps", "", 1.0, 1000.0, 1.0, std::to_string(kDefaultSteps), {}},
        {"guidance", "number", "Guidance", "", 0.0, 30.0, 0.5, "5", {}},
        {"strength", "number", "Strength", "", 0.0, 1.0, 0.05, "0.75", {}}};
    return card;
  }

  engine::GenerateResult generate(const engine::GenerateJob& job,
                                  engine::JobObserver& observer) override {
    const Clock::time_point start = Clock::now();
    load(job.model.id, observer);
    const std::vector<char> ballast(static_cast<std::size_t>(number("memory_mb", 0)) << 20, 1);
    const int steps = job.input.steps.value_or(kDefaultSteps);
    const std::uint64_t seed = job.input.seed.value_or(0);
    for (int step = 1; step <= steps; ++step) run_step(job, step, steps, seed, observer);

    engine::GenerateResult result;
    const int width = job.input.width.value_or(kNativeSide);
    const int height = job.input.height.value_or(kNativeSide);
    observer.on_progress({"decode", steps, steps, 0, 0});
    for (int i = 0; i < job.input.batch; ++i) {
      result.images.push_back(
          noise(width, height, job.input.prompt, seed + static_cast<std::uint64_t>(i)));
    }
    card::GenerationUsed& used = result.used;
    used.model = job.model.id;
    used.model_title = "Fake";
    used.sampler = "Euler";
    used.width = used.made_width = width;
    used.height = used.made_height = height;
    used.steps = steps;
    used.guidance = job.input.guidance.value_or(5);
    used.seed = seed;
    used.batch = job.input.batch;
    used.strength = job.image ? std::optional(job.input.strength.value_or(0.75)) : std::nullopt;
    used.dtype = "fp32";
    used.prompt = job.input.prompt;
    used.negative_prompt = job.input.negative_prompt.value_or("");
    result.timing.denoise_ms =
        std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    result.timing.step_ms_median = number("step_ms", 20);
    return result;
  }

  void unload_all() override { loaded_.clear(); }

 private:
  int number(const std::string& name, int otherwise) const {
    const auto found = switches_.find(name);
    return found == switches_.end() ? otherwise : std::atoi(found->second.c_str());
  }

  void load(const std::string& id, engine::JobObserver& observer) {
    if (std::find(loaded_.begin(), loaded_.end(), id) != loaded_.end()) return;
    observer.on_progress({"load", 0, 1, 0, 0});
    wait(number("load_ms", 0), observer);
    loaded_.push_back(id);
  }

  void run_step(const engine::GenerateJob& job, int step, int steps, std::uint64_t seed,
                engine::JobObserver& observer) {
    const int step_ms = number("step_ms", 20);
    if (step == number("crash_at_step", -1)) std::abort();
    if (step == 2 && switches_.contains("crash_once")) {
      const std::string& mark = switches_.at("crash_once");
      if (!std::filesystem::exists(mark)) {
        std::ofstream(mark) << "crashed";
        std::abort();
      }
    }
    if (step == number("oom_at_step", -1)) {
      throw Error(ErrorCode::kOutOfMemory, "out of memory: the fake engine was told to run out");
    }
    while (step == number("hang_at_step", -1)) std::this_thread::sleep_for(milliseconds(100));
    wait(step_ms, observer);
    observer.on_progress({"denoise", step, steps, (steps - step) * step_ms / 1000.0,
                          step_ms > 0 ? 1000.0 / step_ms : 0});
    if (job.input.preview_every > 0 && step % job.input.preview_every == 0) {
      observer.on_preview(noise(16, 16, job.input.prompt, seed + static_cast<std::uint64_t>(step)));
    }
  }

  static void wait(int ms, engine::JobObserver& observer) {
    const Clock::time_point until = Clock::now() + milliseconds(ms);
    do {
      if (observer.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
      std::this_thread::sleep_for(std::min<Clock::duration>(milliseconds(5), until - Clock::now()));
    } while (Clock::now() < until);
  }

  const std::map<std::string, std::string> switches_;
  std::vector<std::string> loaded_;
};

}  // namespace

std::unique_ptr<engine::Engine> make_fake_engine(const std::string& switches) {
  return std::make_unique<FakeEngine>(switches);
}

}  // namespace atelier::worker
