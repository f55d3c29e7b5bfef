#include "scheduler/model_folders.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "domain/catalog/model_layout.h"
#include "platform/file_stamp.h"
#include "platform/utf8.h"

namespace atelier::scheduler {
namespace {

namespace fs = std::filesystem;
namespace layout = domain::model_layout;

constexpr int kDepthMax = 4;  // of folders below checkpoints/
constexpr std::size_t kEntriesMax =
    20'000;  // a wrong folder (a whole disk) must not hang the start

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    entries.push_back(it->path());
    if (entries.size() == kEntriesMax) break;
  }
  std::ranges::sort(entries);
  return entries;
}

bool is_folder(const fs::path& path) {
  std::error_code failure;
  return fs::is_directory(path, failure);
}

bool is_file(const fs::path& path) {
  std::error_code failure;
  return fs::is_regular_file(path, failure);
}

// ncnn keeps the weights of NAME.param in NAME.bin; "" of every other file.
fs::path weights_beside(const fs::path& path) {
  return path.extension() == ".param" ? fs::path(path).replace_extension(".bin") : fs::path();
}

std::int64_t size_of(const fs::path& path) {
  std::error_code failure;
  if (const auto weights = weights_beside(path); is_file(weights)) {
    return static_cast<std::int64_t>(fs::file_size(path, failure) +
                                     fs::file_size(weights, failure));
  }
  if (is_file(path)) return static_cast<std::int64_t>(fs::file_size(path, failure));
  std::int64_t size = 0;
  std::size_t seen = 0;
  for (fs::recursive_directory_iterator it(path, failure), end; !failure && it != end;
       it.increment(failure)) {
    if (++seen > kEntriesMax) break;
    if (is_file(it->path())) size += static_cast<std::int64_t>(it->file_size(failure));
  }
  return size;
}

platform::FileStamps stamps_at(const fs::path& path) {
  const auto each = [](const fs::path&) { return true; };
  auto stamps = platform::stamps_of(path, each);
  if (const auto weights = weights_beside(path); !weights.empty()) {
    stamps.merge(platform::stamps_of(weights, each));
  }
  return stamps;
}

bool is_checkpoint(const fs::path& path) {
  const auto extension = path.extension();
  return extension == ".safetensors" || extension == ".ckpt";
}

