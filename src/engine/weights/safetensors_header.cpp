#include "engine/weights/safetensors_header.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <set>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t kLengthBytes = 8;
// Shapes of more dimensions than this are made up.
constexpr std::size_t kDimensionsMax = 32;
// Nested arrays and objects of a well-formed header: { tensor: { shape: [ … ] } }.
constexpr std::size_t kJsonDepthMax = 8;

struct DtypeBits {
  std::string_view name;
  WeightDtype dtype;
  std::uint64_t bits;
};

constexpr auto kDtypes = std::to_array<DtypeBits>({
    {"BOOL", WeightDtype::kBool, 8},
    {"U8", WeightDtype::kU8, 8},
    {"I8", WeightDtype::kI8, 8},
    {"U16", WeightDtype::kU16, 16},
    {"I16", WeightDtype::kI16, 16},
    {"U32", WeightDtype::kU32, 32},
    {"I32", WeightDtype::kI32, 32},
    {"U64", WeightDtype::kU64, 64},
    {"I64", WeightDtype::kI64, 64},
    {"F8_E4M3", WeightDtype::kF8E4M3, 8},
    {"F8_E5M2", WeightDtype::kF8E5M2, 8},
    {"F16", WeightDtype::kF16, 16},
    {"BF16", WeightDtype::kBF16, 16},
    {"F32", WeightDtype::kF32, 32},
    {"F64", WeightDtype::kF64, 64},
    {"C64", WeightDtype::kC64, 64},
    {"F8_E8M0", WeightDtype::kOther, 8},
    {"F8_E4M3FNUZ", WeightDtype::kOther, 8},
    {"F8_E5M2FNUZ", WeightDtype::kOther, 8},
    {"F6_E2M3", WeightDtype::kOther, 6},
    {"F6_E3M2", WeightDtype::kOther, 6},
    {"F4", WeightDtype::kOther, 4},
});

class HeaderParser {
 public:
  HeaderParser(std::span<const std::byte> file, const std::string& where)
      : file_(file), where_(where) {}

  SafetensorsHeader parse();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorruptData,
                where_ + ": broken safetensors file: " + what + "; download or copy it again");
  }
  [[noreturn]] void fail(const std::string& tensor, const std::string& what) const {
    fail("tensor '" + platform::cut(tensor, 200) + "' " + what);
  }

  std::string_view header_text();
  json::object parse_json(std::string_view text) const;
  void read_metadata(const json::value& value);
  void read_tensor(const std::string& name, const json::value& value);
  std::uint64_t read_count(const json::value& value, const std::string& name,
                           const char* field) const;
  const DtypeBits& read_dtype(const json::object& entry, const std::string& name) const;
  std::uint64_t read_shape(const json::object& entry, TensorInfo& tensor) const;
  void check_layout();

  std::span<const std::byte> file_;
  const std::string& where_;
  std::uint64_t data_bytes_ = 0;
  SafetensorsHeader header_;
};

std::uint64_t read_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return value;
}

std::string_view HeaderParser::header_text() {
  if (file_.size() < kLengthBytes) {
    fail("it has " + std::to_string(file_.size()) + " bytes, too few for a header");
  }
  const std::uint64_t length = read_u64(file_);
  if (length > kSafetensorsHeaderBytesMax) {
    fail("its header claims " + std::to_string(length) + " bytes, more than the format allows");
  }
  if (length > file_.size() - kLengthBytes) {
    fail("its header claims " + std::to_string(length) + " bytes, the file has " +
         std::to_string(file_.size()));
  }
  header_.data_begin = kLengthBytes + length;
  data_bytes_ = file_.size() - header_.data_begin;
  return {reinterpret_cast<const char*>(file_.data()) + kLengthBytes, length};
}

// Boost.JSON silently keeps the last of two equal keys, so a second pass only compares keys.
struct KeyHandler {
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    keys.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) {
    keys.pop_back();
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    key.append(part.data(), part.size());
    duplicate = !keys.back().insert(std::move(key)).second || duplicate;
    key.clear();
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  std::vector<std::set<std::string>> keys;
  std::string key;
  bool duplicate = false;
};

bool has_duplicate_key(std::string_view text) {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  json::basic_parser<KeyHandler> parser(options);
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().duplicate;
}

json::object HeaderParser::parse_json(std::string_view text) const {
  if (text.empty() || text.front() != '{') fail("its header does not begin with '{'");
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  json::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) fail("its header is not valid JSON (" + error.message() + ")");
  if (!value.is_object()) fail("its header is not a JSON object");
  if (has_duplicate_key(text)) fail("its header has a key twice");
  return std::move(value.as_object());
}

