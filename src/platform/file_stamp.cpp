#include "platform/file_stamp.h"

#include <sys/stat.h>
#include <time.h>

#include <system_error>

namespace atelier::platform {
namespace {

namespace fs = std::filesystem;

// Longer than any tick that kernels are built with (10 ms), for both time stamps.
constexpr std::chrono::milliseconds kTick{25};
constexpr std::size_t kEntriesMax =
    20'000;  // a wrong folder (a whole disk) must not block the caller

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool is_hidden(const fs::path& path) { return path.filename().native().starts_with('.'); }

class Stamping {
 public:
  Stamping(fs::path root, const std::function<bool(const fs::path&)>& wanted)
      : root_(std::move(root)), wanted_(wanted) {}

  void add_folder(const fs::path& below, int depth) {
    std::error_code failure;
    for (fs::directory_iterator it(root_ / below, failure), end; !failure && it != end;
         it.increment(failure)) {
      if (++seen_ > kEntriesMax) return;
      const fs::path name = below / it->path().filename();
      if (is_hidden(name)) continue;
      std::error_code unknown;
      if (it->is_directory(unknown)) {
        if (depth > 0) add_folder(name, depth - 1);
      } else if (wanted_(name)) {
        if (const auto stamp = stamp_of(it->path())) stamps_.emplace(name.generic_string(), *stamp);
      }
    }
  }

  FileStamps take() { return std::move(stamps_); }

 private:
  fs::path root_;
  const std::function<bool(const fs::path&)>& wanted_;
  FileStamps stamps_;
  std::size_t seen_ = 0;
};

}  // namespace

std::optional<FileStamp> stamp_of(const fs::path& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileStamp{.device = static_cast<std::uint64_t>(status.st_dev),
                   .inode = static_cast<std::uint64_t>(status.st_ino),
                   .size = static_cast<std::uint64_t>(status.st_size),
                   .modified_ns = nanoseconds(status.st_mtim),
                   .changed_ns = nanoseconds(status.st_ctim)};
}

bool changed_within(const FileStamp& stamp, std::chrono::nanoseconds time) {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age = nanoseconds(now) - stamp.changed_ns;
  // A time in the future was written by another machine's clock and is ignored.
  return age > -time.count() && age < time.count();
}

bool changed_just_now(const FileStamp& stamp) { return changed_within(stamp, kTick); }

FileStamps stamps_of(const fs::path& path, const std::function<bool(const fs::path&)>& wanted) {
  if (const auto stamp = stamp_of(path)) return {{path.filename().string(), *stamp}};
  Stamping stamping(path, wanted);
  stamping.add_folder({}, 1);
  return stamping.take();
}

std::uint64_t version_of(const FileStamps& stamps) {
  std::uint64_t state = 0xcbf29ce484222325;  // FNV-1a
  const auto add = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) state = (state ^ ((value >> (8 * i)) & 0xff)) * 0x100000001b3;
  };
  for (const auto& [name, stamp] : stamps) {
    for (const char character : name) add(static_cast<unsigned char>(character), 1);
    for (const std::uint64_t value : {std::uint64_t{name.size()}, stamp.device, stamp.inode,
                                      stamp.size, static_cast<std::uint64_t>(stamp.modified_ns),
                                      static_cast<std::uint64_t>(stamp.changed_ns)}) {
      add(value, 8);
    }
  }
  return state;
}

}  // namespace atelier::platform
