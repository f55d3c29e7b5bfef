#include "engine/weights/component_reader.h"

#include <array>
#include <boost/json.hpp>
#include <limits>
#include <utility>

#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uintmax_t kTokenizerBytesMax = 64u << 20;

[[noreturn]] void fail(ErrorCode code, const fs::path& path, const std::string& what) {
  throw Error(code, path.string() + ": " + what);
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

bool is_clip_text(std::string_view class_name) { return class_name.starts_with("CLIPTextModel"); }

void check_folder(const fs::path& folder) {
  if (fs::is_directory(folder)) return;
  fail(ErrorCode::kCorruptData, folder, "this part of the model is missing: fetch the model again");
}

}  // namespace

ComponentReader::ComponentReader(const CheckpointFiles& files, CheckpointLayout& layout)
    : files_(files), layout_(layout) {
  layout_.model_index = hashed_json("model_index.json");
}

const json::object& ComponentReader::hashed_json(const fs::path& name) {
  const json::object& object = files_.json(name);
  if (fs::is_regular_file(files_.path() / name)) {
    // json() has checked the length.
    hash_.add(std::string_view(files_.text(name, std::numeric_limits<std::uintmax_t>::max())));
  }
  return object;
}

WeightsView ComponentReader::view_of(const std::shared_ptr<const WeightsFile>& file,
                                     const std::string& class_name) {
  const bool text = is_clip_text(class_name), vae = class_name == "AutoencoderKL";
  const bool projects = class_name.ends_with("WithProjection");
  WeightsView view;
  for (const TensorInfo& tensor : file->tensors()) {
    if (is_buffer(tensor.name)) {
      layout_.training_buffers.push_back(tensor.name);
      continue;
    }
    std::string name = tensor.name;
    WeightSource source{.file = file, .info = &tensor};
    if (text) {
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
    if (vae) {
      renew_attention_name(name);
      const bool attention = name.find(".attentions.") != std::string::npos;
      if (attention && tensor.shape.size() == 4) source.transform = WeightTransform::kSqueeze1x1;
    }
    view.add(std::move(name), std::move(source));
  }
  return view;
}

bool ComponentReader::read_network(const std::string& name, std::string_view expected_class) {
  CheckpointComponent component;
  component.class_name = files_.class_of(name);
  if (component.class_name.empty()) return false;
  if (!component.class_name.starts_with(expected_class)) {
    fail(ErrorCode::kUnsupported, files_.path(),
         "its part '" + name + "' is a " + component.class_name + "; only " +
             std::string(expected_class) + " is known here");
  }
  component.folder = files_.path() / name;
  check_folder(component.folder);
  if (!fs::is_regular_file(component.folder / "config.json")) {
    fail(ErrorCode::kCorruptData, component.folder,
         "has no config.json: the model is incomplete, fetch it again");
  }
  component.config = hashed_json(fs::path(name) / "config.json");
  // Components of the transformers library have other file names than those of diffusers.
  const bool text = is_clip_text(component.class_name);
  const auto file =
      files_.open(find_weights(component.folder, text ? "model" : "diffusion_pytorch_model",
                               text ? "pytorch_model" : "diffusion_pytorch_model"));
  component.weights = view_of(file, component.class_name);
  hash_.add(std::string_view(file->fingerprint()));
  layout_.components.emplace(name, std::move(component));
  return true;
}

bool ComponentReader::read_tokenizer(const std::string& name) {
  CheckpointComponent component;
  component.class_name = files_.class_of(name);
  if (component.class_name.empty()) return false;
  component.folder = files_.path() / name;
  check_folder(component.folder);
  for (const char* const file : {"vocab.json", "merges.txt", "tokenizer.json",
                                 "special_tokens_map.json", "tokenizer_config.json"}) {
    if (!fs::is_regular_file(component.folder / file)) continue;
    hash_.add(std::string_view(files_.text(fs::path(name) / file, kTokenizerBytesMax)));
  }
  layout_.components.emplace(name, std::move(component));
  return true;
}

void ComponentReader::read_scheduler() {
  CheckpointComponent component;
  component.class_name = files_.class_of("scheduler");
  component.folder = files_.path() / "scheduler";
  component.config = hashed_json(fs::path("scheduler") / "scheduler_config.json");
  if (!component.config.contains("_class_name") && !component.class_name.empty()) {
    component.config["_class_name"] = component.class_name;
  }
  layout_.components.emplace("scheduler", std::move(component));
}

void ComponentReader::finish() { layout_.fingerprint = hash_.hex(); }

}  // namespace atelier::engine
