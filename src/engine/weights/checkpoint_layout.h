// A model's files as named components, from configurations, tensor names and shapes alone: no
// tensor data is read. Plain values, made by a model family's detect() (models/model_family.h).
// Component names are those of diffusers' model_index.json: "unet", "vae", "text_encoder",
// "tokenizer", "scheduler"; a model with one network calls it "model".
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weights/model_version.h"
#include "engine/weights/weights_view.h"

namespace atelier::engine {

struct CheckpointComponent {
  std::string class_name;        // "UNet2DConditionModel", as model_index.json spells it
  boost::json::object config;    // config.json, or the family's published one; absent keys: the
                                 // class default
  WeightsView weights;           // under the names that our networks use; empty for a tokenizer
  std::filesystem::path folder;  // empty: the component has no files of its own
};

struct CheckpointLayout {
  std::filesystem::path path;
  std::string format;  // "diffusers", "transformers" or "single_file"
  std::map<std::string, CheckpointComponent, std::less<>> components;
  boost::json::object model_index;  // {} where there is none
  boost::json::object card;         // atelier.json, or metadata of a network's file; may be {}
  std::vector<std::string>
      training_buffers;                // recognised and ignored (betas, position ids, EMA copies …)
  std::vector<std::string> left_over;  // used by no component, shown as a warning
  std::string fingerprint;             // of all weight files, configurations and tokenizers
  ModelVersion version;                // of all of them, taken before anything was read

  // Null: the model has no such component.
  const CheckpointComponent* find(std::string_view name) const {
    const auto found = components.find(name);
    return found == components.end() ? nullptr : &found->second;
  }
  // Bytes of all components as they are stored.
  std::uint64_t weights_bytes() const;
};

}  // namespace atelier::engine
