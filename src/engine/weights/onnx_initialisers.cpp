#include "engine/weights/onnx_initialisers.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "engine/weights/protobuf_reader.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

constexpr std::uint64_t kModelGraph = 7;

// TensorProto.DataType
WeightDtype dtype_of(std::uint64_t data_type) {
  switch (data_type) {
    case 1:
      return WeightDtype::kF32;
    case 2:
      return WeightDtype::kU8;
    case 3:
      return WeightDtype::kI8;
    case 4:
      return WeightDtype::kU16;
    case 5:
      return WeightDtype::kI16;
    case 6:
      return WeightDtype::kI32;
    case 7:
      return WeightDtype::kI64;
    case 9:
      return WeightDtype::kBool;
    case 10:
      return WeightDtype::kF16;
    case 11:
      return WeightDtype::kF64;
    case 12:
      return WeightDtype::kU32;
    case 13:
      return WeightDtype::kU64;
    case 16:
      return WeightDtype::kBF16;
    case 17:
      return WeightDtype::kF8E4M3;
    case 19:
      return WeightDtype::kF8E5M2;
    default:
      return WeightDtype::kOther;
  }
}

// The content of a TensorProto before it is checked.
struct StoredTensor {
  std::string name;
  std::uint64_t data_type = 0;
  std::vector<std::int64_t> dims;
  std::optional<std::span<const std::byte>> raw, packed_floats, packed_doubles;
  bool varints = false;  // int32_data, int64_data, uint64_data
};

using Bytes = std::span<const std::byte>;

class OnnxParser {
 public:
  OnnxParser(std::span<const std::byte> file, const std::string& where)
      : file_(file), messages_(file, where, "ONNX file") {}

  OnnxModel parse();

 private:
  using Wire = ProtobufField::Wire;

  [[noreturn]] void fail(Bytes at, const std::string& what) const { messages_.fail(at, what); }
  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, messages_.where() + ": " + what);
  }
  void need(const ProtobufField& field, Wire wire, Bytes at) const {
    messages_.need(field, wire, at);
  }
  template <typename Each>
  void for_fields(Bytes message, Each&& each) const {
    messages_.for_fields(message, std::forward<Each>(each));
  }
  std::string take_text(const ProtobufField& field, Bytes at) const;
  void add_integers(std::vector<std::int64_t>& to, const ProtobufField& field, Bytes at);
  void add_numbers(std::vector<float>& to, const ProtobufField& field, Bytes at);
  // Called after each item that was added to a list.
  template <typename List>
  void count(const List& items, Bytes at, std::size_t most = OnnxLimits::kListMax) {
    if (items.size() > most) fail(at, "a list has more than " + std::to_string(most) + " items");
    if (++items_ > OnnxLimits::kItemsMax) fail(at, "its lists have too many items together");
  }

  void read_graph(Bytes graph);
  void read_node(Bytes message);
  void read_attribute(Bytes message, OnnxNode& node, std::optional<StoredTensor>& constant);
  StoredTensor read_tensor(Bytes message);
  void read_tensor_field(const ProtobufField& field, Bytes at, StoredTensor& tensor);
  void add_tensor(const StoredTensor& stored, Bytes at);
  std::uint64_t elements_of(const StoredTensor& stored, Bytes at) const;
  OnnxValue read_value(Bytes message);
  void read_type(Bytes message, OnnxValue& value);
  void read_shape(Bytes message, OnnxValue& value);

  Bytes file_;
  ProtobufReader messages_;
  OnnxModel model_;
  std::set<std::string, std::less<>> tensor_names_;
  std::size_t items_ = 0;  // of all lists
};

std::string OnnxParser::take_text(const ProtobufField& field, Bytes at) const {
  need(field, Wire::kBytes, at);
  if (field.bytes.size() > OnnxLimits::kNameBytesMax) {
    fail(at, "a name has " + std::to_string(field.bytes.size()) + " bytes");
  }
  return {reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()};
}

