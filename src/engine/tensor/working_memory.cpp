#include "engine/tensor/working_memory.h"

#include <c10/core/CPUAllocator.h>
#include <unistd.h>
#include <cstring>
#include <mutex>
#include <set>

#include "engine/tensor/block_pool.h"
#include "engine/tensor/torch_compat.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace atelier::engine {
namespace {

// Smaller tensors stay where they are: the C library keeps memory below its 128 KiB by itself.
constexpr std::size_t kLarge = std::size_t{128} << 10;

// Never destroyed: libtorch may free a tensor while the process ends.
BlockPool& pool() {
  static BlockPool* const kept = new BlockPool(static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                                               static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  return *kept;
}

void release(void* block) {
  if (pool().owns(block)) {
    pool().give(block);
  } else {
    c10::GetDefaultCPUAllocator()->raw_deallocate(block);
  }
}

// libtorch 2 drops the const of allocate() and adds copy_data(): without `override` each of these
// overrides whatever the installed version has.
// NOLINTBEGIN(modernize-use-override)
class PooledAllocator : public c10::Allocator {
 public:
  at::DeleterFnPtr raw_deleter() const override { return release; }
  at::DataPtr allocate(std::size_t bytes) const { return take(bytes); }
  at::DataPtr allocate(std::size_t bytes) { return take(bytes); }
  void copy_data(void* to, const void* from, std::size_t bytes) const {
    std::memcpy(to, from, bytes);
  }

 private:
  static at::DataPtr take(std::size_t bytes) {
    if (bytes >= kLarge) {
      if (void* block = pool().take(bytes)) {
        return {block, block, release, at::kCPU};
      }
    }
    return c10::GetDefaultCPUAllocator()->allocate(bytes);
  }
};
// NOLINTEND(modernize-use-override)

// The measurements in progress. The mutex also guards whether each is alone.
struct Measurements {
  std::mutex mutex;
  std::set<PeakMeasurement*> active;
};

Measurements& measurements() {
  static Measurements kept;
  return kept;
}

}  // namespace

void keep_freed_memory() {
  static PooledAllocator* const allocator = new PooledAllocator;
  c10::SetCPUAllocator(allocator);
}

std::int64_t held_bytes() { return static_cast<std::int64_t>(pool().in_use()); }

PeakMeasurement::PeakMeasurement() {
  begin();
  restart();
}

PeakMeasurement::~PeakMeasurement() {
  auto& [mutex, active] = measurements();
  const std::scoped_lock lock(mutex);
  active.erase(this);
}

void PeakMeasurement::begin() {
  auto& [mutex, active] = measurements();
  const std::scoped_lock lock(mutex);
  alone_ = alone_ && active.empty();
  for (PeakMeasurement* other : active) other->alone_ = false;
  active.insert(this);
}

void PeakMeasurement::restart() {
  before_ = held_bytes();
  pool().reset_peak();
}

void PeakMeasurement::suspend() {
  auto& [mutex, active] = measurements();
  const std::scoped_lock lock(mutex);
  active.erase(this);
  alone_ = false;
}

void PeakMeasurement::resume() { begin(); }

std::int64_t PeakMeasurement::bytes() const {
  const std::scoped_lock lock(measurements().mutex);
  return alone_ ? static_cast<std::int64_t>(pool().peak()) - before_ : 0;
}

void give_back_freed_memory() {
  pool().trim();
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

}  // namespace atelier::engine
