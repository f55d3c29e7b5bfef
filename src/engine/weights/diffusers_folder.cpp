#include "engine/weights/diffusers_folder.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string_view>

#include "engine/weights/content_hash.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// Longest JSON file of an honest model folder, tokenizers apart.
constexpr std::uintmax_t kJsonBytesMax = 4u << 20;

constexpr std::uintmax_t kTokenizerBytesMax = 64u << 20;

[[noreturn]] void fail(ErrorCode code, const fs::path& path, const std::string& what) {
  throw Error(code, path.string() + ": " + what);
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

json::object read_json(const fs::path& path, ContentHash* hash = nullptr) {
  if (!fs::is_regular_file(path)) return {};
  if (fs::file_size(path) > kJsonBytesMax) {
    fail(ErrorCode::kCorruptData, path, "is too long for a configuration");
  }
  const std::string text = read_text(path);
  if (hash != nullptr) hash->add(std::string_view(text));
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    fail(ErrorCode::kCorruptData, path,
         "is no valid JSON object" + (error ? " (" + error.message() + ")" : std::string()) +
             ": fetch the model again");
  }
  return std::move(value.as_object());
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// Full precision before fp16, safetensors before pickles, as the reference looks for them.
fs::path find_weights(const fs::path& folder, std::string_view stem, std::string_view old_stem) {
  const std::string name(stem), old_name(old_stem);
  for (const std::string& candidate :
       {name + ".safetensors", name + ".safetensors.index.json", name + ".fp16.safetensors",
        name + ".safetensors.index.fp16.json", name + ".fp16.safetensors.index.json",
        name + ".bf16.safetensors", name + ".non_ema.safetensors", old_name + ".bin",
        old_name + ".bin.index.json", old_name + ".fp16.bin"}) {
    if (fs::is_regular_file(folder / candidate)) return folder / candidate;
  }
  fail(ErrorCode::kCorruptData, folder,
       "has no weights (" + name + ".safetensors): the model is incomplete, fetch it again");
}

bool is_buffer(std::string_view name) {
  return name.ends_with("position_ids") || name.ends_with("logit_scale");
}

// Saved by diffusers before 0.15.
void renew_attention_name(std::string& name) {
  struct Rename {
    std::string_view from, to;
  };
  constexpr auto kRenames = std::to_array<Rename>({{".query.", ".to_q."},
                                                   {".key.", ".to_k."},
                                                   {".value.", ".to_v."},
                                                   {".proj_attn.", ".to_out.0."}});
  if (name.find(".attentions.") == std::string::npos) return;
  for (const Rename& rename : kRenames) {
    const std::size_t place = name.find(rename.from);
    if (place != std::string::npos) name.replace(place, rename.from.size(), rename.to);
  }
}

enum class Part { kUnet, kVae, kTextEncoder };

class FolderReader {
 public:
  explicit FolderReader(const fs::path& path) : path_(path) { layout_.path = path; }

  CheckpointLayout read();

 private:
  // The class that model_index.json names for a part; "" when it is absent or null.
  std::string class_of(std::string_view part) const;
  std::optional<CheckpointComponent> read_part(const char* name, Part part,
                                               std::string_view expected_class);
  WeightsView view_of(const std::shared_ptr<const WeightsFile>& file, Part part,
                      const CheckpointComponent& component);
  fs::path tokenizer_folder(const char* name);
  void name_family();

  const fs::path& path_;
  CheckpointLayout layout_;
  ContentHash hash_;  // of everything that a picture depends on
};

std::string FolderReader::class_of(std::string_view part) const {
  const json::value* const entry = layout_.model_index.if_contains(part);
  if (entry == nullptr || !entry->is_array() || entry->as_array().size() != 2) return "";
  const json::value& name = entry->as_array()[1];
  return name.is_string() ? std::string(name.as_string()) : std::string();
}

WeightsView FolderReader::view_of(const std::shared_ptr<const WeightsFile>& file, Part part,
                                  const CheckpointComponent& component) {
  WeightsView view;
  const bool projects = component.class_name.ends_with("WithProjection");
  for (const TensorInfo& tensor : file->tensors()) {
    if (is_buffer(tensor.name)) {
      layout_.training_buffers.push_back(tensor.name);
      continue;
    }
    std::string name = tensor.name;
    WeightSource source{.file = file, .info = &tensor};
    if (part == Part::kTextEncoder) {
      const bool projection = name.starts_with("text_projection.");
      if (projection && !projects) {
        layout_.training_buffers.push_back(name);
        continue;
      }
      if (name.starts_with("vision_model.") || name.starts_with("visual_projection.")) {
        layout_.left_over.push_back(name);  // the other half of a whole CLIP
        continue;
      }
      // New versions of the reference save without the wrapper.
      if (!projection && !name.starts_with("text_model.")) name.insert(0, "text_model.");
    }
    if (part == Part::kVae) {
      renew_attention_name(name);
      const bool attention = name.find(".attentions.") != std::string::npos;
      if (attention && tensor.shape.size() == 4) source.transform = WeightTransform::kSqueeze1x1;
    }
    view.add(std::move(name), std::move(source));
  }
  return view;
}

std::optional<CheckpointComponent> FolderReader::read_part(const char* name, Part part,
                                                           std::string_view expected_class) {
  CheckpointComponent component;
  component.class_name = class_of(name);
  if (component.class_name.empty()) return std::nullopt;
  if (!component.class_name.starts_with(expected_class)) {
    fail(ErrorCode::kUnsupported, path_,
         std::string("its part '") + name + "' is a " + component.class_name + "; only " +
             std::string(expected_class) + " is known here");
  }
  const fs::path folder = path_ / name;
  if (!fs::is_directory(folder)) {
    fail(ErrorCode::kCorruptData, folder,
         "this part of the model is missing: fetch the model again");
  }
  if (!fs::is_regular_file(folder / "config.json")) {
    fail(ErrorCode::kCorruptData, folder,
         "has no config.json: the model is incomplete, fetch it again");
  }
  component.config = read_json(folder / "config.json", &hash_);
  const bool text = part == Part::kTextEncoder;
  const auto file =
      WeightsFile::open(find_weights(folder, text ? "model" : "diffusion_pytorch_model",
                                     text ? "pytorch_model" : "diffusion_pytorch_model"));
  component.weights = view_of(file, part, component);
  hash_.add(std::string_view(file->fingerprint()));
  return component;
}

fs::path FolderReader::tokenizer_folder(const char* name) {
  if (class_of(name).empty()) return {};
  const fs::path folder = path_ / name;
  if (!fs::is_directory(folder)) {
    fail(ErrorCode::kCorruptData, folder,
         "this part of the model is missing: fetch the model again");
  }
  for (const char* const file : {"vocab.json", "merges.txt", "tokenizer.json",
                                 "special_tokens_map.json", "tokenizer_config.json"}) {
    if (!fs::is_regular_file(folder / file)) continue;
    if (fs::file_size(folder / file) > kTokenizerBytesMax) {
      fail(ErrorCode::kCorruptData, folder / file, "is too long for a tokenizer");
    }
    hash_.add(std::string_view(read_text(folder / file)));
  }
  return folder;
}

void FolderReader::name_family() {
  CHECK(layout_.unet);
  const json::object& config = layout_.unet->config;
  const json::value* const width = config.if_contains("cross_attention_dim");
  if (text_of(config, "addition_embed_type") == "text_time") {
    layout_.family = "sdxl";
  } else if (width != nullptr && *width == 1024) {
    layout_.family = "sd2";
  } else {
    layout_.family = "sd15";
  }
}

CheckpointLayout FolderReader::read() {
  layout_.format = "diffusers";
  layout_.model_index = read_json(path_ / "model_index.json", &hash_);
  const std::string pipeline = text_of(layout_.model_index, "_class_name");
  const bool unet = !class_of("unet").empty(), vae = !class_of("vae").empty();
  if (unet != vae) {
    fail(ErrorCode::kUnsupported, path_,
         std::string("its model_index.json names no ") +
             (unet ? "autoencoder (vae)" : "UNet (unet)") + ": the model is incomplete");
  }
  if (!unet) {
    fail(ErrorCode::kUnsupported, path_,
         "holds a " + (pipeline.empty() ? std::string("model of an unnamed kind") : pipeline) +
             "; Stable Diffusion 1.5 and SDXL are known here");
  }
  layout_.unet = read_part("unet", Part::kUnet, "UNet2DConditionModel");
  layout_.vae = read_part("vae", Part::kVae, "AutoencoderKL");
  layout_.text_encoder = read_part("text_encoder", Part::kTextEncoder, "CLIPTextModel");
  layout_.text_encoder_2 = read_part("text_encoder_2", Part::kTextEncoder, "CLIPTextModel");
  if (!layout_.text_encoder) {
    fail(ErrorCode::kUnsupported, path_,
         "its model_index.json names no first text encoder (text_encoder), as a refiner's: give a "
         "base model");
  }
  layout_.tokenizer_folder = tokenizer_folder("tokenizer");
  layout_.tokenizer_2_folder = tokenizer_folder("tokenizer_2");
  layout_.scheduler_config = read_json(path_ / "scheduler" / "scheduler_config.json", &hash_);
  if (!layout_.scheduler_config.contains("_class_name")) {
    const std::string scheduler = class_of("scheduler");
    if (!scheduler.empty()) layout_.scheduler_config["_class_name"] = scheduler;
  }
  layout_.card = read_json(path_ / "atelier.json");
  const json::value* const zeros = layout_.model_index.if_contains("force_zeros_for_empty_prompt");
  // Absent: the default of the SDXL pipeline's constructor.
  layout_.force_zeros_for_empty_prompt =
      layout_.text_encoder_2 && (zeros == nullptr || !zeros->is_bool() || zeros->as_bool());
  name_family();
  layout_.fingerprint = hash_.hex();
  return std::move(layout_);
}

}  // namespace

bool is_diffusers_folder(const fs::path& path) {
  return fs::is_regular_file(path / "model_index.json");
}

CheckpointLayout read_diffusers_folder(const fs::path& path) { return FolderReader(path).read(); }

}  // namespace atelier::engine