// One value, or several of them packed.
void OnnxParser::add_integers(std::vector<std::int64_t>& to, const ProtobufField& field, Bytes at) {
  if (field.wire == Wire::kVarint) {
    to.push_back(static_cast<std::int64_t>(field.value));
    count(to, at);
    return;
  }
  need(field, Wire::kBytes, at);
  for (Bytes rest = field.bytes; !rest.empty();) {
    to.push_back(static_cast<std::int64_t>(messages_.take_varint(rest)));
    count(to, at);
  }
}

void OnnxParser::add_numbers(std::vector<float>& to, const ProtobufField& field, Bytes at) {
  const auto add = [&](std::uint64_t bits) {
    to.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    count(to, at);
  };
  if (field.wire == Wire::kFixed32) {
    add(field.value);
    return;
  }
  need(field, Wire::kBytes, at);
  for (Bytes rest = field.bytes; !rest.empty();) add(messages_.take_fixed(rest, 4));
}

void OnnxParser::read_tensor_field(const ProtobufField& field, Bytes at, StoredTensor& tensor) {
  // Two packed pieces of one list are not contiguous in the file.
  const auto set = [&](std::optional<Bytes>& data) {
    if (field.wire != Wire::kBytes || data) {
      unsupported("tensor '" + platform::cut(tensor.name, 200) +
                  "' keeps its numbers one by one: save the model again with raw data");
    }
    data = field.bytes;
  };
  switch (field.number) {
    case 1:
      add_integers(tensor.dims, field, at);
      if (tensor.dims.size() > OnnxLimits::kDimensionsMax) fail(at, "a tensor has too many dims");
      break;
    case 2:
      need(field, Wire::kVarint, at);
      tensor.data_type = field.value;
      break;
    case 3:
      unsupported("a tensor is stored in segments, which are not read: save the model again");
    case 4:
      set(tensor.packed_floats);
      break;
    case 5:
    case 7:
    case 11:
      tensor.varints = true;
      break;
    case 8:
      tensor.name = take_text(field, at);
      break;
    case 9:
      need(field, Wire::kBytes, at);
      set(tensor.raw);
      break;
    case 10:
      set(tensor.packed_doubles);
      break;
    case 13:
      unsupported(
          "its weights are stored in another file (external data), which is not read: use a "
          "version of the model in one file");
    case 14:
      if (field.wire == Wire::kVarint && field.value == 0) break;
      unsupported(
          "its weights are stored in another file (external data), which is not read: use a "
          "version of the model in one file");
    default:
      break;  // doc_string, string_data, metadata
  }
}

StoredTensor OnnxParser::read_tensor(Bytes message) {
  StoredTensor tensor;
  for_fields(message,
             [&](const ProtobufField& field, Bytes at) { read_tensor_field(field, at, tensor); });
  return tensor;
}

std::uint64_t OnnxParser::elements_of(const StoredTensor& stored, Bytes at) const {
  std::uint64_t elements = 1;
  for (const std::int64_t extent : stored.dims) {
    if (extent < 0 ||
        __builtin_mul_overflow(elements, static_cast<std::uint64_t>(extent), &elements)) {
      fail(at, "tensor '" + platform::cut(stored.name, 200) + "' has the impossible shape " +
                   shape_text(stored.dims));
    }
  }
  return elements;
}

