#include "http/body.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "platform/error.h"

namespace atelier::http {

class Body::Storage {
 public:
  Storage(std::string memory, MemoryUse* use, std::size_t reserved)
      : memory_(std::move(memory)), use_(use), reserved_(reserved) {}
  Storage(void* mapping, std::size_t size) : mapping_(mapping), size_(size) {}
  ~Storage() {
    if (mapping_ != nullptr) ::munmap(mapping_, size_);
    if (use_ != nullptr) *use_ -= reserved_;
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::string_view text() const {
    return mapping_ != nullptr ? std::string_view{static_cast<const char*>(mapping_), size_}
                               : std::string_view{memory_};
  }
  bool on_disk() const { return mapping_ != nullptr; }

 private:
  std::string memory_;
  MemoryUse* use_ = nullptr;
  std::size_t reserved_ = 0;
  void* mapping_ = nullptr;
  std::size_t size_ = 0;
};

Body::Body(std::string text)
    : storage_(std::make_shared<const Storage>(std::move(text), nullptr, std::size_t{0})) {}

std::string_view Body::text() const { return storage_ ? storage_->text() : std::string_view{}; }

bool Body::on_disk() const { return storage_ && storage_->on_disk(); }

namespace {

[[noreturn]] void throw_disk_error(const std::string& folder) {
  throw Error(ErrorCode::kInternal, "the request's body could not be kept in " + folder + ": " +
                                        std::strerror(errno) + ": free some space or set TMPDIR");
}

std::string spool_folder(const std::string& configured) {
  if (!configured.empty()) return configured;
  const char* from_environment = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
  return from_environment != nullptr && *from_environment != '\0' ? from_environment : "/var/tmp";
}

int open_unlinked_file(const std::string& folder) {
  int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  std::string name = folder + "/atelier-body-XXXXXX";  // file systems without O_TMPFILE
  file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) throw_disk_error(folder);
  ::unlink(name.c_str());
  return file;
}

}  // namespace

BodyWriter::BodyWriter(MemoryUse& use, Limits limits) : use_(use), limits_(std::move(limits)) {
  limits_.folder = spool_folder(limits_.folder);
}

BodyWriter::~BodyWriter() {
  use_ -= reserved_;
  if (file_ >= 0) ::close(file_);
}

bool BodyWriter::needs_disk(std::size_t more_bytes) const {
  return file_ >= 0 || size_ + more_bytes > limits_.memory_bytes ||
         use_.load() + more_bytes > limits_.memory_total;
}

void BodyWriter::append(std::string_view piece) {
  if (piece.size() > limits_.bytes - size_) {
    throw Error(ErrorCode::kTooLarge, "the request's body is larger than the " +
                                          std::to_string(limits_.bytes >> 20) +
                                          " MB that are allowed here: send a smaller picture");
  }
  if (needs_disk(piece.size())) {
    if (file_ < 0) move_to_disk();
    write_all(piece);
  } else {
    use_ += piece.size();
    reserved_ += piece.size();
    memory_ += piece;
  }
  size_ += piece.size();
}

void BodyWriter::move_to_disk() {
  file_ = open_unlinked_file(limits_.folder);
  write_all(memory_);
  std::string().swap(memory_);
  use_ -= std::exchange(reserved_, 0);
}

void BodyWriter::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_disk_error(limits_.folder);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

Body BodyWriter::finish() {
  Body body;
  if (file_ < 0) {
    body.storage_ = std::make_shared<const Body::Storage>(std::move(memory_), &use_,
                                                          std::exchange(reserved_, 0));
    return body;
  }
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file_, 0);
  if (mapping == MAP_FAILED) throw_disk_error(limits_.folder);
  ::madvise(mapping, size_, MADV_SEQUENTIAL);
  body.storage_ = std::make_shared<const Body::Storage>(mapping, size_);
  return body;
}

}  // namespace atelier::http
