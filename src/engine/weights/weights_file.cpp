#include "engine/weights/weights_file.h"

#include <algorithm>

#include "engine/weights/all_formats.h"
#include "engine/weights/content_hash.h"
#include "platform/error.h"

namespace atelier::engine {

std::shared_ptr<const WeightsFile> WeightsFile::open(const std::filesystem::path& path) {
  auto map = std::make_shared<const MappedFile>(path);
  const WeightsFormat& format = weights_format_of(map->bytes(), path);
  OpenedWeights opened = format.open(std::move(map), path);
  std::shared_ptr<WeightsFile> file(new WeightsFile);
  file->path_ = path;
  file->format_ = format.name;
  file->maps_ = std::move(opened.maps);
  file->tensors_ = std::move(opened.tensors);
  file->metadata_ = std::move(opened.metadata);
  file->build_lookup();
  file->check_readable();
  return file;
}

void WeightsFile::build_lookup() {
  lookup_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) lookup_.emplace(tensors_[i].name, i);
}

const TensorInfo* WeightsFile::find(std::string_view name) const {
  const auto found = lookup_.find(name);
  return found == lookup_.end() ? nullptr : &tensors_[found->second];
}

const std::shared_ptr<const MappedFile>& WeightsFile::map_of(const TensorInfo& tensor) const {
  return maps_[tensor.shard];
}

std::span<const std::byte> WeightsFile::bytes(const TensorInfo& tensor) const {
  return map_of(tensor)->bytes().subspan(tensor.offset, tensor.bytes);
}

void WeightsFile::release(const TensorInfo& tensor) const {
  map_of(tensor)->release(tensor.offset, tensor.bytes);
}

void WeightsFile::check_readable() const {
  const auto lost = [](const auto& map) { return map->lost_pages(); };
  if (std::any_of(maps_.begin(), maps_.end(), lost)) {
    throw Error(ErrorCode::kCorruptData,
                path_.string() +
                    ": a part of it was cut off or could not be read from the disk while it was "
                    "read: see that nothing writes it, then try again");
  }
}

std::string WeightsFile::fingerprint() const {
  // Fine-tunes of one family have equal headers, so some of the data is compared as well.
  constexpr std::size_t kSamples = 64, kSampleBytes = 256;
  ContentHash hash;
  for (const TensorInfo& tensor : tensors_) {
    hash.add(tensor.name);
    hash.add(tensor.offset);
  }
  const std::size_t step = std::max<std::size_t>(tensors_.size() / kSamples, 1);
  for (std::size_t i = 0; i < tensors_.size(); i += step) {
    const auto data = bytes(tensors_[i]);
    hash.add(data.first(std::min(data.size(), kSampleBytes)));
  }
  for (const auto& map : maps_) hash.add(std::uint64_t{map->size()});
  return hash.hex();
}

}  // namespace atelier::engine
