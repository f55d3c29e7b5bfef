#include "engine/weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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
  }
  ::close(file);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::uint64_t offset, std::uint64_t length) const {
  if (data_ == nullptr || offset >= size_) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t end = offset + std::min<std::uint64_t>(length, size_ - offset);
  const std::uint64_t first = (offset + page - 1) / page * page;
  // The last page of the file may go although it is not full.
  const std::uint64_t last = end == size_ ? end : end / page * page;
  if (first >= last) return;
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace atelier::engine
