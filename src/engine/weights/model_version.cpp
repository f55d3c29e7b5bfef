#include "engine/weights/model_version.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <thread>

#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

// What diffusers_folder.cpp and the tokenizers read. Other files of a folder (pictures of a model
// card, a download under way) are no part of the model.
bool is_read(const fs::path& name) {
  constexpr auto kParts = std::to_array<std::string_view>(
      {"unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"});
  constexpr auto kEndings =
      std::to_array<std::string_view>({".json", ".safetensors", ".bin", ".txt"});
  const std::string part = name.parent_path().string(), ending = name.extension().string();
  if (part.empty()) return name == "model_index.json" || name == "atelier.json";
  return std::find(kParts.begin(), kParts.end(), part) != kParts.end() &&
         std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

bool settled(const platform::FileStamps& files) {
  return std::none_of(files.begin(), files.end(),
                      [](const auto& file) { return platform::changed_just_now(file.second); });
}

}  // namespace

ModelVersion ModelVersion::of(const fs::path& path) {
  constexpr int kLooksMax = 20;  // a file that is written all the time never settles
  ModelVersion version;
  for (int look = 0; look < kLooksMax; ++look) {
    version.files_ = platform::stamps_of(path, is_read);
    if (settled(version.files_)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return version;
}

std::string ModelVersion::difference(const ModelVersion& other) const {
  for (const auto& [name, stamp] : files_) {
    const auto theirs = other.files_.find(name);
    if (theirs == other.files_.end() || theirs->second != stamp) return name;
  }
  for (const auto& [name, stamp] : other.files_) {
    if (!files_.contains(name)) return name;
  }
  return "";
}

void ModelVersion::check_unchanged(const fs::path& path) const {
  const std::string changed = difference(of(path));
  if (changed.empty()) return;
  throw Error(ErrorCode::kConflict, path.string() + ": '" + changed +
                                        "' was changed or replaced while the model was in use: "
                                        "send the job again when it is complete");
}

}  // namespace atelier::engine
