// The members of a zip archive, from its central directory, with every bound checked. Only what
// torch writes is usable: stored members, zip64 for large ones. Pure functions on bytes; errors are
// kCorruptData. No torch, no zip library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace atelier::engine {

struct ZipMember {
  std::string name;
  std::uint64_t offset = 0;  // of its data in the file
  std::uint64_t size = 0;
  bool stored = true;  // false: compressed or encrypted, so of no use here
};

bool looks_like_zip(std::span<const std::byte> file);
std::vector<ZipMember> parse_zip_directory(std::span<const std::byte> file,
                                           const std::string& where);

}  // namespace atelier::engine
