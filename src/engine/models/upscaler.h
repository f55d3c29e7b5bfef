// Capability: enlarges pictures by a whole factor. One job at a time, from the job thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

struct UpscalerFacts {
  std::int64_t scale = 1;  // sides of the output over sides of the input
  std::int64_t reach = 0;  // pixels of the input to each side that an output pixel depends on
};

class Upscaler {
 public:
  static constexpr std::string_view kCapability = "enlarge pictures";

  virtual ~Upscaler() = default;
  virtual const UpscalerFacts& facts() const = 0;
  virtual at::ScalarType dtype() const = 0;
  // picture [1, 3, h, w] fp32 in [0, 1] -> [1, 3, scale h, scale w] fp32, not clamped. `check` is
  // called between parts of the network; what it throws ends the call.
  virtual Tensor enlarge(const Tensor& picture, const std::function<void()>& check) const = 0;
};

}  // namespace atelier::engine
