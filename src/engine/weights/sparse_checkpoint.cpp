#include "engine/weights/sparse_checkpoint.h"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::uint64_t elements(const ListedTensor& tensor) {
  std::uint64_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= static_cast<std::uint64_t>(extent);
  return count;
}

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

void write_at(const fs::path& path, std::uint64_t offset, const std::string& bytes) {
  std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream) throw std::runtime_error("cannot write " + path.string());
}

void create_sized(const fs::path& path, std::uint64_t size) {
  std::ofstream(path, std::ios::binary).flush();
  fs::resize_file(path, size);
}

// The opcodes of torch.save (pickle protocol 2), without memo numbers.
class PickleWriter {
 public:
  void op(std::initializer_list<int> bytes) {
    for (const int byte : bytes) text_ += static_cast<char>(byte);
  }
  void global(const char* module, const char* name) {
    text_ += std::string("c") + module + "\n" + name + "\n";
  }
  void unicode(const std::string& text) { text_ += "X" + number(text.size(), 4) + text; }
  void integer(std::uint64_t value) {
    if (value < 0x7fffffff) {
      text_ += "J" + number(value, 4);
    } else {
      text_ += std::string("\x8a\x08", 2) + number(value, 8);
    }
  }
  void integers(const std::vector<std::int64_t>& values) {
    op({'('});
    for (const std::int64_t value : values) integer(static_cast<std::uint64_t>(value));
    op({'t'});
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

std::string pickle_of(const std::vector<ListedTensor>& tensors) {
  PickleWriter pickle;
  pickle.op({0x80, 2, '}', 'q', 0, '('});
  pickle.unicode("state_dict");
  pickle.global("collections", "OrderedDict");
  pickle.op({')', 'R', 'q', 1, '('});
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    pickle.unicode(tensors[i].name);
    pickle.global("torch._utils", "_rebuild_tensor_v2");
    pickle.op({'(', '('});
    pickle.unicode("storage");
    pickle.global("torch", "FloatStorage");
    pickle.unicode(std::to_string(i));
    pickle.unicode("cpu");
    pickle.integer(elements(tensors[i]));
    pickle.op({'t', 'Q'});
    pickle.integer(0);
    pickle.integers(tensors[i].shape);
    pickle.integers(contiguous_strides(tensors[i].shape));
    pickle.op({0x89});
    pickle.global("collections", "OrderedDict");
    pickle.op({')', 'R', 't', 'R'});
  }
  pickle.op({'u'});
  pickle.unicode("global_step");
  pickle.integer(1000);
  pickle.op({'u', '.'});
  return pickle.text();
}

class SparseZip {
 public:
  void add(const std::string& name, std::uint64_t size, const std::string& data = {}) {
    const std::string zip64_sizes =
        number(1, 2) + number(16, 2) + number(size, 8) + number(size, 8);
    const std::string header = std::string("PK\3\4") + number(45, 2) + std::string(12, '\0') +
                               number(0xffffffff, 4) + number(0xffffffff, 4) +
                               number(name.size(), 2) + number(zip64_sizes.size(), 2) + name +
                               zip64_sizes;
    const std::string zip64 =
        number(1, 2) + number(24, 2) + number(size, 8) + number(size, 8) + number(end_, 8);
    directory_ += std::string("PK\1\2") + number(45, 2) + number(45, 2) + std::string(12, '\0') +
                  number(0xffffffff, 4) + number(0xffffffff, 4) + number(name.size(), 2) +
                  number(zip64.size(), 2) + std::string(10, '\0') + number(0xffffffff, 4) + name +
                  zip64;
    pieces_.push_back({end_, header + data});
    end_ += header.size() + size;
    ++count_;
  }

