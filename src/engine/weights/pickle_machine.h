// The stack machine behind pickle_reader: opcodes in, a graph of plain values out. Nothing is
// executed: REDUCE, NEWOBJ, BUILD and persistent ids only make nodes of the kinds below. Its memory
// is bounded by the length of the pickle: what one value may cost beyond its own bytes is spent
// from a budget. Broken pickles throw kCorruptData with the offset. No torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/weights/pickle_reader.h"

namespace atelier::engine {

struct PickleNode {
  enum class Kind {
    kNone,
    kInteger,   // also booleans
    kText,      // also bytes
    kSequence,  // tuples, lists
    kDict,      // items: key, value, key, value …
    kGlobal,    // text: "module name"
    kStorage,   // text: key; number: elements; dtype
    kTensor,    // number: index into tensors()
    kInert,     // something that would need code to run; text: what
  };
  Kind kind = Kind::kNone;
  WeightDtype dtype = WeightDtype::kOther;
  std::int64_t number = 0;
  std::string text;
  std::vector<const PickleNode*> items;
};

class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> pickle, const std::string& where)
      : pickle_(pickle), where_(where) {}

  // The value at STOP; lives as long as the machine.
  const PickleNode& run();
  const std::vector<PickledTensor>& tensors() const { return tensors_; }

 private:
  using Kind = PickleNode::Kind;

  [[noreturn]] void fail(const std::string& what) const;
  void spend(std::uint64_t bytes);  // for a copy of what the pickle holds once
  std::span<const std::byte> take(std::uint64_t bytes);
  std::uint64_t take_number(unsigned bytes);
  std::string take_text(std::uint64_t bytes);
  std::string take_line();
  std::int64_t take_long(std::uint64_t bytes);

  PickleNode* make(Kind kind);
  PickleNode* make_text(std::string text);
  PickleNode* make_integer(std::int64_t number);
  PickleNode* make_inert(std::string text);
  void push(PickleNode* node) { stack_.push_back(node); }
  PickleNode* pop();
  PickleNode* top();
  std::vector<const PickleNode*> pop_mark();

  void step(std::uint8_t opcode);
  bool step_number(std::uint8_t opcode);
  bool step_text(std::uint8_t opcode);
  bool step_sequence(std::uint8_t opcode);
  bool step_dict(std::uint8_t opcode);
  bool step_memo(std::uint8_t opcode);
  bool step_object(std::uint8_t opcode);

  void memoize(std::uint64_t key) { memo_[key] = top(); }
  void recall(std::uint64_t key);
  PickleNode* call(const PickleNode& function, const PickleNode& arguments);
  PickleNode* call_torch(std::string_view name, const PickleNode& arguments);
  PickleNode* rebuild_tensor(const PickleNode& arguments, const PickleNode* dtype);
  PickleNode* persistent(const PickleNode& id);

  std::span<const std::byte> pickle_;
  const std::string& where_;
  std::uint64_t position_ = 0;
  std::uint64_t copied_ = 0;      // characters and items
  std::deque<PickleNode> nodes_;  // a node never moves
  std::vector<PickleNode*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleNode*> memo_;
  std::vector<PickledTensor> tensors_;
};

}  // namespace atelier::engine
