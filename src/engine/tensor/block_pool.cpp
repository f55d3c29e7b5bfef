#include "engine/tensor/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

#include "platform/check.h"

namespace atelier::engine {
namespace {

constexpr std::size_t kPage = 4096;

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

}  // namespace

BlockPool::BlockPool(std::size_t bytes_max) : size_(whole_pages(bytes_max)) {
  void* range = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) {
    size_ = 0;
    return;
  }
  range_ = static_cast<std::byte*>(range);
  holes_.emplace(0, size_);
}

BlockPool::~BlockPool() {
  if (range_ != nullptr) ::munmap(range_, size_);
}

void* BlockPool::take(std::size_t bytes) {
  const std::size_t wanted = std::max(whole_pages(bytes), kPage);
  const std::scoped_lock lock(mutex_);
  auto best = holes_.end();
  for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
    if (hole->second >= wanted && (best == holes_.end() || hole->second < best->second)) {
      best = hole;
    }
  }
  if (best == holes_.end()) return nullptr;
  const auto [offset, size] = *best;
  holes_.erase(best);
  if (size > wanted) holes_.emplace(offset + wanted, size - wanted);
  used_.emplace(offset, wanted);
  touched_ = std::max(touched_, offset + wanted);
  in_use_ += wanted;
  peak_ = std::max(peak_, in_use_);
  return range_ + offset;
}

void BlockPool::give(void* block) {
  const std::scoped_lock lock(mutex_);
  const auto found = used_.find(static_cast<std::size_t>(static_cast<std::byte*>(block) - range_));
  CHECK(found != used_.end());
  in_use_ -= found->second;
  auto hole = holes_.emplace(found->first, found->second).first;
  used_.erase(found);
  const auto after = std::next(hole);
  if (after != holes_.end() && hole->first + hole->second == after->first) {
    hole->second += after->second;
    holes_.erase(after);
  }
  if (hole == holes_.begin()) return;
  const auto before = std::prev(hole);
  if (before->first + before->second == hole->first) {
    before->second += hole->second;
    holes_.erase(hole);
  }
}

std::size_t BlockPool::in_use() const {
  const std::scoped_lock lock(mutex_);
  return in_use_;
}

std::size_t BlockPool::peak() const {
  const std::scoped_lock lock(mutex_);
  return peak_;
}

void BlockPool::reset_peak() {
  const std::scoped_lock lock(mutex_);
  peak_ = in_use_;
}

void BlockPool::trim() {
  const std::scoped_lock lock(mutex_);
  for (const auto& [offset, size] : holes_) {
    if (offset >= touched_) continue;
    ::madvise(range_ + offset, std::min(size, touched_ - offset), MADV_DONTNEED);
  }
}

}  // namespace atelier::engine