void HeaderParser::read_metadata(const json::value& value) {
  if (!value.is_object()) fail("__metadata__ is not an object");
  for (const auto& [key, entry] : value.as_object()) {
    if (!entry.is_string()) fail("__metadata__ holds a value that is not a string");
    header_.metadata.emplace(std::string(key), std::string(entry.as_string()));
  }
}

std::uint64_t HeaderParser::read_count(const json::value& value, const std::string& name,
                                       const char* field) const {
  if (value.is_int64() && value.as_int64() >= 0) {
    return static_cast<std::uint64_t>(value.as_int64());
  }
  if (value.is_uint64()) return value.as_uint64();
  fail(name, std::string("has a ") + field + " that is not a whole number");
}

const DtypeBits& HeaderParser::read_dtype(const json::object& entry,
                                          const std::string& name) const {
  const json::value* const value = entry.if_contains("dtype");
  if (value == nullptr || !value->is_string()) fail(name, "has no dtype");
  const std::string_view dtype = value->as_string();
  const auto found = std::find_if(kDtypes.begin(), kDtypes.end(),
                                  [&](const DtypeBits& known) { return known.name == dtype; });
  if (found == kDtypes.end()) {
    fail(name, "has the unknown dtype '" + platform::cut(dtype, 40) + "'");
  }
  return *found;
}

// Returns the number of elements.
std::uint64_t HeaderParser::read_shape(const json::object& entry, TensorInfo& tensor) const {
  const json::value* const value = entry.if_contains("shape");
  if (value == nullptr || !value->is_array()) fail(tensor.name, "has no shape");
  const json::array& shape = value->as_array();
  if (shape.size() > kDimensionsMax) {
    fail(tensor.name, "has " + std::to_string(shape.size()) + " dimensions");
  }
  std::uint64_t elements = 1;
  for (const json::value& item : shape) {
    const std::uint64_t extent = read_count(item, tensor.name, "shape");
    if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        __builtin_mul_overflow(elements, extent, &elements)) {
      fail(tensor.name, "has a shape larger than any memory");
    }
    tensor.shape.push_back(static_cast<std::int64_t>(extent));
  }
  return elements;
}

void HeaderParser::read_tensor(const std::string& name, const json::value& value) {
  if (!value.is_object()) fail(name, "is described by something that is not an object");
  const json::object& entry = value.as_object();
  TensorInfo tensor;
  tensor.name = name;
  const DtypeBits& dtype = read_dtype(entry, name);
  tensor.dtype = dtype.dtype;
  const std::uint64_t elements = read_shape(entry, tensor);

  const json::value* const offsets = entry.if_contains("data_offsets");
  if (offsets == nullptr || !offsets->is_array() || offsets->as_array().size() != 2) {
    fail(name, "has no data_offsets of two numbers");
  }
  const std::uint64_t begin = read_count(offsets->as_array()[0], name, "data offset");
  const std::uint64_t end = read_count(offsets->as_array()[1], name, "data offset");
  if (begin > end || end > data_bytes_) {
    fail(name, "claims the bytes " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
                   std::to_string(data_bytes_) + " (a truncated file?)");
  }
  std::uint64_t bits = 0;
  if (__builtin_mul_overflow(elements, dtype.bits, &bits)) {
    fail(name, "has a shape larger than any memory");
  }
  if (bits % 8 != 0 || bits / 8 != end - begin) {
    fail(name, "of shape " + shape_text(tensor.shape) + " and dtype " + std::string(dtype.name) +
                   " claims " + std::to_string(end - begin) + " bytes");
  }
  tensor.offset = header_.data_begin + begin;
  tensor.bytes = end - begin;
  header_.tensors.push_back(std::move(tensor));
}

// The data part must be covered exactly, in order.
void HeaderParser::check_layout() {
  std::stable_sort(header_.tensors.begin(), header_.tensors.end(),
                   [](const TensorInfo& a, const TensorInfo& b) {
                     return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
                   });
  std::uint64_t expected = header_.data_begin;
  for (const TensorInfo& tensor : header_.tensors) {
    if (tensor.offset != expected) {
      fail(tensor.name, tensor.offset < expected ? "overlaps the one before it"
                                                 : "leaves a hole in the data before it");
    }
    expected += tensor.bytes;
  }
  if (expected != file_.size()) {
    fail("it has " + std::to_string(file_.size() - expected) + " bytes that belong to no tensor");
  }
}

SafetensorsHeader HeaderParser::parse() {
  const json::object entries = parse_json(header_text());
  header_.tensors.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    const std::string name(key);
    if (name == "__metadata__") {
      read_metadata(value);
    } else {
      read_tensor(name, value);
    }
  }
  check_layout();
  return std::move(header_);
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> file) {
  return file.size() > kLengthBytes && read_u64(file) <= kSafetensorsHeaderBytesMax &&
         file[kLengthBytes] == std::byte{'{'};
}

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  return HeaderParser(file, where).parse();
}

}  // namespace atelier::engine
