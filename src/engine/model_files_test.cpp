// The engine library against files that change, lie or lack something: what it makes follows the
// files, what it lists as usable loads, and no job changes what a later one makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include "../../tests/golden/generation_run.h"
#include "../../tests/golden/tiny_model.h"
#include "engine/interface.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using golden::GenerationJob;
using golden::GenerationResult;
using testing::AnyOf;
using testing::HasSubstr;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_in_place(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void rename_over(const fs::path& path, const std::string& bytes) {
  const fs::path beside = path.string() + ".new";
  write_in_place(beside, bytes);
  fs::rename(beside, path);
}

// The same names, shapes and size; every number a little larger.
std::string with_other_numbers(std::string file) {
  std::uint64_t header = 0;
  std::memcpy(&header, file.data(), sizeof header);
  for (std::size_t at = 8 + header; at + 4 <= file.size(); at += 4) {
    float value = 0;
    std::memcpy(&value, file.data() + at, 4);
    value *= 1.06F;
    std::memcpy(file.data() + at, &value, 4);
  }
  return file;
}

class Watcher final : public JobObserver {
 public:
  void on_progress(const card::Progress& progress) override {
    if (at_step && progress.stage == "denoise" && progress.step == 1) std::exchange(at_step, {})();
  }
  void on_preview(const media::Image& preview) override { previews.push_back(preview.pixels); }
  bool cancelled() override {
    if (at_poll && ++polls == wanted_poll) at_poll();
    return false;
  }

  std::function<void()> at_step;  // once, in the middle of the denoising
  std::function<void()> at_poll;  // at the `wanted_poll`th question about cancellation
  int polls = 0, wanted_poll = 0;
  std::vector<std::vector<std::uint8_t>> previews;
};

struct Made {
  std::vector<std::vector<std::uint8_t>> pictures, previews;
  std::string hash;

  bool operator==(const Made&) const = default;
};

class EngineOwner {
 public:
  EngineOwner() {
    options_.threads = 1;  // enough for a tiny model, and fast on a busy machine
    engine_ = atelier_engine_create(&options_);
  }
  ~EngineOwner() { atelier_engine_destroy(engine_); }
  Engine* operator->() const { return engine_; }
  Engine& operator*() const { return *engine_; }

 private:
  EngineOptions options_;
  Engine* engine_ = nullptr;
};

const json::object& tiny_model(const char* golden = "sd15") {
  static std::map<std::string, json::object> models;
  if (!models.contains(golden)) {
    const std::string text = bytes_of(
        std::string(ATELIER_SOURCE_DIR "/tests/golden/data/pipelines/") + golden + ".json");
    models[golden] = json::parse(text).at("model").as_object();
  }
  return models.at(golden);
}

class ModelFilesTest : public testing::Test {
  // Public: the damages are made from outside.
 public:
  ModelFilesTest() { golden::write_tiny_model(folder_, tiny_model()); }
  ~ModelFilesTest() override { fs::remove_all(folder_); }

  GenerationJob job() const {
    GenerationJob job;
    job.model = {"tiny", folder_.string()};
    job.input.prompt = "a photo of a cat";
    job.input.sampler = "Euler";
    job.input.dtype = "fp32";
    job.input.steps = 2;
    job.input.seed = 7;
    return job;
  }
  GenerationJob job_with_picture() const {
    GenerationJob asked = job();
    asked.image = media::Image{64, 64, 3, {}};
    for (int i = 0; i < 64 * 64 * 3; ++i) {
      asked.image->pixels.push_back(static_cast<std::uint8_t>(i * 7 % 251));
    }
    asked.input.strength = 0.6;
    return asked;
  }

  static Made make(const EngineOwner& engine, const GenerationJob& job, Watcher watcher = {}) {
    const GenerationResult result = golden::run_generation(*engine, job, watcher);
    Made made{{}, watcher.previews, result.used.model_hash};
    for (const media::Image& image : result.images) made.pictures.push_back(image.pixels);
    return made;
  }
  static Made make_afresh(const GenerationJob& job) { return make(EngineOwner(), job); }

  // "" when it works.
  static std::string failure_of(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      EXPECT_THAT(error.code(), AnyOf(ErrorCode::kConflict, ErrorCode::kCorruptData,
                                      ErrorCode::kUnsupported, ErrorCode::kNotFound))
          << error.what();
      return error.what();
    }
    return "";
  }
  std::string failure_of_job(const EngineOwner& engine, Watcher watcher = {}) const {
    return failure_of([&] { make(engine, job(), std::move(watcher)); });
  }
  std::string failure_of_inspection(const EngineOwner& engine) const {
    return failure_of([&] { engine->inspect({"tiny", folder_.string()}); });
  }

  json::array tensors_of(const char* part) const {
    return tiny_model().at("tensors").at(part).as_array();
  }
  fs::path weights_of(const std::string& part) const {
    return folder_ / part /
           (part == "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors");
  }

  fs::path folder_ = fs::path(testing::TempDir()) / ("model-files-" + std::to_string(::getpid()));
};

