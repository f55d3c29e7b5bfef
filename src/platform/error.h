// The one exception class of the project. Thrown anywhere, translated once at the edges (HTTP
// reply, protocol reply, exit status). The sentence says what failed, why, and what to do.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

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

// A copy shares nothing with the original, so that each thread may keep its own
// (std::runtime_error counts its references inside libstdc++, where the thread sanitizer does not
// see it).
class Error final : public std::exception {
 public:
  Error(ErrorCode code, std::string sentence) : code_(code), sentence_(std::move(sentence)) {}
  // Of one field of a request: a path of members ("steps"), which each edge writes in its own
  // spelling in front of the sentence ("/input/steps: …", "--steps: …").
  Error(ErrorCode code, std::string field, std::string sentence)
      : code_(code), field_(std::move(field)), sentence_(std::move(sentence)) {}
  ErrorCode code() const noexcept { return code_; }
  const std::string& field() const noexcept { return field_; }  // "" is none
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  ErrorCode code_;
  std::string field_, sentence_;
};

// Stable lower-case names ("invalid_argument"), used on the wire and in problem documents.
std::string_view error_code_name(ErrorCode code);
// Unknown names become kInternal: a newer peer must not crash an older one.
ErrorCode error_code_from_name(std::string_view name);

}  // namespace atelier
