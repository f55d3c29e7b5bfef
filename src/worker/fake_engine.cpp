#include "worker/fake_engine.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "media/image/blend.h"
#include "media/image/convert.h"
#include "media/image/resample.h"
#include "platform/error.h"

namespace atelier::worker {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr int kBlock = 16;            // pixels of one block of colour: noise that still compresses
constexpr int kPreviewSide = 64;      // of the longer side
constexpr int kSoftEdge = 8;          // of a mask: one cell of a real model's latents
constexpr Milliseconds kPatience{5};  // between two looks at cancellation

int read_switch(std::string_view name, std::string_view value) {
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "--fake " + std::string(name) + " wants a whole number, not '" + std::string(value) + "'");
  }
  return number;
}

int* number_of(FakeSwitches& switches, std::string_view name) {
  const std::pair<std::string_view, int*> known[] = {
      {"step_ms", &switches.step_ms},
      {"load_ms", &switches.load_ms},
      {"hello_ms", &switches.hello_ms},
      {"late_ms", &switches.late_ms},
      {"crash_at_step", &switches.crash_at_step},
      {"poison_at_step", &switches.poison_at_step},
      {"hang_at_step", &switches.hang_at_step},
      {"hang", &switches.hang_at_step},
      {"oom_at_step", &switches.oom_at_step},
      {"oom_once", &switches.oom_once},
      {"memory_mb", &switches.memory_mb},
      {"deadly_files", &switches.deadly_files},
  };
  for (const auto& [known_name, place] : known) {
    if (known_name == name) return place;
  }
  return nullptr;
}

// The same letters give the same number on every machine (FNV-1a), unlike std::hash.
std::uint64_t fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char character : text) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3ULL;
  }
  return hash;
}

// `done` of 1 is the finished picture; less mixes grey in, so that previews visibly change.
media::Image noise_picture(int width, int height, std::uint64_t seed, double done) {
  media::Image picture{width, height, 3, {}};
  picture.pixels.resize(picture.byte_count());
  std::mt19937_64 random(seed);
  const int columns = (width + kBlock - 1) / kBlock;
  const int rows = (height + kBlock - 1) / kBlock;
  std::vector<std::uint8_t> blocks(static_cast<std::size_t>(columns * rows * 3));
  for (std::uint8_t& value : blocks) {
    const auto colour = static_cast<double>(random() & 0xffU);
    value = static_cast<std::uint8_t>(128 + (colour - 128) * done);
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t block = static_cast<std::size_t>((y / kBlock) * columns + x / kBlock) * 3;
      const std::size_t pixel = (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                 static_cast<std::size_t>(x)) *
                                3;
      std::copy_n(&blocks[block], 3, &picture.pixels[pixel]);
    }
  }
  return picture;
}

// The noise over the picture to start from, as thick as the strength says; only within a mask,
// unless what is outside shall change as well.
media::Image drawn_over(const engine::GenerateJob& job, double strength, media::Image noise) {
  if (!job.image) return noise;
  const media::Image source =
      media::resize(media::to_rgb(*job.image), noise.width, noise.height, media::Filter::kLanczos);
  media::Image where{noise.width, noise.height, 1, {}};
  if (job.mask && job.input.keep_outside) {
    where = media::with_soft_edge(media::resize(media::to_grey(*job.mask), noise.width,
                                                noise.height, media::Filter::kLanczos),
                                  kSoftEdge);
  } else {
    where.pixels.assign(where.byte_count(), static_cast<std::uint8_t>(255 * strength));
  }
  return media::blended(source, noise, where);
}

const std::vector<engine::NamedChoice>& fake_samplers() {
  static const std::vector<engine::NamedChoice> kSamplers{
      {"euler", "Euler", true, {"k_euler"}},
      {"euler_a", "Euler a", true, {"k_euler_a", "euler_ancestral"}},
      {"dpmpp_2m", "DPM++ 2M", true, {"k_dpmpp_2m"}},
      {"ddim", "DDIM", true, {}},
      {"lms", "LMS", false, {"k_lms"}},
  };
  return kSamplers;
}

const std::vector<engine::NamedChoice>& fake_schedules() {
  static const std::vector<engine::NamedChoice> kSchedules{
      {"normal", "Normal", true, {}},
      {"karras", "Karras", true, {}},
      {"exponential", "Exponential", true, {}},
  };
  return kSchedules;
}

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& character : copy)
    character = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
  return copy;
}

const engine::NamedChoice& choose(const std::vector<engine::NamedChoice>& known,
                                  const std::string& name, const std::string& what) {
  if (name.empty()) return known.front();
  const std::string wanted = lower(name);
  for (const auto& choice : known) {
    const bool match =
        wanted == choice.id || wanted == lower(choice.title) ||
        std::find(choice.aliases.begin(), choice.aliases.end(), wanted) != choice.aliases.end();
    if (match && choice.available) return choice;
    if (match) {
      throw Error(ErrorCode::kUnsupported,
                  "the " + what + " '" + choice.title + "' is not built yet: choose another");
    }
  }
  throw Error(ErrorCode::kInvalidArgument,
              "there is no " + what + " '" + name + "': choose one of the listed");
}

