// The index of a model that is saved in several files (`*.index.json`): which tensor is in which
// file beside it. The files may be of any other format.
#include <boost/json.hpp>
#include <set>

#include "engine/weights/all_formats.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

bool is_json(std::span<const std::byte> /*file*/, const fs::path& path) {
  return path.extension() == ".json";
}

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptData, path.string() + ": broken index of shards: " + what);
}

// File name -> the tensors that the index says are in it.
std::map<std::string, std::set<std::string>> read_index(std::span<const std::byte> bytes,
                                                        const fs::path& path) {
  json::error_code error;
  const json::value index = json::parse(
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), error);
  if (error) fail(path, "no valid JSON (" + error.message() + ")");
  const json::value* const map =
      index.is_object() ? index.as_object().if_contains("weight_map") : nullptr;
  if (map == nullptr || !map->is_object()) fail(path, "it has no weight_map");
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, shard] : map->as_object()) {
    const std::string name = shard.is_string() ? std::string(shard.as_string()) : std::string();
    if (name.empty() || name.find('/') != std::string::npos || name == ".." ||
        name.ends_with(".json")) {
      fail(path, "tensor '" + platform::cut(tensor, 200) + "' names no weight file beside it");
    }
    shards[name].insert(std::string(tensor));
  }
  return shards;
}

void add_shard(const fs::path& path, std::set<std::string>& expected, OpenedWeights& all) {
  if (!fs::exists(path)) {
    throw Error(ErrorCode::kCorruptData,
                path.string() + ": this part of the model is missing: fetch the folder again");
  }
  auto file = std::make_shared<const MappedFile>(path);
  const WeightsFormat& format = weights_format_of(file->bytes(), path);
  OpenedWeights shard = format.open(std::move(file), path);
  for (TensorInfo& tensor : shard.tensors) {
    if (expected.erase(tensor.name) == 0) continue;
    tensor.shard += static_cast<std::uint32_t>(all.maps.size());
    all.tensors.push_back(std::move(tensor));
  }
  if (!expected.empty()) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": tensor '" +
                                             platform::cut(*expected.begin(), 200) +
                                             "' is missing, although the index names it here");
  }
  all.maps.insert(all.maps.end(), shard.maps.begin(), shard.maps.end());
  all.metadata.merge(shard.metadata);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the signature of WeightsFormat::open
OpenedWeights open(std::shared_ptr<const MappedFile> file, const fs::path& path) {
  OpenedWeights all;
  for (auto& [name, expected] : read_index(file->bytes(), path)) {
    add_shard(path.parent_path() / name, expected, all);
  }
  return all;
}

}  // namespace

WeightsFormat shard_index_format() { return {"sharded", is_json, open}; }

}  // namespace atelier::engine
