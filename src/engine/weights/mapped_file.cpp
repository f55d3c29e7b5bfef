#include "engine/weights/mapped_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

#include "platform/error.h"

namespace atelier::engine {
namespace {

[[noreturn]] void fail(ErrorCode code, const std::filesystem::path& path, const char* what) {
  throw Error(code, path.string() + ": " + what + ": " +
                        std::error_code(errno, std::generic_category()).message());
}

// The maps in which a bus error means a page that the file lacks. The signal is the process's, so
// the table is, too: the handler may take no lock and no memory.
struct GuardedMap {
  std::atomic<bool> taken = false, lost = false;
  std::atomic<std::uintptr_t> begin = 0, end = 0;
};
constexpr std::size_t kGuardedMax = 512;  // files of all models that are being read at one time
std::array<GuardedMap, kGuardedMax> guarded_maps;
struct sigaction handler_before = {};
std::uintptr_t page_size = 0;

// Puts zeros in place of the page and of all behind it, so that reading continues; what it read is
// refused afterwards.
void on_bus_error(int signal, siginfo_t* info, void*) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (GuardedMap& map : guarded_maps) {
    const std::uintptr_t begin = map.begin.load(), end = map.end.load();
    if (address < begin || address >= end) continue;
    map.lost.store(true);
    const std::uintptr_t page = address / page_size * page_size;
    void* const zeros = ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    errno = saved_errno;
    if (zeros != MAP_FAILED) return;
    break;
  }
  // Not ours: the access is repeated and ends as it would have.
  ::sigaction(signal, &handler_before, nullptr);
}

void install_handler() {
  page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction handler = {};
  handler.sa_sigaction = on_bus_error;
  handler.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigemptyset(&handler.sa_mask);
  ::sigaction(SIGBUS, &handler, &handler_before);
}

// -1 where all places are taken: that map goes without.
int guard(const std::byte* data, std::size_t size) {
  static const bool installed = (install_handler(), true);
  for (std::size_t i = 0; installed && i < guarded_maps.size(); ++i) {
    GuardedMap& map = guarded_maps[i];
    bool free = false;
    if (!map.taken.compare_exchange_strong(free, true)) continue;
    map.lost = false;
    map.begin = reinterpret_cast<std::uintptr_t>(data);
    map.end = reinterpret_cast<std::uintptr_t>(data) + size;
    return static_cast<int>(i);
  }
  return -1;
}

GuardedMap& guarded(int place) { return guarded_maps[static_cast<std::size_t>(place)]; }

void end_guard(int place) {
  if (place < 0) return;
  guarded(place).end = 0;
  guarded(place).begin = 0;
  guarded(place).taken = false;
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(ErrorCode::kNotFound, path, "the weights file cannot be opened");
  struct stat status = {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    throw Error(ErrorCode::kCorruptData,
                path.string() + ": not a regular file, so no weights file");
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    void* const map = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) {
      ::close(file);
      fail(ErrorCode::kOutOfMemory, path, "the weights file cannot be mapped");
    }
    data_ = static_cast<const std::byte*>(map);
    guard_ = guard(data_, size_);
  }
  ::close(file);
}

MappedFile::~MappedFile() {
  end_guard(guard_);
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

bool MappedFile::lost_pages() const { return guard_ >= 0 && guarded(guard_).lost.load(); }

void MappedFile::release(std::uint64_t offset, std::uint64_t length) const {
  if (data_ == nullptr || offset >= size_) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t end = offset + std::min<std::uint64_t>(length, size_ - offset);
  const std::uint64_t first = (offset + page - 1) / page * page;
  // The last page of the file may be released although it is not full.
  const std::uint64_t last = end == size_ ? end : end / page * page;
  if (first >= last) return;
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace atelier::engine
