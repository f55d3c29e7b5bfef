// Weights and inputs that the golden tests share with the reference: tools/reference/weights.py
// makes the same numbers, bit for bit, so only the reference's outputs are committed. Test code.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/tensor_source.h"

namespace atelier::engine {

// `count` numbers, uniform in [-1, 1): splitmix64 of FNV-1a(key), the top 24 bits of each draw.
inline void seeded_uniform(std::string_view key, std::int64_t count, float* to) {
  std::uint64_t state = 0xCBF29CE484222325;
  for (const char byte : key) {
    state = (state ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    to[i] = static_cast<float>(z >> 40) * 0x1p-23F - 1.0F;
  }
}

inline bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
  for (const std::string_view end : ends) {
    if (text.ends_with(end)) return true;
  }
  return false;
}

// `component` is "unet", "vae", "text_encoder" …; the rules are described in weights.py.
inline Tensor seeded_tensor(const std::string& component, const std::string& name,
                            at::IntArrayRef shape) {
  Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.data_ptr<float>();
  seeded_uniform(component + "/" + name, tensor.numel(), values);
  float scale = 1, shift = 0;
  if (name.ends_with(".bias")) {
    scale = 0.05F;
  } else if (name.ends_with("embedding.weight")) {
  } else if (shape.size() == 1) {
    scale = 0.1F;
    shift = 1;
  } else {
    const bool sharp =
        ends_with_any(name, {"to_q.weight", "to_k.weight", "q_proj.weight", "k_proj.weight"});
    const std::int64_t fan_in = tensor.numel() / shape[0];
    scale = static_cast<float>((sharp ? 1.5 : 1.0) * std::sqrt(3.0 / static_cast<double>(fan_in)));
  }
  for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = values[i] * scale + shift;
  return tensor;
}

inline Tensor seeded_input(const std::string& name, at::IntArrayRef shape) {
  Tensor tensor = at::empty(shape, at::kFloat);
  seeded_uniform("input/" + name, tensor.numel(), tensor.data_ptr<float>());
  return tensor;
}

// Names and shapes of a component, filled with seeded weights on request.
class SeededSource final : public TensorSource {
 public:
  SeededSource(std::string component, std::map<std::string, std::vector<std::int64_t>> shapes)
      : component_(std::move(component)), shapes_(std::move(shapes)) {}

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override {
    const auto found = shapes_.find(std::string(name));
    if (found == shapes_.end()) return std::nullopt;
    return found->second;
  }
  Tensor get(std::string_view name) const override {
    return seeded_tensor(component_, std::string(name), shapes_.at(std::string(name)));
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, shape] : shapes_) all.push_back(name);
    return all;
  }
  std::string where() const override { return "seeded " + component_; }

 private:
  std::string component_;
  std::map<std::string, std::vector<std::int64_t>> shapes_;
};

}  // namespace atelier::engine
