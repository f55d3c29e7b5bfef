#include "worker/fake_generate.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "card/named_choices.h"
#include "card/tasks/generate.h"
#include "media/image/blend.h"
#include "media/image/convert.h"
#include "media/image/resample.h"
#include "platform/error.h"

namespace atelier::worker {
namespace {

constexpr int kBlock = 16;        // pixels of one block of colour: noise that still compresses
constexpr int kPreviewSide = 64;  // of the longer side
constexpr int kSoftEdge = 8;      // of a mask: one cell of a real model's latents

constexpr int kDefaultSteps = 20;
constexpr double kDefaultGuidance = 7.5;
constexpr double kDefaultStrength = 0.75;

// The same letters give the same number on every machine (FNV-1a), unlike std::hash.
std::uint64_t fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char letter : text) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
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

// The noise over the source picture, blended by the strength; only within the mask, unless the
// outside may change as well.
media::Image drawn_over(const FakeRun& run, const card::GenerationUsed& used, media::Image noise) {
  const media::Image *image = run.attached("image"), *mask = run.attached("mask");
  if (image == nullptr) return noise;
  const media::Image source =
      media::resize(media::to_rgb(*image), noise.width, noise.height, media::Filter::kLanczos);
  media::Image where{noise.width, noise.height, 1, {}};
  if (mask != nullptr && used.keep_outside.value_or(true)) {
    where = media::with_soft_edge(
        media::resize(media::to_grey(*mask), noise.width, noise.height, media::Filter::kLanczos),
        kSoftEdge);
  } else {
    where.pixels.assign(where.byte_count(),
                        static_cast<std::uint8_t>(255 * used.strength.value_or(1)));
  }
  return media::blended(source, noise, where);
}

const std::string& title_of(const std::vector<card::NamedChoice>& known, const std::string& name,
                            const std::string& field) {
  if (name.empty()) return known.front().title;
  const auto* choice = card::find_choice(known, name);
  if (choice == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, field,
                "unknown " + field + " '" + name + "': choose one of the listed");
  }
  if (choice->available) return choice->title;
  throw Error(ErrorCode::kUnsupported, field,
              "the " + field + " '" + choice->title + "' is not implemented: choose another");
}

std::uint64_t picture_seed(const card::GenerationUsed& used, int index) {
  return (used.seed + static_cast<std::uint64_t>(index)) ^ fingerprint(used.prompt);
}

media::Image preview(const card::GenerationUsed& used, double done) {
  const int longer = std::max(used.width, used.height);
  return noise_picture(std::max(1, used.width * kPreviewSide / longer),
                       std::max(1, used.height * kPreviewSide / longer), picture_seed(used, 0),
                       done);
}

card::GenerationUsed used_by(const FakeRun& run) {
  const auto& input = run.input().as<card::GenerationInput>();
  const card::ModelCard model = fake_card();
  card::GenerationUsed used;
  used.model = run.model();
  used.model_title = model.title;
  used.sampler = title_of(fake_samplers(), input.sampler, "sampler");
  used.schedule = title_of(fake_schedules(), input.schedule, "schedule");
  used.width = used.made_width = input.width.value_or(model.native_width);
  used.height = used.made_height = input.height.value_or(model.native_height);
  used.steps = input.steps.value_or(kDefaultSteps);
  used.guidance = input.guidance.value_or(kDefaultGuidance);
  used.seed = input.seed.value_or(0);
  used.batch = input.batch;
  if (run.attached("image") != nullptr) used.strength = input.strength.value_or(kDefaultStrength);
  if (run.attached("mask") != nullptr) used.keep_outside = input.keep_outside;
  used.clip_skip = input.clip_skip;
  used.dtype = "fp32";
  used.prompt = input.prompt;
  used.negative_prompt = input.negative_prompt.value_or("");
  return used;
}

// The same number as the real engine, which also refuses a strength that leaves no step.
int steps_of(const card::GenerationUsed& used) {
  const int steps = static_cast<int>(used.strength.value_or(1) * used.steps);
  if (steps >= 1) return steps;
  throw Error(ErrorCode::kInvalidArgument, "strength",
              "the strength is too small, no step would run: raise it or the number of steps");
}

card::Parameter choice(const char* name, const std::vector<card::NamedChoice>& known) {
  card::Parameter row{.name = name, .default_value = known.front().id};
  for (const auto& each : known) {
    if (!each.available) continue;
    row.choices.push_back(each.id);
    row.choice_titles.push_back(each.title);
  }
  return row;
}

}  // namespace

const std::vector<card::NamedChoice>& fake_samplers() {
  static const std::vector<card::NamedChoice> kSamplers{
      {"euler", "Euler", true, {"k_euler"}},
      {"euler_ancestral", "Euler a", true, {"k_euler_a", "euler_a"}},
      {"dpmpp_2m", "DPM++ 2M", true, {"k_dpmpp_2m"}},
      {"ddim", "DDIM", true, {}},
      {"lms", "LMS", false, {"k_lms"}},
  };
  return kSamplers;
}

const std::vector<card::NamedChoice>& fake_schedules() {
  static const std::vector<card::NamedChoice> kSchedules{
      {"normal", "Normal", true, {}},
      {"karras", "Karras", true, {}},
      {"exponential", "Exponential", true, {}},
  };
  return kSchedules;
}

card::ServedTask served_fake_generate(const card::ModelCard& model) {
  const auto usual = [](const char* name, double value) {
    card::Parameter row{.name = name};
    json::append_number(row.default_value, value);
    return row;
  };
  const auto& task = card::generate_task();
  return {task.id,
          card::narrowed(task.parameters,
                         {usual("steps", kDefaultSteps), usual("guidance", kDefaultGuidance),
                          usual("width", model.native_width), usual("height", model.native_height),
                          usual("strength", kDefaultStrength), choice("sampler", fake_samplers()),
                          choice("schedule", fake_schedules())})};
}

engine::RunResult fake_generate(FakeRun& run) {
  const auto& input = run.input().as<card::GenerationInput>();
  const card::GenerationUsed used = used_by(run);
  const int total = steps_of(used);
  engine::RunResult result;
  const double load_ms = run.load();
  const double denoise_ms = run.steps("denoise", total, [&](int step) {
    if (input.preview_every > 0 && step % input.preview_every == 0) {
      run.observer().on_preview(preview(used, static_cast<double>(step) / total));
    }
  });
  result.timing = {{"load_ms", load_ms},
                   {"encode_ms", 0},
                   {"denoise_ms", denoise_ms},
                   {"decode_ms", 0},
                   {"step_ms_median", denoise_ms / total}};
  run.observer().on_progress({.stage = "decode", .step = 0, .total = 1});
  for (int i = 0; i < used.batch; ++i) {
    auto noise = noise_picture(used.width, used.height, picture_seed(used, i), 1);
    result.outputs.push_back({"picture", drawn_over(run, used, std::move(noise)), ""});
  }
  run.finish();
  result.facts_json = json::write_json(used);
  return result;
}

}  // namespace atelier::worker
