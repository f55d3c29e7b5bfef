#include "engine/weights/torch_archive.h"

#include <string_view>
#include <unordered_map>

#include "engine/weights/pickle_reader.h"
#include "engine/weights/zip_directory.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";
constexpr std::size_t kDimensionsMax = 32;
// A view may repeat elements (stride 0), as expand() makes; this many beyond its storage are
// believed.
constexpr std::uint64_t kRepeatedElementsMax = 1u << 20;

class ArchiveReader {
 public:
  ArchiveReader(std::span<const std::byte> file, const std::string& where)
      : file_(file), where_(where) {}

  std::vector<TensorInfo> read();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorruptData,
                where_ + ": broken torch archive: " + what + "; download or copy it again");
  }
  const ZipMember& member(const std::string& name) const;
  void check_byte_order() const;
  TensorInfo locate(const PickledTensor& tensor) const;
  std::uint64_t extent(const PickledTensor& tensor) const;

  std::span<const std::byte> file_;
  const std::string& where_;
  std::string root_;
  std::unordered_map<std::string, ZipMember> members_;
};

const ZipMember& ArchiveReader::member(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) fail("member '" + platform::cut(name, 200) + "' is missing");
  if (!found->second.stored) {
    throw Error(ErrorCode::kUnsupported, where_ + ": member '" + platform::cut(name, 200) +
                                             "' is compressed, which torch never does: save the "
                                             "model again");
  }
  return found->second;
}

void ArchiveReader::check_byte_order() const {
  const std::string name = root_ + "/byteorder";
  if (!members_.contains(name)) return;
  const ZipMember& order = member(name);
  const std::string_view text(reinterpret_cast<const char*>(file_.data()) + order.offset,
                              order.size);
  if (text != "little") {
    throw Error(ErrorCode::kUnsupported,
                where_ + ": was saved on a big-endian machine: save it on another one");
  }
}

bool contiguous(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Elements from the first to the last one used, both included; 0 for an empty tensor.
std::uint64_t ArchiveReader::extent(const PickledTensor& tensor) const {
  const std::string what = "tensor '" + platform::cut(tensor.name, 200) + "' ";
  if (tensor.shape.size() != tensor.strides.size() || tensor.shape.size() > kDimensionsMax) {
    fail(what + "has a shape and strides that do not fit together");
  }
  std::uint64_t last = 0, elements = 1;
  bool empty = false, too_large = false;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] < 0 || tensor.strides[i] < 0) fail(what + "has a negative shape or stride");
    const auto size = static_cast<std::uint64_t>(tensor.shape[i]);
    if (size == 0) {
      empty = true;
      continue;
    }
    std::uint64_t span = 0;
    too_large = __builtin_mul_overflow(elements, size, &elements) || too_large;
    too_large =
        __builtin_mul_overflow(size - 1, static_cast<std::uint64_t>(tensor.strides[i]), &span) ||
        __builtin_add_overflow(last, span, &last) || too_large;
  }
  if (empty) return 0;
  if (too_large || last >= tensor.storage_elements * weight_dtype_size(tensor.storage_dtype) ||
      elements > tensor.storage_elements * weight_dtype_size(tensor.storage_dtype) +
                     kRepeatedElementsMax) {
    fail(what + "of shape " + shape_text(tensor.shape) + " is larger than its storage");
  }
  return last + 1;
}

TensorInfo ArchiveReader::locate(const PickledTensor& tensor) const {
  const std::string what = "tensor '" + platform::cut(tensor.name, 200) + "' ";
  const ZipMember& data = member(root_ + "/data/" + tensor.storage_key);
  std::uint64_t claimed = 0;
  if (__builtin_mul_overflow(tensor.storage_elements, weight_dtype_size(tensor.storage_dtype),
                             &claimed) ||
      claimed != data.size) {
    fail(what + "claims a storage of " + std::to_string(tensor.storage_elements) +
         " elements, its member has " + std::to_string(data.size) + " bytes");
  }
  const std::uint64_t item = weight_dtype_size(tensor.dtype);
  const std::uint64_t used = extent(tensor);
  const std::uint64_t available = data.size / item;
  if (tensor.offset > available || used > available - tensor.offset) {
    fail(what + "extends beyond the end of its storage");
  }
  TensorInfo info;
  info.name = tensor.name;
  info.dtype = tensor.dtype;
  info.shape = tensor.shape;
  if (used > 0 && !contiguous(tensor)) info.strides = tensor.strides;
  info.offset = data.offset + tensor.offset * item;
  info.bytes = used * item;
  return info;
}

std::vector<TensorInfo> ArchiveReader::read() {
  for (ZipMember& entry : parse_zip_directory(file_, where_)) {
    if (root_.empty() && entry.name.ends_with(kPickleName)) {
      root_ = entry.name.substr(0, entry.name.size() - kPickleName.size());
    }
    std::string name = entry.name;
    members_.emplace(std::move(name), std::move(entry));
  }
  if (root_.empty()) {
    throw Error(ErrorCode::kUnsupported,
                where_ + ": is a zip archive, but not one that torch.save wrote (no data.pkl)");
  }
  check_byte_order();
  const ZipMember& pickle = member(root_ + std::string(kPickleName));
  std::vector<TensorInfo> tensors;
  for (const PickledTensor& tensor :
       read_pickled_tensors(file_.subspan(pickle.offset, pickle.size), where_)) {
    tensors.push_back(locate(tensor));
  }
  return tensors;
}

}  // namespace

std::vector<TensorInfo> parse_torch_archive(std::span<const std::byte> file,
                                            const std::string& where) {
  return ArchiveReader(file, where).read();
}

}  // namespace atelier::engine
