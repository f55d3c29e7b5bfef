// Memory for packed weights: a few large maps instead of one allocation for each of a network's
// thousand matrices, their pages provided by the system in one call a weight. Huge pages were
// slower: in a virtual machine three gigabytes of them took 7 s of the system's time, small ones in
// bulk 1.5 (docs/adr/0004-cpu-kernels.md), and a step that streams its weights gains nothing.
// Called from the thread that builds a model. A map goes back to the system when the last weight in
// it is gone. Throws kOutOfMemory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/nn/bf16_kernels.h"

namespace atelier::engine {

// Huge pages where the system has them; 2 MiB aligned, zeros, rounded up to whole huge pages.
std::shared_ptr<std::byte> map_huge_pages(std::size_t bytes);

// Memory of this thread that is used over and over; the values are whatever was left there. Valid
// until the thread asks again with the same `slot`.
enum class ScratchSlot { kPicture, kThread };
void* thread_scratch(ScratchSlot slot, std::size_t bytes);

class WeightArena {
 public:
  // `count` values on a 64-byte border, zeros.
  std::shared_ptr<Bf16> take(std::int64_t count);

 private:
  std::shared_ptr<std::byte> map_;
  std::size_t used_ = 0, size_ = 0;
};

}  // namespace atelier::engine
