#include "engine/weights/weights_file.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "engine/weights/content_hash.h"
#include "engine/weights/safetensors_header.h"
#include "engine/weights/torch_archive.h"
#include "engine/weights/zip_directory.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

namespace json = boost::json;

bool starts_with(std::span<const std::byte> file, std::string_view bytes) {
  return file.size() >= bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), file.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

bool is_torch_name(const std::filesystem::path& path) {
  const auto ending = path.extension();
  return ending == ".ckpt" || ending == ".pt" || ending == ".pth" || ending == ".bin";
}

[[noreturn]] void unsupported(const std::filesystem::path& path, const char* what) {
  throw Error(ErrorCode::kUnsupported, path.string() + ": " + what);
}

}  // namespace

std::shared_ptr<const WeightsFile> WeightsFile::open(const std::filesystem::path& path) {
  std::shared_ptr<WeightsFile> file(new WeightsFile);
  file->path_ = path;
  if (path.extension() == ".json") {
    file->add_index(path);
  } else {
    file->maps_.push_back(std::make_shared<const MappedFile>(path));
    const auto bytes = file->maps_.back()->bytes();
    if (looks_like_zip(bytes)) {
      file->format_ = "pickle";
      file->tensors_ = parse_torch_archive(bytes, path.string());
    } else if (starts_with(bytes, "GGUF")) {
      unsupported(path, "is a GGUF file, which is not read yet: use the safetensors version");
    } else if (starts_with(bytes, "\x80\x02") && !looks_like_safetensors(bytes)) {
      unsupported(path,
                  "was saved by PyTorch older than 1.6 in a form that is not read: save it again "
                  "with a newer one or as safetensors");
    } else if (is_torch_name(path) && !looks_like_safetensors(bytes)) {
      throw Error(
          ErrorCode::kCorruptData,
          path.string() +
              ": broken torch archive: it does not begin as one; download or copy it again");
    } else {
      file->format_ = "safetensors";
      SafetensorsHeader header = parse_safetensors(bytes, path.string());
      file->tensors_ = std::move(header.tensors);
      file->metadata_ = std::move(header.metadata);
    }
  }
  file->build_lookup();
  file->check_readable();
  return file;
}

void WeightsFile::add_index(const std::filesystem::path& path) {
  format_ = "sharded";
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": broken index of shards: " + what);
  };
  const MappedFile text(path);
  json::error_code error;
  const json::value index = json::parse(
      std::string_view(reinterpret_cast<const char*>(text.bytes().data()), text.size()), error);
  if (error) fail("no valid JSON (" + error.message() + ")");
  const json::value* const map =
      index.is_object() ? index.as_object().if_contains("weight_map") : nullptr;
  if (map == nullptr || !map->is_object()) fail("it has no weight_map");

  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, shard] : map->as_object()) {
    const std::string name = shard.is_string() ? std::string(shard.as_string()) : std::string();
    if (name.empty() || name.find('/') != std::string::npos || name == "..") {
      fail("tensor '" + platform::cut(tensor, 200) + "' names no file beside it");
    }
    shards[name].insert(std::string(tensor));
  }
  for (auto& [name, wanted] : shards) add_shard(path.parent_path() / name, wanted);
}

void WeightsFile::add_shard(const std::filesystem::path& path, std::set<std::string>& wanted) {
  if (!std::filesystem::exists(path)) {
    throw Error(ErrorCode::kCorruptData,
                path.string() + ": this part of the model is missing: fetch the folder again");
  }
  maps_.push_back(std::make_shared<const MappedFile>(path));
  const auto bytes = maps_.back()->bytes();
  SafetensorsHeader header;
  if (looks_like_zip(bytes)) {
    header.tensors = parse_torch_archive(bytes, path.string());
  } else {
    header = parse_safetensors(bytes, path.string());
  }
  for (TensorInfo& tensor : header.tensors) {
    if (wanted.erase(tensor.name) == 0) continue;
    tensor.shard = static_cast<std::uint32_t>(maps_.size() - 1);
    tensors_.push_back(std::move(tensor));
  }
  if (!wanted.empty()) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": tensor '" +
                                             platform::cut(*wanted.begin(), 200) +
                                             "' is missing, although the index names it here");
  }
  metadata_.merge(header.metadata);
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
  // Fine-tunes of one family have equal headers, so some of the data is looked at too.
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
