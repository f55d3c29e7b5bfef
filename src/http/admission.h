// The checks of a request once its header has arrived, before its body is read: the rules of
// access.h, preflights, and which route answers. Pure, any thread; throws Error for an unreadable
// address.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/access.h"
#include "http/router.h"

namespace atelier::http {

struct Admission {
  std::optional<Response> answer;  // already settled: a refusal, a preflight, an unknown path
  RouteMatch match;                // else the route that answers
  KeyUse key = KeyUse::kNotAsked;
};

// Fills path, query and parameters of the request, whose method and headers are there.
Admission admit(Request& request, std::string_view target, std::string_view local_address,
                const AccessRules& rules, const std::vector<Route>& routes);

// The CORS header fields for an accepted Origin; empty without one.
Fields cors_fields(const Request& request);

}  // namespace atelier::http
