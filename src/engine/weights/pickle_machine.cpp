#include "engine/weights/pickle_machine.h"

#include <algorithm>

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

// Little-endian two's complement of any length; more than 64 bits are not a size or index.
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

void PickleMachine::spend(std::uint64_t bytes) {
  constexpr std::uint64_t kSmall = 64 << 10;
  copied_ += bytes;
  if (copied_ > 4 * pickle_.size() + kSmall) {
    fail("it repeats its values more often than any list of tensors does");
  }
}

PickleNode* PickleMachine::make_inert(std::string text) {
  spend(text.size());
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
      memoize(take_number(1));
      return true;
    case kLongBinPut:
      memoize(take_number(4));
      return true;
    case kMemoize:
      memoize(memo_.size());
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
      spend(module->text.size() + name->text.size());
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

}  // namespace atelier::engine
