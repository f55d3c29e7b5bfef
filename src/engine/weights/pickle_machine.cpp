#include "engine/weights/pickle_machine.h"

#include <algorithm>
#include <array>
#include <optional>

#include "platform/error.h"

namespace atelier::engine {
namespace {

// Opcodes by the names of Python's pickletools.
// clang-format off
enum Opcode : std::uint8_t {
    kMark = '(', kStop = '.', kPop = '0', kPopMark = '1', kDup = '2', kBinFloat = 'G',
    kBinInt = 'J', kBinInt1 = 'K', kBinInt2 = 'M', kNone = 'N', kBinPersid = 'Q', kReduce = 'R',
    kBinString = 'T', kShortBinString = 'U', kBinUnicode = 'X', kAppend = 'a', kBuild = 'b',
    kGlobal = 'c', kDict = 'd', kEmptyDict = '}', kAppends = 'e', kBinGet = 'h', kInst = 'i',
    kLongBinGet = 'j', kList = 'l', kEmptyList = ']', kObj = 'o', kBinPut = 'q',
    kLongBinPut = 'r', kSetItem = 's', kTuple = 't', kEmptyTuple = ')', kSetItems = 'u',
    kBinBytes = 'B', kShortBinBytes = 'C', kProto = 0x80, kNewObj = 0x81, kTuple1 = 0x85,
    kTuple2 = 0x86, kTuple3 = 0x87, kNewTrue = 0x88, kNewFalse = 0x89, kLong1 = 0x8a,
    kLong4 = 0x8b, kShortBinUnicode = 0x8c, kBinUnicode8 = 0x8d, kBinBytes8 = 0x8e,
    kEmptySet = 0x8f, kAddItems = 0x90, kFrozenSet = 0x91, kNewObjEx = 0x92, kStackGlobal = 0x93,
    kMemoize = 0x94, kFrame = 0x95, kByteArray8 = 0x96,
};
// clang-format on

constexpr int kProtocolMax = 5;

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

void PickleMachine::fail(const std::string& what) const {
  throw Error(ErrorCode::kCorruptData, where_ + ": broken pickle at byte " +
                                           std::to_string(position_) + ": " + what +
                                           "; download or copy the file again");
}

std::span<const std::byte> PickleMachine::take(std::uint64_t bytes) {
  if (bytes > pickle_.size() - position_) fail("it ends in the middle of a value");
  const auto taken = pickle_.subspan(position_, bytes);
  position_ += bytes;
  return taken;
}

std::uint64_t PickleMachine::take_number(unsigned bytes) {
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const std::byte byte : take(bytes)) {
    value |= std::to_integer<std::uint64_t>(byte) << shift;
    shift += 8;
  }
  return value;
}

std::string PickleMachine::take_text(std::uint64_t bytes) {
  const auto taken = take(bytes);
  return {reinterpret_cast<const char*>(taken.data()), taken.size()};
}

std::string PickleMachine::take_line() {
  const auto rest = pickle_.subspan(position_);
  const auto end = std::find(rest.begin(), rest.end(), std::byte{'\n'});
  if (end == rest.end()) fail("a name has no end");
  std::string line = take_text(static_cast<std::uint64_t>(end - rest.begin()));
  take(1);
  return line;
}

// Little-endian two's complement of any length; what needs more than 64 bits is no size or index.
std::int64_t PickleMachine::take_long(std::uint64_t bytes) {
  const auto taken = take(bytes);
  if (taken.empty()) return 0;
  const bool negative = (taken.back() & std::byte{0x80}) != std::byte{0};
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(taken.size(), 8); ++i) {
    value &= ~(std::uint64_t{0xff} << (8 * i));
    value |= std::to_integer<std::uint64_t>(taken[i]) << (8 * i);
  }
  return static_cast<std::int64_t>(value);
}

PickleNode* PickleMachine::make(Kind kind) {
  PickleNode& node = nodes_.emplace_back();
  node.kind = kind;
  return &node;
}

PickleNode* PickleMachine::make_text(std::string text) {
  PickleNode* const node = make(Kind::kText);
  node->text = std::move(text);
  return node;
}

