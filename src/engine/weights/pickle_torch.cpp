// What torch's names in a pickle mean: storages, tensors, parameters. Everything else that a
// pickle would call becomes an inert node.
#include <array>
#include <optional>

#include "engine/weights/pickle_machine.h"

namespace atelier::engine {
namespace {

struct NamedDtype {
  std::string_view storage, dtype;
  WeightDtype value;
};

constexpr auto kTorchDtypes = std::to_array<NamedDtype>({
    {"FloatStorage", "float32", WeightDtype::kF32},
    {"HalfStorage", "float16", WeightDtype::kF16},
    {"BFloat16Storage", "bfloat16", WeightDtype::kBF16},
    {"DoubleStorage", "float64", WeightDtype::kF64},
    {"LongStorage", "int64", WeightDtype::kI64},
    {"IntStorage", "int32", WeightDtype::kI32},
    {"ShortStorage", "int16", WeightDtype::kI16},
    {"CharStorage", "int8", WeightDtype::kI8},
    {"ByteStorage", "uint8", WeightDtype::kU8},
    {"BoolStorage", "bool", WeightDtype::kBool},
    {"ComplexFloatStorage", "complex64", WeightDtype::kC64},
    {"UntypedStorage", "", WeightDtype::kU8},
    {"", "float8_e4m3fn", WeightDtype::kF8E4M3},
    {"", "float8_e5m2", WeightDtype::kF8E5M2},
});

// "torch FloatStorage" or "torch.storage UntypedStorage".
std::optional<WeightDtype> storage_dtype(std::string_view global) {
  for (const std::string_view module : {"torch ", "torch.storage ", "torch.cuda "}) {
    if (!global.starts_with(module)) continue;
    for (const NamedDtype& known : kTorchDtypes) {
      if (!known.storage.empty() && global.substr(module.size()) == known.storage) {
        return known.value;
      }
    }
  }
  return std::nullopt;
}

std::optional<WeightDtype> torch_dtype(std::string_view global) {
  if (!global.starts_with("torch ")) return std::nullopt;
  for (const NamedDtype& known : kTorchDtypes) {
    if (!known.dtype.empty() && global.substr(6) == known.dtype) return known.value;
  }
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> integers(const PickleNode& node) {
  if (node.kind != PickleNode::Kind::kSequence) return std::nullopt;
  std::vector<std::int64_t> values;
  for (const PickleNode* item : node.items) {
    if (item->kind != PickleNode::Kind::kInteger) return std::nullopt;
    values.push_back(item->number);
  }
  return values;
}

}  // namespace

// ('storage', type, key, location, number of elements)
PickleNode* PickleMachine::persistent(const PickleNode& id) {
  if (id.kind != Kind::kSequence || id.items.size() < 5 || id.items[0]->kind != Kind::kText ||
      id.items[0]->text != "storage") {
    return make_inert("a persistent id that is not a storage");
  }
  const PickleNode &type = *id.items[1], &key = *id.items[2], &elements = *id.items[4];
  if (type.kind != Kind::kGlobal || key.kind != Kind::kText || elements.kind != Kind::kInteger ||
      elements.number < 0) {
    fail("a storage is not described as torch does");
  }
  const auto dtype = storage_dtype(type.text);
  if (!dtype) return make_inert(type.text);
  PickleNode* const node = make(Kind::kStorage);
  spend(key.text.size());
  node->text = key.text;
  node->number = elements.number;
  node->dtype = *dtype;
  return node;
}

PickleNode* PickleMachine::call(const PickleNode& function, const PickleNode& arguments) {
  if (function.kind != Kind::kGlobal) return make_inert(function.text);
  if (arguments.kind != Kind::kSequence) fail("a call has no list of arguments");
  if (function.text == "collections OrderedDict") {
    PickleNode* const dict = make(Kind::kDict);
    // Python 2 wrote the pairs as an argument.
    if (arguments.items.size() == 1 && arguments.items[0]->kind == Kind::kSequence) {
      spend(arguments.items[0]->items.size());
      for (const PickleNode* pair : arguments.items[0]->items) {
        if (pair->kind != Kind::kSequence || pair->items.size() != 2) continue;
        dict->items.insert(dict->items.end(), pair->items.begin(), pair->items.end());
      }
    }
    return dict;
  }
  if (function.text == "torch Size" && arguments.items.size() == 1) {
    PickleNode* const size = make(Kind::kSequence);
    spend(arguments.items[0]->items.size());
    size->items = arguments.items[0]->items;
    return size;
  }
  constexpr std::string_view kUtils = "torch._utils ";
  const std::string_view name = function.text;
  if (name.starts_with(kUtils)) return call_torch(name.substr(kUtils.size()), arguments);
  if (name == "torch._tensor _rebuild_from_type_v2" && arguments.items.size() >= 3 &&
      arguments.items[0]->kind == Kind::kGlobal && arguments.items[0]->text != name) {
    return call(*arguments.items[0], *arguments.items[2]);
  }
  return make_inert(function.text);
}

PickleNode* PickleMachine::call_torch(std::string_view name, const PickleNode& arguments) {
  const auto& items = arguments.items;
  if ((name == "_rebuild_tensor_v2" || name == "_rebuild_tensor") && items.size() >= 4) {
    return rebuild_tensor(arguments, nullptr);
  }
  if (name == "_rebuild_tensor_v3" && items.size() >= 7) {
    return rebuild_tensor(arguments, items[6]);
  }
  if ((name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state") && !items.empty()) {
    spend(items[0]->text.size() + items[0]->items.size());
    PickleNode* const copy = make(items[0]->kind);
    *copy = *items[0];
    return copy;
  }
  return make_inert("torch._utils " + std::string(name));
}

// (storage, offset, size, stride, requires_grad, hooks[, dtype, metadata])
PickleNode* PickleMachine::rebuild_tensor(const PickleNode& arguments, const PickleNode* dtype) {
  const PickleNode& storage = *arguments.items[0];
  if (storage.kind == Kind::kInert) return make_inert(storage.text);
  const PickleNode& offset = *arguments.items[1];
  spend(storage.text.size() + arguments.items[2]->items.size() + arguments.items[3]->items.size());
  const auto shape = integers(*arguments.items[2]), strides = integers(*arguments.items[3]);
  if (storage.kind != Kind::kStorage || offset.kind != Kind::kInteger || offset.number < 0 ||
      !shape || !strides) {
    fail("a tensor is not described as torch does");
  }
  PickledTensor tensor;
  tensor.storage_key = storage.text;
  tensor.storage_dtype = tensor.dtype = storage.dtype;
  tensor.storage_elements = static_cast<std::uint64_t>(storage.number);
  if (dtype != nullptr) {
    const auto known =
        dtype->kind == Kind::kGlobal ? torch_dtype(dtype->text) : std::optional<WeightDtype>();
    if (!known) return make_inert(dtype->text);
    tensor.dtype = *known;
  }
  tensor.offset = static_cast<std::uint64_t>(offset.number);
  tensor.shape = *shape;
  tensor.strides = *strides;
  PickleNode* const node = make(Kind::kTensor);
  node->number = static_cast<std::int64_t>(tensors_.size());
  tensors_.push_back(std::move(tensor));
  return node;
}

}  // namespace atelier::engine
