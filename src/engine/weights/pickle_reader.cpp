#include "engine/weights/pickle_reader.h"

#include <map>

#include "engine/weights/pickle_machine.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

using Kind = PickleNode::Kind;

// Dictionaries inside dictionaries (IP-Adapter has two levels, training checkpoints a few).
constexpr int kDepthMax = 8;
// One shared dictionary may be reached by many paths: a bound on what is visited.
constexpr std::size_t kVisitedMax = 1'000'000;

const PickleNode* find(const PickleNode& dict, std::string_view key) {
  const PickleNode* found = nullptr;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::kText && dict.items[i]->text == key) {
      found = dict.items[i + 1];
    }
  }
  return found;
}

// What a tensor becomes when only code could rebuild it (quantised, sparse, on a foreign device).
bool was_a_tensor(std::string_view global) {
  return global.starts_with("torch._utils ") || global.starts_with("torch._tensor ") ||
         global.ends_with("Storage");
}

class Collector {
 public:
  Collector(const std::vector<PickledTensor>& tensors, const std::string& where)
      : tensors_(tensors), where_(where) {}

  void collect(const PickleNode& dict, const std::string& prefix, int depth);
  std::vector<PickledTensor> take();

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, where_ + ": " + what);
  }

  const std::vector<PickledTensor>& tensors_;
  const std::string& where_;
  std::size_t visited_ = 0;
  std::map<std::string, PickledTensor> found_;
};

void Collector::collect(const PickleNode& dict, const std::string& prefix, int depth) {
  if (depth > kDepthMax) return;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (++visited_ > kVisitedMax) {
      fail(ErrorCode::kCorruptData, "its pickle holds more entries than any checkpoint");
    }
    const PickleNode &key = *dict.items[i], &value = *dict.items[i + 1];
    if (key.kind != Kind::kText) continue;
    const std::string name = prefix + key.text;
    if (value.kind == Kind::kTensor) {
      PickledTensor tensor = tensors_[static_cast<std::size_t>(value.number)];
      tensor.name = name;
      found_.insert_or_assign(name, std::move(tensor));
    } else if (value.kind == Kind::kDict) {
      collect(value, name + ".", depth + 1);
    } else if (value.kind == Kind::kInert && was_a_tensor(value.text)) {
      fail(ErrorCode::kUnsupported, "tensor '" + platform::cut(name, 200) + "' depends on '" +
                                        platform::cut(value.text, 200) +
                                        "', which is not read without running the file's code: "
                                        "save the model as safetensors");
    }
  }
}

std::vector<PickledTensor> Collector::take() {
  std::vector<PickledTensor> tensors;
  for (auto& [name, tensor] : found_) tensors.push_back(std::move(tensor));
  return tensors;
}

}  // namespace

std::vector<PickledTensor> read_pickled_tensors(std::span<const std::byte> pickle,
                                                const std::string& where) {
  PickleMachine machine(pickle, where);
  const PickleNode* dict = &machine.run();
  if (dict->kind != Kind::kDict) {
    throw Error(ErrorCode::kUnsupported,
                where + ": holds no dictionary of tensors but " +
                    (dict->text.empty() ? "another value" : platform::cut(dict->text, 200)) +
                    ": only state dictionaries are read, because code in files is never run");
  }
  // Lightning and LDM, Real-ESRGAN (the averaged weights first).
  for (const char* const wrapper : {"state_dict", "params_ema", "params"}) {
    const PickleNode* const inner = find(*dict, wrapper);
    if (inner != nullptr && inner->kind == Kind::kDict) {
      dict = inner;
      break;
    }
  }
  Collector collector(machine.tensors(), where);
  collector.collect(*dict, "", 0);
  return collector.take();
}

}  // namespace atelier::engine