TEST_F(ModelFilesTest, ThePictureAndItsHashFollowEveryReplacedFile) {
  const EngineOwner engine;
  Made before = make(engine, job_with_picture());
  int turn = 0;
  for (const char* const part : {"unet", "vae", "text_encoder", "unet"}) {
    SCOPED_TRACE(part);
    const std::string bytes = with_other_numbers(bytes_of(weights_of(part)));
    ++turn % 2 != 0 ? rename_over(weights_of(part), bytes)
                    : write_in_place(weights_of(part), bytes);
    const Made now = make(engine, job_with_picture());
    EXPECT_NE(now.pictures, before.pictures);
    EXPECT_NE(now.hash, before.hash);
    EXPECT_TRUE(now == make_afresh(job_with_picture())) << "a mixture of old and new";
    before = now;
  }
  // A configuration is a part of the model as well.
  const fs::path scheduler = folder_ / "scheduler" / "scheduler_config.json";
  json::object config = json::parse(bytes_of(scheduler)).as_object();
  config["prediction_type"] = "v_prediction";
  write_in_place(scheduler, json::serialize(config));
  const Made now = make(engine, job_with_picture());
  EXPECT_NE(now.pictures, before.pictures);
  EXPECT_NE(now.hash, before.hash);
  EXPECT_TRUE(now == make_afresh(job_with_picture()));
  EXPECT_EQ(engine->memory().models.size(), 1U);  // the old ones are gone
}

TEST_F(ModelFilesTest, OneChangedNumberChangesTheHash) {
  const std::string before = make_afresh(job()).hash;
  EXPECT_EQ(before.size(), 10U);
  std::string bytes = bytes_of(weights_of("vae"));
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  write_in_place(weights_of("vae"), bytes);
  EXPECT_NE(make_afresh(job()).hash, before);
}

TEST_F(ModelFilesTest, AFileThatChangesWhileItIsLoadedIsASentenceAndTheNextJobWorks) {
  const auto replace = [](const fs::path& path) {
    rename_over(path, with_other_numbers(bytes_of(path)));
  };
  const auto rewrite = [](const fs::path& path) {
    write_in_place(path, with_other_numbers(bytes_of(path)));
  };
  const auto cut = [](const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); };
  const auto take_away = [](const fs::path& path) { fs::remove(path); };
  const struct {
    const char* part;
    int poll;  // 1: before the UNet is read, 2: before the autoencoder is
    std::function<void(const fs::path&)> make;
  } changes[] = {{"unet", 1, replace}, {"unet", 1, cut},    {"text_encoder", 1, rewrite},
                 {"vae", 2, cut},      {"vae", 1, rewrite}, {"unet", 2, take_away}};
  const EngineOwner engine;
  for (const auto& change : changes) {
    SCOPED_TRACE(std::string(change.part) + " at " + std::to_string(change.poll));
    engine->unload_all();
    const fs::path path = weights_of(change.part);
    const std::string whole = bytes_of(path);
    Watcher watcher;
    watcher.wanted_poll = change.poll;
    watcher.at_poll = [&] { change.make(path); };
    EXPECT_THAT(failure_of_job(engine, watcher),
                AnyOf(HasSubstr("was changed or replaced"), HasSubstr("was cut off")));
    EXPECT_TRUE(engine->memory().models.empty());
    if (!fs::exists(path) || fs::file_size(path) != whole.size()) write_in_place(path, whole);
    EXPECT_TRUE(make(engine, job()) == make_afresh(job()));
  }
}

