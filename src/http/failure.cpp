#include "http/failure.h"

#include <boost/json.hpp>

#include "platform/utf8.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

// Retry-After: the estimated time of one picture.
constexpr int kRetryAfterSeconds = 5;

std::string_view openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

std::string body_of(Family family, int status, std::string_view code, const std::string& text,
                    const std::string& field) {
  // The gallery's queue looks for the word "rejected" when the queue is full.
  const std::string_view word = status == 429 ? "rejected" : "error";
  switch (family) {
    case Family::kNative:
      return bj::serialize(bj::object{{"type", "about:blank"},
                                      {"title", reason_phrase(status)},
                                      {"status", status},
                                      {"detail", text},
                                      {"code", code},
                                      {"field", field}});
    case Family::kOpenAi:
      return bj::serialize(bj::object{{"error", bj::object{{"message", text},
                                                           {"type", openai_type(status)},
                                                           {"code", code},
                                                           {"param", nullptr}}},
                                      {"detail", text},
                                      {"status", word}});
    case Family::kLegacy:
      break;
  }
  return bj::serialize(bj::object{{"error", text}, {"detail", text}, {"status", word}});
}

}  // namespace

Family family_of(std::string_view path) {
  if (path == "/api" || path.starts_with("/api/")) return Family::kNative;
  if (path.starts_with("/v1/images/") || path == "/v1/chat/completions" || path == "/v1/embeddings")
    return Family::kOpenAi;
  return Family::kLegacy;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
    case ErrorCode::kCancelled:
      return 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kQueueFull:
      return 429;
    case ErrorCode::kUnsupported:
    case ErrorCode::kCorruptData:
      return 422;
    case ErrorCode::kOutOfMemory:  // the gallery repeats a 500 with "CUDA out of memory" in low
                                   // mode
    case ErrorCode::kWorkerLost:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

Response refusal(std::string_view path, int status, std::string_view code,
                 const std::string& sentence, const std::string& field) {
  const Family family = family_of(path);
  Response response;
  response.status = status;
  response.content_type =
      family == Family::kNative ? "application/problem+json" : "application/json";
  // The sentence of a JSON reader starts with the field.
  const bool named = field.empty() || sentence.starts_with(field + ": ");
  const std::string text = named ? sentence : field + ": " + sentence;
  response.body =
      body_of(family, status, code, platform::valid_utf8(text), platform::valid_utf8(field));
  response.set("Cache-Control", "no-store");
  if (status == 429 || status == 503)
    response.set("Retry-After", std::to_string(kRetryAfterSeconds));
  return response;
}

Response failure_response(std::string_view path, const Error& error) {
  return refusal(path, status_of(error.code()), error_code_name(error.code()), error.what(),
                 error.field());
}

}  // namespace atelier::http