void OnnxParser::add_tensor(const StoredTensor& stored, Bytes at) {
  const std::string quoted = "tensor '" + platform::cut(stored.name, 200) + "'";
  if (stored.name.empty()) fail(at, "a tensor has no name");
  if (!tensor_names_.insert(stored.name).second) fail(at, quoted + " is there twice");
  if (tensor_names_.size() > OnnxLimits::kTensorsMax) fail(at, "it has too many tensors");
  const std::uint64_t elements = elements_of(stored, at);
  if (stored.varints) {
    if (stored.raw || stored.packed_floats || stored.packed_doubles) {
      fail(at, quoted + " has its data twice");
    }
    return;
  }
  TensorInfo tensor;
  tensor.name = stored.name;
  tensor.shape = stored.dims;
  tensor.dtype = dtype_of(stored.data_type);
  if (tensor.dtype == WeightDtype::kOther) {
    unsupported(quoted + " has the data type " + std::to_string(stored.data_type) +
                ", which is not read: use the fp32 version of the model");
  }
  const int forms = int{stored.raw.has_value()} + int{stored.packed_floats.has_value()} +
                    int{stored.packed_doubles.has_value()};
  if (forms > 1) fail(at, quoted + " has its data twice");
  if ((stored.packed_floats && tensor.dtype != WeightDtype::kF32) ||
      (stored.packed_doubles && tensor.dtype != WeightDtype::kF64)) {
    fail(at, quoted + " has data of another type than its own");
  }
  const Bytes data = stored.raw             ? *stored.raw
                     : stored.packed_floats ? *stored.packed_floats
                                            : stored.packed_doubles.value_or(Bytes{});
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements, weight_dtype_size(tensor.dtype), &bytes) ||
      bytes != data.size()) {
    fail(at, quoted + " of shape " + shape_text(tensor.shape) + " and type " +
                 std::string(weight_dtype_name(tensor.dtype)) + " has " +
                 std::to_string(data.size()) + " bytes of data");
  }
  tensor.offset = data.empty() ? 0 : messages_.offset_of(data);
  tensor.bytes = data.size();
  model_.tensors.push_back(std::move(tensor));
}

void OnnxParser::read_attribute(Bytes message, OnnxNode& node,
                                std::optional<StoredTensor>& constant) {
  OnnxAttribute attribute;
  std::string name;
  for_fields(message, [&](const ProtobufField& field, Bytes at) {
    switch (field.number) {
      case 1:
        name = take_text(field, at);
        break;
      case 2:
        need(field, Wire::kFixed32, at);
        add_numbers(attribute.numbers, field, at);
        break;
      case 3:
        need(field, Wire::kVarint, at);
        add_integers(attribute.integers, field, at);
        break;
      case 4:
        attribute.text = take_text(field, at);
        break;
      case 5:
        need(field, Wire::kBytes, at);
        constant = read_tensor(field.bytes);
        break;
      case 6:
      case 11:
        unsupported("node '" + platform::cut(node.name, 200) +
                    "' holds a graph of its own, which is not read: use another model");
      case 7:
        add_numbers(attribute.numbers, field, at);
        break;
      case 8:
        add_integers(attribute.integers, field, at);
        break;
      default:
        break;
    }
  });
  if (!node.attributes.emplace(std::move(name), std::move(attribute)).second) {
    fail(message, "a node has an attribute twice");
  }
  count(node.attributes, message);
}

void OnnxParser::read_node(Bytes message) {
  if (model_.nodes.size() >= OnnxLimits::kNodesMax) fail(message, "it has too many nodes");
  OnnxNode node;
  std::optional<StoredTensor> constant;
  for_fields(message, [&](const ProtobufField& field, Bytes at) {
    switch (field.number) {
      case 1:
        node.inputs.push_back(take_text(field, at));
        count(node.inputs, at);
        break;
      case 2:
        node.outputs.push_back(take_text(field, at));
        count(node.outputs, at);
        break;
      case 3:
        node.name = take_text(field, at);
        break;
      case 4:
        node.type = take_text(field, at);
        break;
      case 5:
        need(field, Wire::kBytes, at);
        read_attribute(field.bytes, node, constant);
        break;
      default:
        break;
    }
  });
  if (node.type == "Constant" && constant) {
    if (node.outputs.size() != 1) fail(message, "a Constant node has no single output");
    constant->name = node.outputs[0];
    add_tensor(*constant, message);
  }
  model_.nodes.push_back(std::move(node));
}

void OnnxParser::read_shape(Bytes message, OnnxValue& value) {
  for_fields(message, [&](const ProtobufField& field, Bytes at) {
    if (field.number != 1) return;
    need(field, Wire::kBytes, at);
    std::int64_t extent = -1;
    for_fields(field.bytes, [&](const ProtobufField& dimension, Bytes) {
      if (dimension.number == 1 && dimension.wire == Wire::kVarint) {
        extent = static_cast<std::int64_t>(dimension.value);
      }
    });
    value.shape.push_back(extent < 0 ? -1 : extent);
    count(value.shape, at, OnnxLimits::kDimensionsMax);
  });
}

