// A model of ncnn: the layers of its `.param` text, and the place of the weights in its `.bin`.
// Pure functions on bytes, any thread, no torch. Broken files throw kCorruptData with what is wrong
// and in which line or layer; 8-bit and table-quantised weights throw kUnsupported. Layout: ncnn
// src/net.cpp (load_param), src/modelbin.cpp (tags), src/layer/{convolution,innerproduct,prelu}.cpp
// (keys of the parameters, order of the weights).
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

struct NcnnLimits {
  static constexpr std::size_t kParamBytesMax = 16 << 20;  // the text; published ones have 0.1 MB
  static constexpr std::size_t kLayersMax = 100'000;
  static constexpr std::size_t kListMax = 4096;  // inputs, outputs, values of one layer
};

struct NcnnLayer {
  std::string type;  // "Convolution"
  std::string name;
  std::vector<std::string> inputs, outputs;  // names of blobs
  // By the key in the text; arrays, whose keys are written as -(23300 + key), under the key itself.
  std::map<int, std::vector<double>> parameters;

  // The parameter where it is one number, else `absent`.
  double number(int key, double absent) const;
  std::int64_t integer(int key, std::int64_t absent) const;
};

struct NcnnModel {
  std::vector<NcnnLayer> layers;  // in the order of execution
  // `<layer>.weight` and `<layer>.bias` in the order of the file: convolutions [out, in, height,
  // width], inner products [out, in], PReLU slopes [channels] as `weight`.
  std::vector<TensorInfo> tensors;
};

// Whether the first line is that of a `.param` text.
bool looks_like_ncnn_param(std::string_view text);

// `where` begins the error sentences. Every byte of `bin` must belong to a layer.
NcnnModel parse_ncnn(std::string_view param, std::span<const std::byte> bin,
                     const std::string& where);

// The layers without Split, which only gives one blob several names: the others read what it reads.
std::vector<NcnnLayer> without_splits(const std::vector<NcnnLayer>& layers);

}  // namespace atelier::engine
