// Bytes that are read piece by piece, from a file or from memory, so that a sender never
// holds all. Immutable, any thread. Failures throw Error(kInternal) with the system's reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace atelier::platform {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  // Fills `piece` from `offset` on; fewer bytes than asked only where the source ends.
  virtual std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> piece) const = 0;
};

// Keeps the file open: what is renamed over it or removes it changes nothing for the reader. Throws
// kNotFound where there is no regular file.
std::shared_ptr<const ByteSource> open_file(const std::filesystem::path& path);

std::shared_ptr<const ByteSource> bytes_in_memory(std::vector<std::uint8_t> bytes);
std::shared_ptr<const ByteSource> bytes_in_memory(std::string_view text);

// `size` bytes from `offset` on; both lie inside the source.
std::shared_ptr<const ByteSource> part_of(std::shared_ptr<const ByteSource> source,
                                          std::uint64_t offset, std::uint64_t size);
std::shared_ptr<const ByteSource> joined(std::vector<std::shared_ptr<const ByteSource>> sources);
std::shared_ptr<const ByteSource> base64_of(std::shared_ptr<const ByteSource> source);

std::vector<std::uint8_t> read_all(const ByteSource& source);

}  // namespace atelier::platform
