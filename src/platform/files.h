// Whole files, written so that a crash or a full disk leaves either the old or the new one. Any
// thread. Failures throw Error with the path and the system's reason (kNotFound, kTooLarge,
// kInternal).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace atelier::platform {

// Reads at most `bytes_max`; a larger file is refused before it is read.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::uint64_t bytes_max);
std::string read_text(const std::filesystem::path& path, std::uint64_t bytes_max);

// Into a temporary file beside it, flushed to the disk, then renamed over `path`.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

// What write_file_atomically() left in this folder when its process was killed; how many there
// were. For a folder in which no file is being written.
std::size_t remove_temporary_files(const std::filesystem::path& folder);

// What lies in a folder, folders included; nothing when it is none or cannot be read.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);

}  // namespace atelier::platform
