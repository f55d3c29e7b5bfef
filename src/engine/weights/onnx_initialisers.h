// An ONNX file as a source of weights: the place of its tensors, and its nodes in order, so that
// the tensors can be matched with the layers of a network. Nothing is computed from the graph. Pure
// functions on bytes, any thread, no torch. Broken files throw kCorruptData with what is wrong and
// at which byte; files that keep weights outside of the file or in forms that are not read throw
// kUnsupported. Field numbers: onnx/onnx.proto of the ONNX project; encoding: the Protocol Buffers
// encoding specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weights/tensor_info.h"

namespace atelier::engine {

struct OnnxLimits {
  static constexpr std::size_t kNodesMax =
      100'000;  // the largest published graphs have some 10,000
  static constexpr std::size_t kTensorsMax = 100'000;
  static constexpr std::size_t kNameBytesMax = 4096;
  static constexpr std::size_t kListMax = 4096;  // inputs, outputs, attributes, values of one node
  static constexpr std::size_t kItemsMax = 2'000'000;  // of all lists together
  static constexpr std::size_t kDimensionsMax = 8;
};

struct OnnxAttribute {
  std::vector<std::int64_t> integers;  // one for a single integer
  std::vector<float> numbers;          // one for a single number
  std::string text;
};

struct OnnxNode {
  std::string type;  // "Conv"
  std::string name;
  std::vector<std::string> inputs, outputs;  // names of values; an absent optional input is ""
  std::map<std::string, OnnxAttribute, std::less<>> attributes;

  // The attribute's integers, or `absent` where the node has no such attribute.
  std::vector<std::int64_t> integers(std::string_view attribute,
                                     std::vector<std::int64_t> absent) const;
  std::int64_t integer(std::string_view attribute, std::int64_t absent) const;
  std::string text(std::string_view attribute, std::string_view absent) const;
};

struct OnnxValue {
  std::string name;
  std::vector<std::int64_t> shape;  // -1: not fixed by the file
};

struct OnnxModel {
  // Initialisers and the values of Constant nodes. Left out are integers that are stored as
  // varints: shapes and axes, never weights.
  std::vector<TensorInfo> tensors;
  std::vector<OnnxNode> nodes;    // in the file's order, which is an order of execution
  std::vector<OnnxValue> inputs;  // of the graph, without those that are initialisers
  std::vector<std::string> outputs;

  const TensorInfo* tensor(std::string_view name) const;
};

// Whether the first bytes look like an ONNX file (so that errors can name the format).
bool looks_like_onnx(std::span<const std::byte> file);

// `file` is the whole file (mapped); every tensor of the result is inside of it. `where` begins
// the error sentences.
OnnxModel parse_onnx(std::span<const std::byte> file, const std::string& where);

}  // namespace atelier::engine
