// Tells what a model file or folder is, from configurations, tensor names and shapes alone (nothing
// of the data is read), and shows its parts under the names of the diffusers layout. Handles
// diffusers folders and single-file LDM checkpoints of SD1.5 and SDXL. Any thread; cheap enough to
// call for a list of models. Throws kNotFound (no such path), kCorruptData (truncated, lying,
// incomplete) or kUnsupported (a model of another kind, named as far as it can be).
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/weights/model_version.h"
#include "engine/weights/weights_view.h"

namespace atelier::engine {

struct CheckpointComponent {
  std::string class_name;  // "UNet2DConditionModel", as model_index.json spells it
  boost::json::object
      config;  // config.json, or the published one of the family; absent keys: class default
  WeightsView weights;  // names of the diffusers layout; text encoders with `text_model.`
};

struct CheckpointLayout {
  std::filesystem::path path;
  std::string format;  // "diffusers" or "single_file"
  std::string family;  // "sd15", "sdxl": a label for people
  std::optional<CheckpointComponent> unet, vae, text_encoder, text_encoder_2;
  std::filesystem::path tokenizer_folder,
      tokenizer_2_folder;  // empty: use the built-in CLIP merges
  boost::json::object
      scheduler_config;  // with "_class_name"; the family's published one for single files
  boost::json::object model_index;  // empty for single files
  boost::json::object card;         // atelier.json beside model_index.json, if any
  bool force_zeros_for_empty_prompt = false;
  std::vector<std::string>
      training_buffers;  // recognised and ignored (betas, position ids, EMA copies …)
  std::vector<std::string>
      left_over;            // nobody knows these: extra parts of a merge, shown as a warning
  std::string fingerprint;  // of all weight files, configurations and tokenizers
  ModelVersion version;     // of all of them, taken before anything was read
};

// Of what was read before, the caller makes sure with `version` once it has read all that it wants.
CheckpointLayout detect_checkpoint(const std::filesystem::path& path);

}  // namespace atelier::engine
