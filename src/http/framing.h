// Where the header of a request ends, and which requests are refused because two readers could
// disagree on where their body ends. The caller answers a fault and closes the connection: bytes
// that follow may be a second request to one reader and a body to another. Pure, any thread;
// nothing here throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace atelier::http {

struct FramingFault {
  int status = 400;
  std::string sentence;
};

// Examines the bytes of a header as they arrive and refuses what the HTTP library would accept:
// lines that end in a bare LF or continue on the next line, CR inside a line, control characters.
class HeadScan {
 public:
  explicit HeadScan(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // `bytes` begin where they began in the last call. True: the header is complete.
  bool is_complete(std::string_view bytes);
  const std::optional<FramingFault>& fault() const { return fault_; }
  // One empty line may come before a request (old clients send it after a body): begin() is behind.
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return at_; }  // of a complete header, behind its empty line

 private:
  bool take(char character);  // true: this was the last one of the header
  void refuse(int status, std::string sentence);

  std::size_t bytes_max_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::size_t line_length_ = 0;
  std::size_t lines_ = 0;
  char last_ = '\0';
  std::optional<FramingFault> fault_;
};

// Of a header that was read: 11 is HTTP/1.1.
std::optional<FramingFault> check_framing(const Request& request, int version);

// The chunk headers of a body. Extensions are ignored, but they must be short and without
// characters that a reader could take for the end of a line.
class ChunkExtensions {
 public:
  bool are_fine(std::string_view extension);  // of the next chunk

 private:
  std::size_t bytes_ = 0;
};

}  // namespace atelier::http