TEST_F(ModelFilesTest, AModelInMemoryNeedsItsFilesNoMore) {
  const EngineOwner engine;
  for (const char* const dtype : {"fp32", "bf16"}) {
    GenerationJob asked = job();
    asked.input.dtype = dtype;
    const Made whole = make(engine, asked);
    const fs::path kept = folder_.string() + ".kept";
    fs::copy(folder_, kept, fs::copy_options::recursive);
    Watcher watcher;
    watcher.at_step = [&] {
      for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
        if (entry.is_regular_file()) fs::resize_file(entry.path(), 0);
      }
    };
    EXPECT_TRUE(make(engine, asked, watcher) == whole) << dtype;
    EXPECT_NE(failure_of_job(engine), "");
    EXPECT_TRUE(engine->memory().models.empty());
    fs::remove_all(folder_);
    EXPECT_THAT(failure_of_job(engine), HasSubstr("no such model file"));
    fs::rename(kept, folder_);
    EXPECT_TRUE(make(engine, asked) == whole) << dtype;
  }
}

// Makes channel 0 of the encoder's values zero and the weight that it meets a number that fp32
// holds and bf16 does not: zero times infinity is NaN, zero times a large one is zero.
void make_encoder_overflow(const fs::path& path) {
  std::string file = bytes_of(path);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  const json::object header = json::parse(file.substr(8, length)).as_object();
  const std::string attention = "encoder.mid_block.attentions.0.";
  const auto set = [&](const char* name, std::size_t index, float value) {
    const auto& entry = header.at(attention + name);
    const auto begin = entry.at("data_offsets").at(0).to_number<std::size_t>();
    std::memcpy(file.data() + 8 + length + begin + index * 4, &value, 4);
  };
  const auto width = header.at(attention + "to_v.bias").at("shape").at(0).to_number<std::size_t>();
  for (std::size_t i = 0; i < width; ++i) set("to_v.weight", i, 0);
  set("to_v.bias", 0, 0);
  set("to_out.0.weight", 0, 3.3999e38F);
  write_in_place(path, file);
}

TEST_F(ModelFilesTest, AnAutoencoderThatOverflowsChangesNoLaterJob) {
  make_encoder_overflow(weights_of("vae"));
  GenerationJob from_text = job(), from_picture = job_with_picture();
  from_text.input.dtype = from_picture.input.dtype = "bf16";
  const Made text = make_afresh(from_text), picture = make_afresh(from_picture);
  const EngineOwner engine;
  EXPECT_TRUE(make(engine, from_text) == text);
  EXPECT_TRUE(make(engine, from_picture) == picture);
  EXPECT_TRUE(make(engine, from_text) == text);
  // The encoder is read once more, and only from the files of the model that is in memory.
  Watcher watcher;
  watcher.at_poll = [&] { rename_over(weights_of("vae"), bytes_of(weights_of("vae"))); };
  watcher.wanted_poll = 1;
  EXPECT_THAT(failure_of([&] { make(engine, from_picture, watcher); }),
              HasSubstr("was changed or replaced"));
  EXPECT_TRUE(make(engine, from_picture) == picture);
}

TEST_F(ModelFilesTest, TheSameRequestGivesTheSamePixelsWhateverRanBefore) {
  std::vector<GenerationJob> jobs(6, job());
  jobs[1] = job_with_picture();
  jobs[1].input.negative_prompt = "a dog";
  jobs[2].input.prompt =
      "a much longer prompt, of several words, about a red circle on a blue hill";
  jobs[2].input.dtype = "bf16";
  // Large enough for previews that are fitted to the latents at hand.
  jobs[3].input.width = 256;
  jobs[3].input.height = 264;
  jobs[3].input.exact_size = true;
  jobs[3].input.preview_every = 1;
  jobs[4] = jobs[3];
  jobs[4].input.seed = 99;
  jobs[4].input.clip_skip = 2;
  jobs[5] = job_with_picture();
  jobs[5].input.batch = 2;
  jobs[5].input.precise = true;
  jobs[5].input.sampler = "Euler a";
  std::vector<Made> alone;
  for (const GenerationJob& each : jobs) alone.push_back(make_afresh(each));
  EXPECT_EQ(alone[3].previews.size(), 2U);
  EXPECT_NE(alone[3].previews, alone[4].previews);

  const EngineOwner engine;
  for (const std::size_t i : {2U, 0U, 3U, 1U, 4U, 3U, 5U, 0U, 2U}) {
    EXPECT_TRUE(make(engine, jobs[i]) == alone[i]) << "job " << i;
  }
}

