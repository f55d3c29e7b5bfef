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

// What the readers of folders and the tokenizers may read: files of a component's folder and, where
// there is no model_index.json, those beside config.json. Other files (pictures of a model card, a
// download under way) do not belong to the model.
bool is_read(const fs::path& name, bool components) {
  constexpr auto kEndings =
      std::to_array<std::string_view>({".json", ".safetensors", ".bin", ".txt"});
  const std::string ending = name.extension().string();
  if (std::find(kEndings.begin(), kEndings.end(), ending) == kEndings.end()) return false;
  const bool top = name.parent_path().empty();
  return !top || !components || name == "model_index.json" || name == "atelier.json";
}

// A single file, and the one beside it that belongs to it: ncnn keeps a model as .param and .bin.
platform::FileStamps stamps_of_file(const fs::path& path) {
  const auto all = [](const fs::path&) { return true; };
  platform::FileStamps files = platform::stamps_of(path, all);
  if (path.extension() == ".param") {
    files.merge(platform::stamps_of(fs::path(path).replace_extension(".bin"), all));
  }
  return files;
}

bool settled(const platform::FileStamps& files) {
  return std::none_of(files.begin(), files.end(),
                      [](const auto& file) { return platform::changed_just_now(file.second); });
}

}  // namespace

ModelVersion ModelVersion::of(const fs::path& path) {
  constexpr int kLooksMax = 20;  // a file that is written all the time never settles
  const bool components = fs::is_regular_file(path / "model_index.json");
  ModelVersion version;
  for (int look = 0; look < kLooksMax; ++look) {
    version.files_ =
        fs::is_directory(path)
            ? platform::stamps_of(path,
                                  [&](const fs::path& name) { return is_read(name, components); })
            : stamps_of_file(path);
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