  void write(const fs::path& path) {
    const std::uint64_t start = end_;
    const std::string end64 = std::string("PK\6\6") + number(44, 8) + number(45, 2) +
                              number(45, 2) + number(0, 8) + number(count_, 8) + number(count_, 8) +
                              number(directory_.size(), 8) + number(start, 8);
    const std::string locator =
        std::string("PK\6\7") + number(0, 4) + number(start + directory_.size(), 8) + number(1, 4);
    const std::string end = std::string("PK\5\6") + number(0, 4) + number(0xffff, 2) +
                            number(0xffff, 2) + number(0xffffffff, 4) + number(0xffffffff, 4) +
                            number(0, 2);
    const std::string tail = directory_ + end64 + locator + end;
    create_sized(path, start + tail.size());
    for (const auto& [offset, bytes] : pieces_) write_at(path, offset, bytes);
    write_at(path, start, tail);
  }

 private:
  std::vector<std::pair<std::uint64_t, std::string>> pieces_;
  std::string directory_;
  std::uint64_t end_ = 0, count_ = 0;
};

}  // namespace

std::vector<ListedTensor> read_tensor_list(const std::string& name) {
  std::ifstream stream(ATELIER_SOURCE_DIR "/tests/data/checkpoints/" + name + ".txt");
  if (!stream) throw std::runtime_error("no list " + name);
  std::vector<ListedTensor> tensors;
  std::string line, last;
  while (std::getline(stream, line)) {
    std::istringstream fields(line);
    std::size_t shared = 0;
    std::string rest, shape, places, item;
    fields >> shared >> rest >> shape >> places;
    ListedTensor tensor;
    tensor.name = last.substr(0, shared) + rest;
    std::istringstream extents(shape == "-" ? "" : shape), lines(places == "-" ? "" : places);
    while (std::getline(extents, item, ',')) tensor.shape.push_back(std::stoll(item));
    while (std::getline(lines, item, '+')) tensor.places.push_back(std::stoul(item));
    last = tensor.name;
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void write_sparse_safetensors(const fs::path& path, const std::vector<ListedTensor>& tensors,
                              const std::string& dtype) {
  json::object header{{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t end = 0;
  for (const ListedTensor& tensor : tensors) {
    const std::uint64_t begin = end;
    end += elements(tensor) * (dtype == "F16" ? 2 : 4);
    header[tensor.name] = {{"dtype", dtype},
                           {"shape", json::value_from(tensor.shape)},
                           {"data_offsets", {begin, end}}};
  }
  std::string text = json::serialize(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  create_sized(path, 8 + text.size() + end);
  write_at(path, 0, number(text.size(), 8) + text);
}

void write_sparse_shards(const fs::path& folder, const std::string& stem,
                         const std::vector<ListedTensor>& tensors, int parts) {
  json::object map;
  const auto count = static_cast<std::size_t>(parts);
  for (std::size_t part = 0; part < count; ++part) {
    std::array<char, 64> suffix{};
    std::snprintf(suffix.data(), suffix.size(), "-%05zu-of-%05zu", part + 1, count);
    const std::string name = stem + suffix.data() + ".safetensors";
    const auto first = tensors.begin() + static_cast<std::ptrdiff_t>(tensors.size() * part / count);
    const auto last =
        tensors.begin() + static_cast<std::ptrdiff_t>(tensors.size() * (part + 1) / count);
    write_sparse_safetensors(folder / name, {first, last}, "F16");
    std::for_each(first, last, [&](const ListedTensor& tensor) { map[tensor.name] = name; });
  }
  std::ofstream(folder / (stem + ".safetensors.index.json"))
      << json::serialize(json::object{{"metadata", {{"total_size", 1}}}, {"weight_map", map}});
}

void write_sparse_torch_archive(const fs::path& path, const std::vector<ListedTensor>& tensors) {
  SparseZip zip;
  const std::string pickle = pickle_of(tensors);
  zip.add("archive/data.pkl", pickle.size(), pickle);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    zip.add("archive/data/" + std::to_string(i), elements(tensors[i]) * 4);
  }
  zip.add("archive/version", 2, "3\n");
  zip.write(path);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "atelier_weights_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TemporaryFolder::write(const std::string& name, std::string_view bytes) const {
  const fs::path path = path_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace atelier::engine
