// One block of scratch memory, shared out in parts of whole cache lines: for kernels that want
// several arrays at once. Not initialised. Owned by one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace atelier::engine {

template <std::size_t kParts>
class AlignedParts {
 public:
  // How many values of four bytes each part holds at least.
  explicit AlignedParts(const std::array<std::int64_t, kParts>& counts) {
    std::int64_t all = kLine;
    for (const std::int64_t count : counts) all += whole_lines(count);
    memory_ = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(all));
    const auto misplaced = reinterpret_cast<std::uintptr_t>(memory_.get()) / sizeof(float) % kLine;
    float* next = memory_.get() + (kLine - misplaced) % kLine;
    for (std::size_t i = 0; i < kParts; ++i) {
      parts_[i] = next;
      next += whole_lines(counts[i]);
    }
  }

  template <class Value>
  Value* as(std::size_t part) const {
    return reinterpret_cast<Value*>(parts_[part]);
  }

 private:
  static constexpr std::int64_t kLine = 16;
  static std::int64_t whole_lines(std::int64_t count) {
    return (count + kLine - 1) / kLine * kLine;
  }

  std::unique_ptr<float[]> memory_;
  std::array<float*, kParts> parts_{};
};

}  // namespace atelier::engine
