#include "engine/nn/weight_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "engine/tensor/torch_compat.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMapBytes = std::size_t{64} << 20;  // untouched pages cost nothing
constexpr std::size_t kAlignment = 64;

std::size_t rounded_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

// A 2 MiB aligned map of whole huge pages; huge pages are requested afterwards.
std::shared_ptr<std::byte> map_aligned(std::size_t bytes) {
  const std::size_t whole = bytes + kHugePage;  // room for an aligned start
  void* const map =
      ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    throw Error(ErrorCode::kOutOfMemory, "no memory for " + std::to_string(bytes >> 20) +
                                             " MB: unload another model or choose a smaller size");
  }
  const auto start = rounded_up(reinterpret_cast<std::uintptr_t>(map), kHugePage);
  auto* const aligned = reinterpret_cast<std::byte*>(start);
  const auto give_back = [map, whole](std::byte*) { ::munmap(map, whole); };
  return {aligned, give_back};
}

// Has the system provide the pages at once, on all threads: a third of what a fault for each takes.
void provide_pages(std::byte* from, std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  const auto first = reinterpret_cast<std::uintptr_t>(from) / kPage;
  const auto last = (reinterpret_cast<std::uintptr_t>(from) + bytes + kPage - 1) / kPage;
  at::parallel_for(0, static_cast<std::int64_t>(last - first), 256,
                   [&](std::int64_t begin, std::int64_t end) {
                     const auto start = (first + static_cast<std::uintptr_t>(begin)) * kPage;
                     // An older kernel refuses: the pages come as they are written.
                     ::madvise(reinterpret_cast<void*>(start),
                               static_cast<std::size_t>(end - begin) * kPage, MADV_POPULATE_WRITE);
                   });
#endif
}

}  // namespace

std::shared_ptr<std::byte> map_huge_pages(std::size_t bytes) {
  bytes = rounded_up(bytes, kHugePage);
  auto map = map_aligned(bytes);
  ::madvise(map.get(), bytes, MADV_HUGEPAGE);  // advice: small pages do as well
  return map;
}

void* thread_scratch(ScratchSlot slot, std::size_t bytes) {
  struct Kept {
    std::shared_ptr<std::byte> map;
    std::size_t size = 0;
  };
  static thread_local Kept kept[2];
  Kept& mine = kept[static_cast<std::size_t>(slot)];
  if (mine.size < bytes) {
    mine.map.reset();
    mine.size = rounded_up(bytes, kHugePage);
    mine.map = map_huge_pages(mine.size);
  }
  return mine.map.get();
}

std::shared_ptr<Bf16> WeightArena::take(std::int64_t count) {
  const std::size_t bytes = rounded_up(static_cast<std::size_t>(count) * sizeof(Bf16), kAlignment);
  if (map_ == nullptr || used_ + bytes > size_) {
    size_ = rounded_up(std::max(bytes, kMapBytes), kHugePage);
    map_ = map_aligned(size_);
    used_ = 0;
  }
  std::byte* const place = map_.get() + used_;
  used_ += bytes;
  provide_pages(place, bytes);
  return {map_, reinterpret_cast<Bf16*>(place)};
}

}  // namespace atelier::engine
