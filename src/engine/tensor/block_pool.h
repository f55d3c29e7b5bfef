// Large blocks of memory cut from one reserved range and used over and over: what is freed stays
// with the process and is joined with free neighbours, until trim() gives it back to the system.
// The C library's own heap cannot do it: an aligned block that was freed there does not serve the
// next request of the same size (glibc before 2.38). Any thread. No room: nullptr.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <unordered_map>

namespace atelier::engine {

class BlockPool {
 public:
  // Reserves addresses, no memory. When even that is refused, take() always gives nullptr.
  explicit BlockPool(std::size_t bytes_max);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // On a page border; from the smallest hole that is large enough.
  void* take(std::size_t bytes);
  void give(void* block);
  bool owns(const void* block) const { return block >= range_ && block < range_ + size_; }
  // Free memory goes back to the system; its addresses stay.
  void trim();
  // Bytes that are taken now.
  std::size_t in_use() const;
  // The most that was taken since the last call of reset_peak(), which starts with what is taken
  // now.
  std::size_t peak() const;
  void reset_peak();

 private:
  std::byte* range_ = nullptr;
  std::size_t size_ = 0;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::size_t> holes_;           // offset -> bytes; never two side by side
  std::unordered_map<std::size_t, std::size_t> used_;  // offset -> bytes
  std::size_t touched_ = 0;                            // nothing beyond was ever handed out
  std::size_t in_use_ = 0, peak_ = 0;
};

}  // namespace atelier::engine
