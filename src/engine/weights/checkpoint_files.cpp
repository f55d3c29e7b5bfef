#include "engine/weights/checkpoint_files.h"

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/weights/content_hash.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// Longest JSON file of a published model folder, tokenizers apart.
constexpr std::uintmax_t kJsonBytesMax = 4u << 20;

[[noreturn]] void fail(ErrorCode code, const fs::path& path, const std::string& what) {
  throw Error(code, path.string() + ": " + what);
}

CheckpointFiles::Kind kind_of(const fs::path& path) {
  if (!fs::exists(path)) {
    fail(ErrorCode::kNotFound, path, "there is no such model file or folder");
  }
  if (!fs::is_directory(path)) return CheckpointFiles::Kind::kSingleFile;
  if (fs::is_regular_file(path / "model_index.json")) {
    return CheckpointFiles::Kind::kDiffusersFolder;
  }
  if (fs::is_regular_file(path / "config.json")) return CheckpointFiles::Kind::kTransformersFolder;
  fail(ErrorCode::kUnsupported, path,
       "is not a model folder: it has neither a model_index.json (diffusers) nor a config.json "
       "(transformers)");
}

json::object parse_object(const std::string& text, const fs::path& path) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    fail(ErrorCode::kCorruptData, path,
         "is not a valid JSON object" + (error ? " (" + error.message() + ")" : std::string()) +
             ": fetch the model again");
  }
  return std::move(value.as_object());
}

// Title and description of a safetensors file by Stability AI's Model Metadata Specification
// (github.com/Stability-AI/ModelSpec), as members of an atelier.json.
json::object card_of_metadata(const std::map<std::string, std::string>& metadata) {
  json::object card;
  for (const char* const member : {"title", "description"}) {
    const auto found = metadata.find(std::string("modelspec.") + member);
    if (found != metadata.end() && !found->second.empty()) card[member] = found->second;
  }
  return card;
}

}  // namespace

CheckpointFiles::CheckpointFiles(const fs::path& path, std::string id)
    : path_(path), id_(std::move(id)), kind_(kind_of(path)), version_(ModelVersion::of(path)) {}

const std::string& CheckpointFiles::text(const fs::path& name, std::uintmax_t bytes_max) const {
  const auto [place, added] = texts_.try_emplace(name);
  const fs::path file = path_ / name;
  if (!added || !fs::is_regular_file(file)) return place->second;
  if (fs::file_size(file) > bytes_max) {
    texts_.erase(place);
    fail(ErrorCode::kCorruptData, file,
         "is longer than " + std::to_string(bytes_max >> 20) + " MB, the limit for such a file");
  }
  std::ifstream stream(file, std::ios::binary);
  place->second.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  return place->second;
}

const json::object& CheckpointFiles::json(const fs::path& name) const {
  const auto found = objects_.find(name);
  if (found != objects_.end()) return found->second;
  json::object object;
  if (fs::is_regular_file(path_ / name)) {
    object = parse_object(text(name, kJsonBytesMax), path_ / name);
  }
  return objects_.emplace(name, std::move(object)).first->second;
}

std::shared_ptr<const WeightsFile> CheckpointFiles::open(const fs::path& path) const {
  std::shared_ptr<const WeightsFile>& file = opened_[path];
  if (file == nullptr) file = WeightsFile::open(path);
  return file;
}

std::string CheckpointFiles::class_of(std::string_view component) const {
  const json::value* const entry = json("model_index.json").if_contains(component);
  if (entry == nullptr || !entry->is_array() || entry->as_array().size() != 2) return "";
  const json::value& name = entry->as_array()[1];
  return name.is_string() ? std::string(name.as_string()) : std::string();
}

const json::object& CheckpointFiles::config() const {
  static const json::object none;
  return kind_ == Kind::kTransformersFolder ? json("config.json") : none;
}

std::shared_ptr<const WeightsFile> CheckpointFiles::weights() const {
  switch (kind_) {
    case Kind::kSingleFile:
      return open(path_);
    case Kind::kTransformersFolder:
      return open(find_weights(path_, "model", "pytorch_model"));
    case Kind::kDiffusersFolder:
      break;
  }
  return nullptr;
}

CheckpointLayout CheckpointFiles::empty_layout() const {
  constexpr const char* kFormats[] = {"single_file", "diffusers", "transformers"};
  CheckpointLayout layout;
  layout.path = path_;
  layout.format = kFormats[static_cast<std::size_t>(kind_)];
  layout.version = version_;
  if (kind_ != Kind::kSingleFile) layout.card = json("atelier.json");
  return layout;
}

CheckpointLayout CheckpointFiles::one_component(std::string class_name) const {
  CheckpointLayout layout = empty_layout();
  const std::shared_ptr<const WeightsFile> file = weights();
  if (file == nullptr) return layout;
  CheckpointComponent component;
  component.class_name = std::move(class_name);
  component.config = config();
  component.folder = kind_ == Kind::kSingleFile ? fs::path() : path_;
  for (const TensorInfo& tensor : file->tensors()) {
    component.weights.add(tensor.name, {.file = file, .info = &tensor});
  }
  layout.components.emplace("model", std::move(component));
  layout.fingerprint = file->fingerprint();
  if (kind_ == Kind::kSingleFile) layout.card = card_of_metadata(file->metadata());
  if (kind_ == Kind::kTransformersFolder) {
    ContentHash hash;
    hash.add(std::string_view(text("config.json", kJsonBytesMax)));
    hash.add(std::string_view(file->fingerprint()));
    layout.fingerprint = hash.hex();
  }
  return layout;
}

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

}  // namespace atelier::engine
