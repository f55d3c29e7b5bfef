#include "platform/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "platform/error.h"

namespace atelier::platform {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInternal;
  const char* advice = error == ENOSPC ? ": the disk is full, free some space" : "";
  throw Error(code,
              "cannot " + what + " '" + path.string() + "': " + std::strerror(error) + advice);
}

template <class Buffer>
Buffer read_whole(const std::filesystem::path& path, std::uint64_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("open", path, errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) fail("read", path, errno);
  if (!S_ISREG(status.st_mode)) fail("read", path, EISDIR);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > bytes_max) {
    throw Error(ErrorCode::kTooLarge, "'" + path.string() + "' has " + std::to_string(size) +
                                          " bytes, at most " + std::to_string(bytes_max) +
                                          " are read");
  }
  Buffer buffer(static_cast<std::size_t>(size), {});
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::read(file.get(), buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read", path, errno);
    if (count == 0) break;  // it shrank meanwhile
    done += static_cast<std::size_t>(count);
  }
  buffer.resize(done);
  return buffer;
}

void write_all(int fd, std::span<const std::uint8_t> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

// The new name has reached the disk as well. Not every file system can flush a folder.
void flush_name(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() >= 0 && ::fsync(opened.get()) != 0 && errno == EIO) fail("write", path, EIO);
}

constexpr std::string_view kTemporary = ".tmp-";  // then the process and a number

bool is_temporary(std::string_view name) {
  const auto mark = name.rfind(kTemporary);
  if (mark == std::string_view::npos) return false;
  const auto numbers = name.substr(mark + kTemporary.size());
  return !numbers.empty() && numbers.find_first_not_of("0123456789-") == std::string_view::npos;
}

}  // namespace

std::vector<std::uint8_t> read_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  return read_whole<std::vector<std::uint8_t>>(path, bytes_max);
}

std::string read_text(const std::filesystem::path& path, std::uint64_t bytes_max) {
  return read_whole<std::string>(path, bytes_max);
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path temporary = path;
  temporary +=
      std::string(kTemporary) + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  try {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (file.get() < 0) fail("create", temporary, errno);
    write_all(file.get(), bytes, path);
    if (::fsync(file.get()) != 0) fail("write", path, errno);
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail("write", path, error);
  }
  flush_name(path);
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code failure;
  for (std::filesystem::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    paths.push_back(it->path());
  }
  return paths;
}

std::size_t remove_temporary_files(const std::filesystem::path& folder) {
  std::size_t removed = 0;
  for (const auto& path : files_in(folder)) {
    std::error_code failure;
    if (!is_temporary(path.filename().string()) ||
        !std::filesystem::is_regular_file(std::filesystem::symlink_status(path, failure))) {
      continue;
    }
    removed += std::filesystem::remove(path, failure) ? 1U : 0U;
  }
  return removed;
}

}  // namespace atelier::platform
