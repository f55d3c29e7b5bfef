// The body of a request. Short ones lie in memory, long ones in an unlinked temporary file that is
// read through a mapping, so that many long uploads at once cost disk and not memory. BodyWriter:
// made by the connection on the I/O thread; append() writes to disk once needs_disk() is true and
// is then called from the pool. Throws kTooLarge beyond the limit, kInternal when the disk is full.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace atelier::http {

class Body {
 public:
  Body() = default;
  explicit Body(std::string text);
  std::string_view text() const;
  bool on_disk() const;

  class Storage;

 private:
  friend class BodyWriter;
  std::shared_ptr<const Storage> storage_;
};

// Bytes of the bodies in memory of all connections.
using MemoryUse = std::atomic<std::size_t>;

class BodyWriter {
 public:
  struct Limits {
    std::size_t bytes = 0;         // of this body
    std::size_t memory_bytes = 0;  // of this body before it goes to disk
    std::size_t memory_total = 0;  // of all bodies
    std::string folder;            // for the temporary file; "": $TMPDIR or /var/tmp
  };

  BodyWriter(MemoryUse& use, Limits limits);
  ~BodyWriter();
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;

  bool needs_disk(std::size_t more_bytes) const;
  void append(std::string_view piece);
  Body finish();
  std::size_t size() const { return size_; }

 private:
  void move_to_disk();
  void write_all(std::string_view bytes);

  MemoryUse& use_;
  Limits limits_;
  std::string memory_;
  std::size_t reserved_ = 0;  // our share of use_
  std::size_t size_ = 0;
  int file_ = -1;
};

}  // namespace atelier::http
