// Which version of a file is at a path: what the system changes with every replacement and every
// write. Cheap (one call of the system); any thread; absent for a file that cannot be read.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace atelier::platform {

struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;  // mtime and ctime

  bool operator==(const FileStamp&) const = default;
};

// Of what a link points to. Absent: there is no regular file.
std::optional<FileStamp> stamp_of(const std::filesystem::path& path);

// Whether the file changed so short a time ago that another change could leave the stamp as it is:
// file systems count time in ticks of some milliseconds.
bool changed_just_now(const FileStamp& stamp);
bool changed_within(const FileStamp& stamp, std::chrono::nanoseconds time);

// By their names below a folder; for a file its own name alone.
using FileStamps = std::map<std::string, FileStamp>;

// One number for all of them, names included.
std::uint64_t version_of(const FileStamps& stamps);

// The regular files of a folder and of its subfolders (no deeper, none that is hidden) that
// `wanted` takes by their relative path, or the one file at `path`.
FileStamps stamps_of(const std::filesystem::path& path,
                     const std::function<bool(const std::filesystem::path&)>& wanted);

}  // namespace atelier::platform
