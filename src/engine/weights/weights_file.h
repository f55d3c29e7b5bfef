// An opened set of weights, memory-mapped read-only: a file of any format of all_formats.cpp, or
// the several files that an index names. Immutable after open(): any thread may read. open()
// validates everything before a tensor is returned; truncated or inconsistent files throw
// kCorruptData with the path, what is wrong and where. No torch here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/weights/mapped_file.h"
#include "engine/weights/tensor_info.h"

namespace atelier::engine {

class WeightsFile {
 public:
  // The format is recognised from the content and the name.
  static std::shared_ptr<const WeightsFile> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // The format's name: "safetensors", "sharded", "pickle".
  const std::string& format() const { return format_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const TensorInfo* find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // The files, in the order of TensorInfo::shard: for a family that reads more than tensors from a
  // format, such as a graph.
  const std::vector<std::shared_ptr<const MappedFile>>& maps() const { return maps_; }
  // Bytes of the tensor in the map.
  std::span<const std::byte> bytes(const TensorInfo& tensor) const;
  // The map itself, for views that must outlive this object.
  const std::shared_ptr<const MappedFile>& map_of(const TensorInfo& tensor) const;
  // Gives the tensor's mapped pages back to the system; they return from the file when touched
  // again.
  void release(const TensorInfo& tensor) const;

  // Throws kCorruptData when bytes that were read had been cut off the file or could not be had
  // from the disk: they were read as zeros (mapped_file.h).
  void check_readable() const;

  // A name for this content that is quick to make: header, sizes and samples of the data.
  std::string fingerprint() const;

 private:
  WeightsFile() = default;
  void build_lookup();

  std::filesystem::path path_;
  std::string format_;
  std::vector<std::shared_ptr<const MappedFile>> maps_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, std::size_t>
      lookup_;  // into tensors_, which no longer changes
  std::map<std::string, std::string> metadata_;
};

}  // namespace atelier::engine
