#include "faulty_disk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <string_view>

extern "C" char* program_invocation_short_name;

namespace atelier::faulty_disk {
namespace {

using Left = std::atomic<std::int64_t>;

Left own_left{kNoLimit};

// Preloaded: the number lies in a file that the test writes. Not for child programs: their sandbox
// forbids it, and they write no files.
Left* shared_left() {
  const char* path = std::getenv("ATELIER_FAULTY_DISK");
  if (path == nullptr || std::string_view(program_invocation_short_name) != "atelier") {
    return &own_left;
  }
  const auto file = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0));
  if (file < 0) std::abort();
  void* memory = ::mmap(nullptr, sizeof(Left), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) std::abort();
  ::syscall(SYS_close, file);
  return static_cast<Left*>(memory);
}

Left& bytes_left() {
  static Left* const left = shared_left();
  return *left;
}

bool is_on_disk(int file) {
  struct stat status{};
  return file > STDERR_FILENO && ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

// How many of `wanted` bytes the disk takes; none: it is full.
std::size_t taken(int file, std::size_t wanted) {
  auto& left = bytes_left();
  auto now = left.load();
  if (now < 0 || !is_on_disk(file)) return wanted;
  std::size_t granted = 0;
  do {
    granted = std::min(wanted, static_cast<std::size_t>(std::max<std::int64_t>(now, 0)));
  } while (!left.compare_exchange_weak(now, now - static_cast<std::int64_t>(granted)));
  return granted;
}

bool is_full() { return bytes_left().load() == 0; }

int full() {
  errno = ENOSPC;
  return -1;
}

ssize_t write_at(int file, const void* bytes, std::size_t size, off_t offset) {
  const std::size_t granted = taken(file, size);
  if (granted == 0 && size > 0) return full();
  return ::syscall(SYS_pwrite64, file, bytes, granted, offset);
}

int open_file(const char* path, int flags, mode_t mode) {
  const bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  struct stat status{};
  if (makes && is_full() && ((flags & O_TMPFILE) == O_TMPFILE || ::stat(path, &status) != 0)) {
    return full();
  }
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

}  // namespace

void leave(std::int64_t bytes) { bytes_left() = bytes; }

std::int64_t left() { return bytes_left(); }

}  // namespace atelier::faulty_disk

extern "C" {

ssize_t write(int file, const void* bytes, std::size_t size) {
  const std::size_t granted = atelier::faulty_disk::taken(file, size);
  if (granted == 0 && size > 0) return atelier::faulty_disk::full();
  return ::syscall(SYS_write, file, bytes, granted);
}

ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t offset) {
  return atelier::faulty_disk::write_at(file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void* bytes, std::size_t size, off64_t offset) {
  return atelier::faulty_disk::write_at(file, bytes, size, offset);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, unsigned));
  va_end(rest);
  return atelier::faulty_disk::open_file(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, unsigned));
  va_end(rest);
  return atelier::faulty_disk::open_file(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (atelier::faulty_disk::is_full()) return atelier::faulty_disk::full();
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // extern "C"
