// A tiny network of Real-ESRGAN's kind as a file: basicsr's names, weights made by tiny_model.h.
#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <string>

#include "tests/golden/tiny_model.h"

namespace atelier::golden {

// RRDBNet that enlarges four times.
inline void write_tiny_upscaler(const std::filesystem::path& file, int blocks = 1) {
  constexpr int kFeatures = 8, kGrowth = 4;
  boost::json::array tensors;
  const auto conv = [&](const std::string& name, int in, int out) {
    tensors.push_back({name + ".weight", {out, in, 3, 3}});
    tensors.push_back({name + ".bias", boost::json::array{out}});
  };
  conv("conv_first", 3, kFeatures);
  for (int dense = 0; dense < 3 * blocks; ++dense) {
    const auto block = "body." + std::to_string(dense / 3) + ".rdb" + std::to_string(dense % 3 + 1);
    for (int i = 0; i < 5; ++i) {
      conv(block + ".conv" + std::to_string(i + 1), kFeatures + i * kGrowth,
           i == 4 ? kFeatures : kGrowth);
    }
  }
  for (const char* name : {"conv_body", "conv_up1", "conv_up2", "conv_hr"}) {
    conv(name, kFeatures, kFeatures);
  }
  conv("conv_last", kFeatures, 3);
  write_safetensors(file, tensors);
}

}  // namespace atelier::golden
