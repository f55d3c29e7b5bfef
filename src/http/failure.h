// The one place where an ErrorCode becomes an HTTP reply. Each family of paths has its own shape,
// which its clients parse. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "platform/error.h"

namespace atelier::http {

enum class Family {
  kNative,  // /api/v1/…: application/problem+json
  kOpenAi,  // /v1/images/…, /v1/chat/completions, /v1/embeddings: {"error": {"message", …}}
  kLegacy,  // all others: {"error": "sentence", "detail": "sentence"}
};

Family family_of(std::string_view path);
int status_of(ErrorCode code);

// The field of the error is put in front of the sentence, in the spelling of the request.
Response failure_response(std::string_view path, const Error& error);
// For refusals that have a status of their own (401, 403, 405, 421, 431, …).
Response refusal(std::string_view path, int status, std::string_view code,
                 const std::string& sentence, const std::string& field = "");

}  // namespace atelier::http