class FakeEngine final : public engine::Engine {
 public:
  explicit FakeEngine(FakeSwitches switches) : switches_(std::move(switches)) {
    std::this_thread::sleep_for(Milliseconds(switches_.hello_ms));
  }

  engine::EngineReport report() override {
    engine::EngineReport report;
    report.device_name = "no device (fake engine)";
    report.compute_dtype = "fp32";
    report.threads = 1;
    return report;
  }

  engine::MemoryReport memory() override {
    engine::MemoryReport report;
    report.device_bytes_total = kTotalBytes;
    report.resident_model_bytes = kModelBytes * static_cast<std::int64_t>(loaded_.size());
    report.device_bytes_free = kTotalBytes - report.resident_model_bytes;
    report.loaded_models.assign(loaded_.begin(), loaded_.end());
    return report;
  }

  std::vector<engine::NamedChoice> samplers() override { return fake_samplers(); }
  std::vector<engine::NamedChoice> schedules() override { return fake_schedules(); }

  card::ModelCard inspect(const engine::ModelFiles& files) override {
    if (!files.path.empty() && !std::filesystem::exists(files.path)) {
      throw Error(ErrorCode::kNotFound, "the model '" + files.id + "' is no longer where it was");
    }
    if (switches_.deadly_files != 0 && files.path.find("deadly") != std::string::npos) std::abort();
    card::ModelCard card = fake_card();
    if (!files.id.empty()) card.id = files.id;
    return card;
  }

  engine::GenerateResult generate(const engine::GenerateJob& job,
                                  engine::JobObserver& observer) override {
    engine::GenerateResult result;
    result.used = fill_in(job);
    load(job, observer, result.timing);
    const std::vector<char> ballast(static_cast<std::size_t>(switches_.memory_mb) << 20U, 1);
    denoise(job, observer, result);
    observer.on_progress({.stage = "decode", .step = 0, .total = 1});
    for (int i = 0; i < result.used.batch; ++i) {
      result.images.push_back(drawn_over(
          job, result.used.strength.value_or(1),
          noise_picture(result.used.width, result.used.height, picture_seed(result.used, i), 1)));
    }
    wait(Milliseconds(switches_.late_ms), observer);
    return result;
  }

  void unload_all() override { loaded_.clear(); }
  void give_back_memory() override {}

 private:
  static constexpr std::int64_t kTotalBytes = std::int64_t{8} << 30;
  static constexpr std::int64_t kModelBytes = std::int64_t{1} << 30;

  static std::uint64_t picture_seed(const card::GenerationUsed& used, int index) {
    return (used.seed + static_cast<std::uint64_t>(index)) ^ fingerprint(used.prompt);
  }

  card::GenerationUsed fill_in(const engine::GenerateJob& job) const {
    const card::GenerationInput& input = job.input;
    const card::ModelCard card = fake_card();
    card::GenerationUsed used;
    used.model = job.model.id;
    used.model_title = card.title;
    used.sampler = choose(fake_samplers(), input.sampler, "sampler").title;
    used.schedule = choose(fake_schedules(), input.schedule, "schedule").title;
    used.width = used.made_width = input.width.value_or(card.native_width);
    used.height = used.made_height = input.height.value_or(card.native_height);
    used.steps = input.steps.value_or(20);
    used.guidance = input.guidance.value_or(7.5);
    used.seed = input.seed.value_or(0);
    used.batch = input.batch;
    if (job.image) used.strength = input.strength.value_or(0.75);
    if (job.mask) used.keep_outside = input.keep_outside;
    used.clip_skip = input.clip_skip;
    used.dtype = "fp32";
    used.prompt = input.prompt;
    used.negative_prompt = input.negative_prompt.value_or("");
    check(used);
    return used;
  }

  static void check(const card::GenerationUsed& used) {
    const auto bad = [](const std::string& what) {
      throw Error(ErrorCode::kInvalidArgument, what);
    };
    const auto size_ok = [](int side) { return side >= 64 && side <= 2048 && side % 8 == 0; };
    if (!size_ok(used.width) || !size_ok(used.height)) {
      bad("the size must be a multiple of 8 from 64 to 2048 on each side");
    }
    if (used.steps < 1 || used.steps > 1000) bad("steps must be from 1 to 1000");
    if (used.batch < 1 || used.batch > 16) bad("the batch must be from 1 to 16 pictures");
    if (used.strength && static_cast<int>(*used.strength * used.steps) < 1) {
      bad("strength is so small that no step would run: raise it or the number of steps");
    }
  }