// An id is UTF-8, a file name any bytes: invalid bytes are written as %FF.
std::string as_text(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  while (!name.empty()) {
    const auto point = platform::first_code_point(name);
    if (point.valid) {
      text += name.substr(0, point.bytes);
    } else {
      const auto byte = static_cast<unsigned char>(name.front());
      text += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
    name.remove_prefix(point.bytes);
  }
  return text;
}

class Collection {
 public:
  explicit Collection(std::chrono::milliseconds settled_after) : settled_after_(settled_after) {}

  void add(const std::string& name, const fs::path& path, std::string_view source) {
    const auto id = as_text(name);
    if (!ids_.insert(id).second) return;
    const auto stamps = stamps_at(path);
    const bool settled = std::ranges::none_of(stamps, [this](const auto& file) {
      return platform::changed_within(file.second, settled_after_);
    });
    found_.push_back({id, path.string(), std::string(source), size_of(path),
                      platform::version_of(stamps), settled});
  }

  void add_checkpoints(const fs::path& root, std::string_view source, const fs::path& below = {},
                       int depth = 0) {
    for (const auto& path : entries_of(root / below)) {
      const auto name = below / path.filename();
      if (is_checkpoint(path) && is_file(path)) {
        add("checkpoint/" + (below / path.stem()).generic_string(), path, source);
      } else if (depth < kDepthMax && is_folder(path)) {
        add_checkpoints(root, source, name, depth + 1);
      }
    }
  }

  // Networks that enlarge pictures, as ComfyUI keeps them.
  void add_upscalers(const fs::path& root, std::string_view source) {
    for (const auto& path : entries_of(root)) {
      const auto extension = path.extension();
      const bool weights = extension == ".safetensors" || extension == ".pth" ||
                           extension == ".pt" || extension == ".param";
      if (weights && is_file(path)) add("upscale/" + path.stem().string(), path, source);
    }
  }

  // Networks that look at pictures: files, or folders with a config.json beside the weights.
  void add_vision(const fs::path& root, std::string_view source) {
    for (const auto& path : entries_of(root)) {
      const auto extension = path.extension();
      if (is_folder(path)) {
        add("vision/" + path.filename().string(), path, source);
      } else if (extension == ".onnx" || extension == ".safetensors") {
        add("vision/" + path.stem().string(), path, source);
      }
    }
  }

  // Every folder counts, also one without its model_index.json: inspecting it names what is
  // missing.
  void add_diffusers(const fs::path& root, std::string_view source) {
    for (const auto& path : entries_of(root)) {
      if (is_folder(path)) add("diffusers/" + path.filename().string(), path, source);
    }
  }

  void add_layout(const fs::path& models, std::string_view source) {
    add_checkpoints(models / layout::kCheckpoints, source);
    add_diffusers(models / layout::kDiffusers, source);
    add_upscalers(models / layout::kUpscalers, source);
    add_vision(models / layout::kVision, source);
  }

  // One snapshot of each repository (the last by name), and only diffusers folders: the cache also
  // holds language models, which are not reported as problems.
  void add_hub(const fs::path& hub) {
    constexpr std::string_view kPrefix = "models--";
    for (const auto& repository : entries_of(hub)) {
      const auto folder = repository.filename().string();
      if (!folder.starts_with(kPrefix)) continue;
      const auto name = folder.substr(kPrefix.size());
      const auto cut = name.find("--");
      if (cut == std::string::npos) continue;
      const auto snapshots = entries_of(repository / "snapshots");
      const auto found = std::find_if(snapshots.rbegin(), snapshots.rend(), [](const auto& path) {
        return is_file(path / "model_index.json");
      });
      if (found == snapshots.rend()) continue;
      add("hf/" + name.substr(0, cut) + "/" + name.substr(cut + 2), *found, "huggingface");
    }
  }

  std::vector<ModelCandidate> take() { return std::move(found_); }

 private:
  std::chrono::milliseconds settled_after_;
  std::vector<ModelCandidate> found_;
  std::set<std::string> ids_;
};

}  // namespace

std::vector<ModelCandidate> find_model_candidates(const ModelFolders& folders) {
  Collection collection(folders.settled_after);
  if (!folders.starter.empty()) {
    collection.add_layout(fs::path(folders.starter) / "models", "starter");
  }
  for (const auto& folder : folders.layouts) collection.add_layout(folder, "models");
  for (const auto& folder : folders.comfyui) {
    collection.add_layout(fs::path(folder) / "models", "comfyui");
  }
  for (const auto& folder : folders.a1111) {
    collection.add_checkpoints(fs::path(folder) / "models" / "Stable-diffusion", "a1111");
    for (const char* name : {"ESRGAN", "RealESRGAN"}) {
      collection.add_upscalers(fs::path(folder) / "models" / name, "a1111");
    }
  }
  for (const auto& folder : folders.huggingface) collection.add_hub(folder);
  return collection.take();
}

std::uint64_t files_version_of(const std::string& path) {
  return platform::version_of(stamps_at(path));
}

std::string without_place(std::string sentence, const std::string& path) {
  // As it is written in the sentence, which was sent as JSON.
  const auto folder = platform::valid_utf8(path.substr(0, path.rfind('/') + 1));
  if (folder.size() < 2) return sentence;  // no folder, or the root itself
  for (auto at = sentence.find(folder); at != std::string::npos; at = sentence.find(folder, at)) {
    sentence.erase(at, folder.size());
  }
  return sentence;
}

}  // namespace atelier::scheduler
