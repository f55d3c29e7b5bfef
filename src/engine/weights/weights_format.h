// A file format of weights. Each format is one file of this folder, format_<name>.cpp, which
// defines `WeightsFormat <name>_format()`, and one line of all_formats.cpp. No torch. Any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/mapped_file.h"
#include "engine/weights/tensor_info.h"

namespace atelier::engine {

// What a format's reader found. `TensorInfo::shard` is an index into `maps`.
struct OpenedWeights {
  std::vector<std::shared_ptr<const MappedFile>> maps;
  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> metadata;
};

struct WeightsFormat {
  std::string name;  // shown on model cards: "safetensors"
  // Whether a file is of this format, from its content and its name. Must accept any bytes.
  bool (*recognises)(std::span<const std::byte> file, const std::filesystem::path& path) = nullptr;
  // Validates the whole file before anything of it is used. Throws kCorruptData or kUnsupported
  // with the path and the reason.
  OpenedWeights (*open)(std::shared_ptr<const MappedFile> file,
                        const std::filesystem::path& path) = nullptr;
};

}  // namespace atelier::engine