TEST_F(ModelFilesTest, WhatIsListedAsUsableLoadsAndWhatIsNotDoesNot) {
  struct Damage {
    const char* what;
    std::function<void(ModelFilesTest&)> make;
    const char* sentence;  // "": the model is usable all the same
  };
  const auto write = [](ModelFilesTest& test, const char* part, const json::array& tensors) {
    golden::write_safetensors(test.weights_of(part), tensors);
  };
  const auto without = [&](const char* part, const char* name) {
    return [=](ModelFilesTest& test) {
      json::array kept;
      for (const json::value& tensor : test.tensors_of(part)) {
        if (tensor.at(0) != name) kept.push_back(tensor);
      }
      ASSERT_LT(kept.size(), test.tensors_of(part).size());
      write(test, part, kept);
    };
  };
  const auto with = [&](const char* part, const char* name) {
    return [=](ModelFilesTest& test) {
      json::array more = test.tensors_of(part);
      more.push_back(json::array{name, json::array{4}});
      write(test, part, more);
    };
  };
  const auto reshaped = [](ModelFilesTest& test) {
    json::array tensors = test.tensors_of("unet");
    for (json::value& tensor : tensors) {
      if (tensor.at(0) == "conv_out.bias") tensor.as_array()[1] = json::array{5};
    }
    golden::write_safetensors(test.weights_of("unet"), tensors);
  };
  const auto set_in = [](const std::string& file, const char* key, const json::value& value) {
    return [=](ModelFilesTest& test) {
      const fs::path path = test.folder_ / file;
      json::object config = json::parse(bytes_of(path)).as_object();
      config[key] = value;
      write_in_place(path, json::serialize(config));
    };
  };
  const auto set = [&](const std::string& part, const char* key, const json::value& value) {
    return set_in(part + "/config.json", key, value);
  };
  const auto removed = [](const char* name) {
    return [=](ModelFilesTest& test) { ASSERT_GT(fs::remove_all(test.folder_ / name), 0U); };
  };
  const Damage damages[] = {
      {"nothing", [](ModelFilesTest&) {}, ""},
      {"a UNet's tensor", without("unet", "mid_block.resnets.1.conv2.weight"),
       "(UNet): tensor 'mid_block.resnets.1.conv2.weight'"},
      {"a VAE's tensor", without("vae", "encoder.conv_in.bias"),
       "(autoencoder): tensor 'encoder.conv_in.bias'"},
      {"a text encoder's tensor", without("text_encoder", "text_model.final_layer_norm.bias"),
       "(text encoder): tensor 'text_model.final_layer_norm.bias'"},
      {"a shape", reshaped, "'conv_out.bias' has shape [5], expected [4]"},
      {"LCM", with("unet", "time_embedding.cond_proj.weight"), "guidance scale"},
      {"another layer", with("unet", "mid_block.attentions.1.norm.weight"),
       "belong to no part of this architecture"},
      {"a part of a whole CLIP", with("text_encoder", "vision_model.post_layernorm.weight"), ""},
      {"the UNet's configuration", removed("unet/config.json"), "has no config.json"},
      {"the VAE's weights", removed("vae/diffusion_pytorch_model.safetensors"), "has no weights"},
      {"the text encoder", removed("text_encoder"), "this part of the model is missing"},
      {"another text width", set("unet", "cross_attention_dim", 999),
       "the parts belong to different models"},
      {"no middle", set("unet", "mid_block_type", nullptr), "leaves out blocks"},
      {"layers of their own", set("unet", "reverse_transformer_layers_per_block", json::array{1}),
       "leaves out blocks"},
      {"a small vocabulary", set("text_encoder", "vocab_size", 1000), "expected"},
      {"no training steps", set_in("scheduler/scheduler_config.json", "num_train_timesteps", 0),
       "training steps"},
      {"noise below nothing", set_in("scheduler/scheduler_config.json", "beta_start", -1),
       "noise levels"},
      {"noise without end", set_in("scheduler/scheduler_config.json", "beta_end", 1e30),
       "noise levels"},
      {"latents times nothing", set("vae", "scaling_factor", 0), "scaling_factor"},
      {"another kind of latents", set("vae", "latent_channels", 16), "its autoencoder takes 16"},
  };
  const EngineOwner engine;
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.what);
    fs::remove_all(folder_);
    golden::write_tiny_model(folder_, tiny_model());
    damage.make(*this);
    const std::string listed = failure_of_inspection(engine), run = failure_of_job(engine);
    EXPECT_EQ(listed.empty(), run.empty()) << run;
    EXPECT_EQ(listed.empty(), *damage.sentence == '\0') << listed;
    EXPECT_THAT(listed, HasSubstr(damage.sentence));
  }
}