  void load(const engine::GenerateJob& job, engine::JobObserver& observer,
            card::GenerationTiming& timing) {
    if (!loaded_.insert(job.model.id).second) return;
    observer.on_progress({.stage = "load", .step = 0, .total = 1});
    wait(Milliseconds(switches_.load_ms), observer);
    timing.load_ms = switches_.load_ms;
  }

  void denoise(const engine::GenerateJob& job, engine::JobObserver& observer,
               engine::GenerateResult& result) {
    const card::GenerationUsed& used = result.used;
    const int total = used.strength ? static_cast<int>(*used.strength * used.steps) : used.steps;
    const auto start = Clock::now();
    for (int step = 1; step <= total; ++step) {
      misbehave(step, observer);
      wait(Milliseconds(switches_.step_ms), observer);
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      observer.on_progress({"denoise", step, total, seconds / step * (total - step),
                            seconds > 0 ? step / seconds : 0});
      if (job.input.preview_every > 0 && step % job.input.preview_every == 0) {
        observer.on_preview(preview(used, static_cast<double>(step) / total));
      }
    }
    result.timing.denoise_ms =
        std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    result.timing.step_ms_median = result.timing.denoise_ms / total;
  }

  static media::Image preview(const card::GenerationUsed& used, double done) {
    const int longer = std::max(used.width, used.height);
    return noise_picture(std::max(1, used.width * kPreviewSide / longer),
                         std::max(1, used.height * kPreviewSide / longer), picture_seed(used, 0),
                         done);
  }

  void misbehave(int step, engine::JobObserver& observer) {
    if (step == switches_.crash_at_step) std::abort();
    if (step == 2 && !switches_.crash_once.empty() &&
        !std::filesystem::exists(switches_.crash_once)) {
      std::ofstream(switches_.crash_once) << "crashed";
      std::abort();
    }
    if (step == switches_.hang_at_step) {
      observer.on_progress({.stage = "denoise", .step = step - 1, .total = 0});
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
    if (step == switches_.poison_at_step) {
      throw Error(ErrorCode::kWorkerLost,
                  "the device failed: the worker is started anew, try again");
    }
    if (step == switches_.oom_at_step ||
        (switches_.oom_once != 0 && !std::exchange(was_full_, true))) {
      throw Error(ErrorCode::kOutOfMemory,
                  "out of memory while making a picture: choose a smaller size or batch");
    }
  }

  static void wait(Milliseconds duration, engine::JobObserver& observer) {
    const auto end = Clock::now() + duration;
    for (;;) {
      if (observer.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
      const auto left = end - Clock::now();
      if (left <= Clock::duration::zero()) return;
      std::this_thread::sleep_for(std::min<Clock::duration>(left, kPatience));
    }
  }

  const FakeSwitches switches_;
  std::set<std::string> loaded_;
  bool was_full_ = false;
};

card::Parameter number(std::string name, std::string kind, std::string title, double minimum,
                       double maximum, double step, std::string default_value) {
  card::Parameter parameter;
  parameter.name = std::move(name);
  parameter.kind = std::move(kind);
  parameter.title = std::move(title);
  parameter.minimum = minimum;
  parameter.maximum = maximum;
  parameter.step = step;
  parameter.default_value = std::move(default_value);
  return parameter;
}

}  // namespace

FakeSwitches read_fake_switches(const std::string& text) {
  FakeSwitches switches;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view("1") : item.substr(equals + 1);
    if (name == "crash_once") {
      switches.crash_once = value;
    } else if (int* place = number_of(switches, name)) {
      *place = read_switch(name, value);
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  "the fake engine has no switch '" + std::string(name) + "'");
    }
  }
  return switches;
}

std::unique_ptr<engine::Engine> make_fake_engine(FakeSwitches switches) {
  return std::make_unique<FakeEngine>(std::move(switches));
}

card::ModelCard fake_card() {
  card::ModelCard card;
  card.id = "fake";
  card.title = "Fake (coloured noise)";
  card.family = "fake";
  card.task = "generation";
  card.format = "none";
  card.description =
      "Makes coloured noise from seed and prompt, for tests and for trying the page.";
  card.capabilities = {"text_to_image", "image_to_image", "inpaint"};
  card.native_width = card.native_height = 512;
  card.memory = {std::int64_t{1} << 30, 64};
  card.parameters = {number("steps", "integer", "Steps", 1, 1000, 1, "20"),
                     number("guidance", "number", "Guidance", 0, 30, 0.5, "7.5"),
                     number("width", "integer", "Width", 64, 2048, 8, "512"),
                     number("height", "integer", "Height", 64, 2048, 8, "512")};
  card::Parameter sampler;
  sampler.name = "sampler";
  sampler.kind = "choice";
  sampler.title = "Sampler";
  sampler.default_value = "euler";
  for (const auto& choice : fake_samplers()) {
    if (choice.available) sampler.choices.push_back(choice.id);
  }
  card.parameters.push_back(sampler);
  return card;
}

}  // namespace atelier::worker