void OnnxParser::read_type(Bytes message, OnnxValue& value) {
  for_fields(message, [&](const ProtobufField& field, Bytes at) {
    if (field.number != 1) return;  // sequences and maps have no shape
    need(field, Wire::kBytes, at);
    for_fields(field.bytes, [&](const ProtobufField& part, Bytes inner) {
      if (part.number != 2) return;
      need(part, Wire::kBytes, inner);
      read_shape(part.bytes, value);
    });
  });
}

OnnxValue OnnxParser::read_value(Bytes message) {
  OnnxValue value;
  for_fields(message, [&](const ProtobufField& field, Bytes at) {
    if (field.number == 1) value.name = take_text(field, at);
    if (field.number == 2) {
      need(field, Wire::kBytes, at);
      read_type(field.bytes, value);
    }
  });
  return value;
}

void OnnxParser::read_graph(Bytes graph) {
  for_fields(graph, [&](const ProtobufField& field, Bytes at) {
    switch (field.number) {
      case 1:
        need(field, Wire::kBytes, at);
        read_node(field.bytes);
        break;
      case 5:
        need(field, Wire::kBytes, at);
        add_tensor(read_tensor(field.bytes), at);
        break;
      case 11:
        need(field, Wire::kBytes, at);
        model_.inputs.push_back(read_value(field.bytes));
        count(model_.inputs, at, OnnxLimits::kTensorsMax);
        break;
      case 12:
        need(field, Wire::kBytes, at);
        model_.outputs.push_back(read_value(field.bytes).name);
        count(model_.outputs, at);
        break;
      case 15:
        unsupported("it holds sparse tensors, which are not read: use the dense version");
      default:
        break;
    }
  });
}

OnnxModel OnnxParser::parse() {
  std::optional<Bytes> graph;
  for_fields(file_, [&](const ProtobufField& field, Bytes at) {
    if (field.number != kModelGraph) return;
    need(field, Wire::kBytes, at);
    if (graph) fail(at, "it has a second graph");
    graph = field.bytes;
  });
  if (!graph) fail(file_, "it has no graph");
  read_graph(*graph);
  // Older files list the initialisers among the inputs.
  std::erase_if(model_.inputs,
                [&](const OnnxValue& input) { return tensor_names_.contains(input.name); });
  return std::move(model_);
}

}  // namespace

std::vector<std::int64_t> OnnxNode::integers(std::string_view attribute,
                                             std::vector<std::int64_t> absent) const {
  const auto found = attributes.find(attribute);
  if (found == attributes.end()) return absent;
  return found->second.integers;
}

std::int64_t OnnxNode::integer(std::string_view attribute, std::int64_t absent) const {
  const auto found = attributes.find(attribute);
  if (found == attributes.end() || found->second.integers.size() != 1) return absent;
  return found->second.integers[0];
}

std::string OnnxNode::text(std::string_view attribute, std::string_view absent) const {
  const auto found = attributes.find(attribute);
  return found == attributes.end() ? std::string(absent) : found->second.text;
}

const TensorInfo* OnnxModel::tensor(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorInfo& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

bool looks_like_onnx(std::span<const std::byte> file) {
  // ModelProto: ir_version first (field 1, so far at most 13), then another field of ModelProto
  // that holds bytes.
  if (file.size() < 4 || file[0] != std::byte{0x08} || std::to_integer<unsigned>(file[1]) == 0 ||
      std::to_integer<unsigned>(file[1]) > 31) {
    return false;
  }
  const auto key = std::to_integer<unsigned>(file[2]);
  return key == 0x12 || key == 0x1a || key == 0x22 || key == 0x28 || key == 0x3a || key == 0x42;
}

OnnxModel parse_onnx(std::span<const std::byte> file, const std::string& where) {
  return OnnxParser(file, where).parse();
}

}  // namespace atelier::engine