TEST_F(ModelFilesTest, ASecondTextEncoderThatIsMissingIsNamed) {
  golden::write_tiny_model(folder_, tiny_model("sdxl"));
  const EngineOwner engine;
  EXPECT_EQ(failure_of_inspection(engine), "");
  json::object index = json::parse(bytes_of(folder_ / "model_index.json")).as_object();
  index["text_encoder_2"] = json::array{nullptr, nullptr};
  write_in_place(folder_ / "model_index.json", json::serialize(index));
  EXPECT_THAT(failure_of_inspection(engine), HasSubstr("second text encoder (text_encoder_2)"));
  EXPECT_NE(failure_of_job(engine), "");
}

TEST_F(ModelFilesTest, TensorsThatNothingReadsAreAWarning) {
  const EngineOwner engine;
  EXPECT_TRUE(engine->inspect({"tiny", folder_.string()}).warnings.empty());
  json::array tensors = tensors_of("text_encoder");
  tensors.push_back(json::array{"vision_model.post_layernorm.weight", json::array{4}});
  golden::write_safetensors(weights_of("text_encoder"), tensors);
  EXPECT_THAT(engine->inspect({"tiny", folder_.string()}).warnings,
              testing::ElementsAre(HasSubstr("'vision_model.post_layernorm.weight'")));
}

// Nearest e4m3 of a number in [-1, 1].
std::uint8_t fp8_of(float value) {
  int exponent = 0;
  const float mantissa = std::frexp(std::abs(value), &exponent);  // [0.5, 1)
  const long units = exponent <= -6 ? std::lround(std::ldexp(std::abs(value), 9))
                                    : std::lround(mantissa * 16) - 8 + (exponent + 6) * 8;
  return static_cast<std::uint8_t>((value < 0 ? 0x80 : 0) | units);
}

float value_of_fp8(std::uint8_t byte) {
  const int exponent = (byte >> 3) & 15, fraction = byte & 7;
  const float value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9)
                                    : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
  return byte >= 0x80 ? -value : value;
}

TEST_F(ModelFilesTest, EightBitWeightsMakeThePictureOfTheirValues) {
  json::object header;
  std::string eight;
  std::vector<float> wide;
  for (const json::value& entry : tensors_of("unet")) {
    const std::size_t begin = eight.size();
    const auto shape = json::value_to<std::vector<std::int64_t>>(entry.at(1));
    for (const float value : golden::seeded(std::string(entry.at(0).as_string()), shape)) {
      const std::uint8_t byte = fp8_of(std::clamp(value, -1.0F, 1.0F));
      eight += static_cast<char>(byte);
      wide.push_back(value_of_fp8(byte));
    }
    header[entry.at(0).as_string()] = {
        {"dtype", "F8_E4M3"}, {"shape", entry.at(1)}, {"data_offsets", {begin, eight.size()}}};
  }
  const auto save = [&](std::string_view data) {
    const std::string text = json::serialize(header);
    const std::uint64_t length = text.size();
    std::ofstream file(weights_of("unet"), std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << text << data;
  };
  save(eight);
  const EngineOwner engine;
  EXPECT_EQ(failure_of_inspection(engine), "");
  const Made narrow = make(engine, job());
  for (auto& [name, entry] : header) {
    json::array& offsets = entry.at("data_offsets").as_array();
    for (json::value& offset : offsets) offset = offset.to_number<std::uint64_t>() * 4;
    entry.as_object()["dtype"] = "F32";
  }
  save({reinterpret_cast<const char*>(wide.data()), wide.size() * 4});
  EXPECT_EQ(make(engine, job()).pictures, narrow.pictures);
}

}  // namespace
}  // namespace atelier::engine
