// The files of an installed model, read on demand and each at most once: a single weight file, a
// diffusers folder (model_index.json and a folder per component) or a transformers folder
// (config.json beside the weights). Families look at them in detect(). One thread. Throws kNotFound
// (no such path), kCorruptData (truncated, inconsistent, incomplete) or kUnsupported (a folder that
// is neither kind).
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/weights/checkpoint_layout.h"

namespace atelier::engine {

class CheckpointFiles {
 public:
  enum class Kind { kSingleFile, kDiffusersFolder, kTransformersFolder };

  // `id` is the name under which the station knows the model; "" where there is none.
  explicit CheckpointFiles(const std::filesystem::path& path, std::string id = "");

  const std::string& id() const { return id_; }
  const std::filesystem::path& path() const { return path_; }
  Kind kind() const { return kind_; }
  // Of all files that belong to the model, taken before anything is read.
  const ModelVersion& version() const { return version_; }

  // A file below the folder, at most `bytes_max` long; "" when it is absent.
  const std::string& text(const std::filesystem::path& name, std::uintmax_t bytes_max) const;
  // A JSON object below the folder; {} when it is absent.
  const boost::json::object& json(const std::filesystem::path& name) const;
  std::shared_ptr<const WeightsFile> open(const std::filesystem::path& path) const;

  // Of a diffusers folder: the class that model_index.json names for a component; "" for none.
  std::string class_of(std::string_view component) const;
  // Of a transformers folder: its config.json; else {}.
  const boost::json::object& config() const;
  // The weights of a single file or of a transformers folder; null for a diffusers folder, whose
  // components have weights of their own.
  std::shared_ptr<const WeightsFile> weights() const;

  // A layout with the path, format, version and card, and no component yet.
  CheckpointLayout empty_layout() const;
  // The layout of a model whose weights() are one network: component "model" with every tensor
  // under its own name.
  CheckpointLayout one_component(std::string class_name) const;

 private:
  std::filesystem::path path_;
  std::string id_;
  Kind kind_ = Kind::kSingleFile;
  ModelVersion version_;
  mutable std::map<std::filesystem::path, std::string> texts_;
  mutable std::map<std::filesystem::path, boost::json::object> objects_;
  mutable std::map<std::filesystem::path, std::shared_ptr<const WeightsFile>> opened_;
};

// The weights in a folder: full precision before fp16, safetensors before pickles, as the reference
// looks for them. `stem` is of safetensors files, `old_stem` of pickles.
std::filesystem::path find_weights(const std::filesystem::path& folder, std::string_view stem,
                                   std::string_view old_stem);

}  // namespace atelier::engine
