// A whole file, mapped read-only. Throws kNotFound when it cannot be opened. Any thread may read.
// What is cut off the file while it is mapped, or what the disk cannot read, reads as zeros
// instead of ending the process: check lost_pages() before using what was read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace atelier::engine {

class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::uint64_t size() const { return size_; }
  // Whether some of what was read was missing.
  bool lost_pages() const;
  // Drops the whole pages inside the range from this process; the page cache keeps them.
  void release(std::uint64_t offset, std::uint64_t length) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  int guard_ = -1;  // its place among the guarded maps; -1: none
};

}  // namespace atelier::engine