PickleNode* PickleMachine::make_integer(std::int64_t number) {
  PickleNode* const node = make(Kind::kInteger);
  node->number = number;
  return node;
}

PickleNode* PickleMachine::make_inert(std::string text) {
  PickleNode* const node = make(Kind::kInert);
  node->text = std::move(text);
  return node;
}

PickleNode* PickleMachine::pop() {
  PickleNode* const node = top();
  stack_.pop_back();
  return node;
}

PickleNode* PickleMachine::top() {
  if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) {
    fail("an operation finds too few values");
  }
  return stack_.back();
}

std::vector<const PickleNode*> PickleMachine::pop_mark() {
  if (marks_.empty()) fail("a group of values has no beginning");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const PickleNode*> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::recall(std::uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail("it refers to a value that it never stored");
  push(found->second);
}

bool PickleMachine::step_number(std::uint8_t opcode) {
  switch (opcode) {
    case kNone:
      push(make(Kind::kNone));
      return true;
    case kNewTrue:
      push(make_integer(1));
      return true;
    case kNewFalse:
      push(make_integer(0));
      return true;
    case kBinInt:
      push(make_integer(static_cast<std::int32_t>(static_cast<std::uint32_t>(take_number(4)))));
      return true;
    case kBinInt1:
      push(make_integer(static_cast<std::int64_t>(take_number(1))));
      return true;
    case kBinInt2:
      push(make_integer(static_cast<std::int64_t>(take_number(2))));
      return true;
    case kLong1:
      push(make_integer(take_long(take_number(1))));
      return true;
    case kLong4:
      push(make_integer(take_long(take_number(4))));
      return true;
    case kBinFloat:
      take(8);
      push(make_inert("a number with a fraction"));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_text(std::uint8_t opcode) {
  switch (opcode) {
    case kShortBinString:
    case kShortBinUnicode:
    case kShortBinBytes:
      push(make_text(take_text(take_number(1))));
      return true;
    case kBinString:
    case kBinUnicode:
    case kBinBytes:
      push(make_text(take_text(take_number(4))));
      return true;
    case kBinUnicode8:
    case kBinBytes8:
    case kByteArray8:
      push(make_text(take_text(take_number(8))));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_sequence(std::uint8_t opcode) {
  switch (opcode) {
    case kEmptyTuple:
    case kEmptyList:
    case kEmptySet:
      push(make(Kind::kSequence));
      return true;
    case kTuple:
    case kList:
    case kFrozenSet: {
      PickleNode* const node = make(Kind::kSequence);
      node->items = pop_mark();
      push(node);
      return true;
    }
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      PickleNode* const node = make(Kind::kSequence);
      for (int i = opcode - kTuple1; i >= 0; --i) node->items.push_back(pop());
      std::reverse(node->items.begin(), node->items.end());
      push(node);
      return true;
    }
    case kAppend: {
      const PickleNode* const item = pop();
      if (top()->kind == Kind::kSequence) top()->items.push_back(item);
      return true;
    }
    case kAppends:
    case kAddItems: {
      const auto items = pop_mark();
      PickleNode* const target = top();
      if (target->kind == Kind::kSequence) {
        target->items.insert(target->items.end(), items.begin(), items.end());
      }
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_dict(std::uint8_t opcode) {
  switch (opcode) {
    case kEmptyDict:
      push(make(Kind::kDict));
      return true;
    case kDict: {
      PickleNode* const node = make(Kind::kDict);
      node->items = pop_mark();
      if (node->items.size() % 2 != 0) fail("a dictionary has a key without a value");
      push(node);
      return true;
    }
    case kSetItem: {
      const PickleNode* const value = pop();
      const PickleNode* const key = pop();
      if (top()->kind == Kind::kDict) top()->items.insert(top()->items.end(), {key, value});
      return true;
    }
    case kSetItems: {
      const auto items = pop_mark();
      if (items.size() % 2 != 0) fail("a dictionary has a key without a value");
      PickleNode* const target = top();
      if (target->kind == Kind::kDict) {
        target->items.insert(target->items.end(), items.begin(), items.end());
      }
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_memo(std::uint8_t opcode) {
  switch (opcode) {
    case kMark:
      marks_.push_back(stack_.size());
      return true;
    case kPop:
      // Python lets POP also take back a mark.
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case kPopMark:
      pop_mark();
      return true;
    case kDup:
      push(top());
      return true;
    case kBinPut:
      remember(take_number(1));
      return true;
    case kLongBinPut:
      remember(take_number(4));
      return true;
    case kMemoize:
      remember(memo_.size());
      return true;
    case kBinGet:
      recall(take_number(1));
      return true;
    case kLongBinGet:
      recall(take_number(4));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_object(std::uint8_t opcode) {
  switch (opcode) {
    case kGlobal:
    case kInst: {
      std::string name = take_line() + ' ';
      name += take_line();
      if (opcode == kInst) pop_mark();
      PickleNode* const node = make(opcode == kInst ? Kind::kInert : Kind::kGlobal);
      node->text = std::move(name);
      push(node);
      return true;
    }
    case kStackGlobal: {
      const PickleNode* const name = pop();
      const PickleNode* const module = pop();
      if (name->kind != Kind::kText || module->kind != Kind::kText) fail("a global has no name");
      PickleNode* const node = make(Kind::kGlobal);
      node->text = module->text + ' ' + name->text;
      push(node);
      return true;
    }
    case kReduce:
    case kNewObj: {
      const PickleNode* const arguments = pop();
      const PickleNode* const function = pop();
      push(call(*function, *arguments));
      return true;
    }
    case kNewObjEx: {
      pop();
      pop();
      push(make_inert(pop()->text));
      return true;
    }
    case kObj:
      pop_mark();
      push(make_inert("an object"));
      return true;
    case kBuild:
      pop();
      top();
      return true;  // attributes of an object: of no use here
    case kBinPersid:
      push(persistent(*pop()));
      return true;
    default:
      return false;
  }
}

void PickleMachine::step(std::uint8_t opcode) {
  if (opcode == kProto) {
    if (take_number(1) > kProtocolMax) fail("its protocol is newer than any that torch writes");
    return;
  }
  if (opcode == kFrame) {
    take(8);
    return;
  }
  if (step_memo(opcode) || step_text(opcode) || step_number(opcode) || step_sequence(opcode) ||
      step_dict(opcode) || step_object(opcode)) {
    return;
  }
  fail("operation " + std::to_string(opcode) + " is none that torch writes");
}

const PickleNode& PickleMachine::run() {
  if (pickle_.size() > kPickleBytesMax) {
    fail("it has " + std::to_string(pickle_.size()) + " bytes, more than any list of tensors");
  }
  for (;;) {
    const auto opcode = static_cast<std::uint8_t>(take_number(1));
    if (opcode == kStop) return *pop();
    step(opcode);
  }
}

// ('storage', type, key, location, number of elements)
PickleNode* PickleMachine::persistent(const PickleNode& id) {
  if (id.kind != Kind::kSequence || id.items.size() < 5 || id.items[0]->kind != Kind::kText ||
      id.items[0]->text != "storage") {
    return make_inert("a persistent id that is no storage");
  }
  const PickleNode &type = *id.items[1], &key = *id.items[2], &elements = *id.items[4];
  if (type.kind != Kind::kGlobal || key.kind != Kind::kText || elements.kind != Kind::kInteger ||
      elements.number < 0) {
    fail("a storage is not described as torch does");
  }
  const auto dtype = storage_dtype(type.text);
  if (!dtype) return make_inert(type.text);
  PickleNode* const node = make(Kind::kStorage);
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
      for (const PickleNode* pair : arguments.items[0]->items) {
        if (pair->kind != Kind::kSequence || pair->items.size() != 2) continue;
        dict->items.insert(dict->items.end(), pair->items.begin(), pair->items.end());
      }
    }
    return dict;
  }
  if (function.text == "torch Size" && arguments.items.size() == 1) {
    PickleNode* const size = make(Kind::kSequence);
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
