// The one exception class of the project. Thrown anywhere, translated once at the edges (HTTP
// reply, protocol reply, exit status). The sentence says what failed, why, and what to do.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace atelier {

enum class ErrorCode {
  kInvalidArgument,
  kNotFound,
  kConflict,
  kTooLarge,
  kQueueFull,
  kUnsupported,
  kCorruptData,
  kCancelled,
  kOutOfMemory,
  kWorkerLost,
  kInternal,
};

class Error final : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

// Stable lower-case names ("invalid_argument"), used on the wire and in problem documents.
std::string_view error_code_name(ErrorCode code);
// Unknown names become kInternal: a newer peer must not crash an older one.
ErrorCode error_code_from_name(std::string_view name);

}  // namespace atelier
