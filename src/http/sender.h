// Who sends a request, and the key with which it may be sent again. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "domain/jobs/job_store.h"
#include "http/message.h"

namespace atelier::http {

// Header of a request that submits a job.
inline constexpr std::string_view kRequestKeyHeader = "Idempotency-Key";

struct Sender {
  std::string client;
  domain::RequestKey request;  // its digest covers path, query and body
};

// Throws kInvalidArgument for a key that is empty, too long (limits::kRequestKeyBytesMax) or has
// other characters than visible ASCII.
Sender sender_of(const Request& request, std::string_view api_key);

// "key 5d3c2a91": the beginning of a digest of the station's key, where it has one (access.h has
// checked it). Else "127.0.0.1 curl/7.88.1": the address (of IPv6 the /64 network) and User-Agent.
std::string client_of(const Request& request, std::string_view api_key);

}  // namespace atelier::http
