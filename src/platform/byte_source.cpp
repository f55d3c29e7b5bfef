#include "platform/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "platform/base64.h"
#include "platform/error.h"

namespace atelier::platform {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  const int reason = errno;
  const bool missing = reason == ENOENT || reason == ENOTDIR;
  throw Error(missing ? ErrorCode::kNotFound : ErrorCode::kInternal,
              "the file '" + path + "' cannot be " + what + ": " + std::strerror(reason));
}

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const std::filesystem::path& path)
      : path_(path.string()), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (file_ < 0) fail(path_, "opened");
    struct stat status{};
    if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(file_);
      throw Error(ErrorCode::kNotFound, "'" + path_ + "' is not a file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~FileSource() override { ::close(file_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::uint64_t size() const override { return size_; }

  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> piece) const override {
    std::size_t done = 0;
    while (done < piece.size()) {
      const ssize_t got = ::pread(file_, piece.data() + done, piece.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(path_, "read");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  std::string path_;
  int file_;
  std::uint64_t size_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size() const override { return bytes_.size(); }

  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> piece) const override {
    if (offset >= bytes_.size()) return 0;
    const std::size_t size =
        std::min(piece.size(), static_cast<std::size_t>(bytes_.size() - offset));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), size, piece.begin());
    return size;
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

class PartSource final : public ByteSource {
 public:
  PartSource(std::shared_ptr<const ByteSource> whole, std::uint64_t offset, std::uint64_t size)
      : whole_(std::move(whole)), offset_(offset), size_(size) {}

  std::uint64_t size() const override { return size_; }

  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> piece) const override {
    if (offset >= size_) return 0;
    const auto size = std::min<std::uint64_t>(piece.size(), size_ - offset);
    return whole_->read_at(offset_ + offset, piece.first(static_cast<std::size_t>(size)));
  }

 private:
  std::shared_ptr<const ByteSource> whole_;
  std::uint64_t offset_, size_;
};

class JoinedSource final : public ByteSource {
 public:
  explicit JoinedSource(std::vector<std::shared_ptr<const ByteSource>> sources)
      : sources_(std::move(sources)) {
    for (const auto& source : sources_) {
      size_ += source->size();
      ends_.push_back(size_);
    }
  }

  std::uint64_t size() const override { return size_; }

  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> piece) const override {
    std::size_t done = 0;
    auto at = static_cast<std::size_t>(std::ranges::upper_bound(ends_, offset) - ends_.begin());
    for (; at < sources_.size() && done < piece.size(); ++at) {
      const auto begin = at == 0 ? 0 : ends_[at - 1];
      const auto wanted = std::min<std::uint64_t>(piece.size() - done, ends_[at] - offset - done);
      const auto part = piece.subspan(done, static_cast<std::size_t>(wanted));
      const auto got = sources_[at]->read_at(offset + done - begin, part);
      done += got;
      if (got < part.size()) break;
    }
    return done;
  }

 private:
  std::vector<std::shared_ptr<const ByteSource>> sources_;
  std::vector<std::uint64_t> ends_;
  std::uint64_t size_ = 0;
};

// Three bytes are four characters, so any offset of the text can be read on its own.
class Base64Source final : public ByteSource {
 public:
  explicit Base64Source(std::shared_ptr<const ByteSource> bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size() const override { return (bytes_->size() + 2) / 3 * 4; }

  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> piece) const override {
    if (offset >= size() || piece.empty()) return 0;
    const auto skipped = static_cast<std::size_t>(offset % 4);
    std::vector<std::uint8_t> raw((skipped + piece.size() + 3) / 4 * 3);
    raw.resize(bytes_->read_at(offset / 4 * 3, raw));
    const std::string text = base64_encode(raw);
    if (text.size() <= skipped) return 0;
    const std::size_t size = std::min(piece.size(), text.size() - skipped);
    std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(skipped), size, piece.begin());
    return size;
  }

 private:
  std::shared_ptr<const ByteSource> bytes_;
};

}  // namespace

std::shared_ptr<const ByteSource> bytes_in_memory(std::string_view text) {
  return bytes_in_memory(std::vector<std::uint8_t>(text.begin(), text.end()));
}

std::shared_ptr<const ByteSource> part_of(std::shared_ptr<const ByteSource> source,
                                          std::uint64_t offset, std::uint64_t size) {
  return std::make_shared<const PartSource>(std::move(source), offset, size);
}

std::shared_ptr<const ByteSource> joined(std::vector<std::shared_ptr<const ByteSource>> sources) {
  return std::make_shared<const JoinedSource>(std::move(sources));
}

std::shared_ptr<const ByteSource> base64_of(std::shared_ptr<const ByteSource> source) {
  return std::make_shared<const Base64Source>(std::move(source));
}

std::shared_ptr<const ByteSource> open_file(const std::filesystem::path& path) {
  return std::make_shared<const FileSource>(path);
}

std::shared_ptr<const ByteSource> bytes_in_memory(std::vector<std::uint8_t> bytes) {
  return std::make_shared<const MemorySource>(std::move(bytes));
}

std::vector<std::uint8_t> read_all(const ByteSource& source) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(source.size()));
  bytes.resize(source.read_at(0, bytes));
  return bytes;
}

}  // namespace atelier::platform
