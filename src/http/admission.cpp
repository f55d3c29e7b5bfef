#include "http/admission.h"

#include "http/failure.h"
#include "http/target.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

constexpr std::string_view kHeadersAllowed =
    "Content-Type, X-VRAM-Mode, Authorization, X-Moondream-Auth, X-Auto-Unload, Last-Event-ID, "
    "Idempotency-Key";
constexpr std::string_view kHeadersExposed =
    "X-VRAM-Used, X-VRAM-Total, X-Inference-Time, X-Model-Load-Time, Location, Retry-After";

Response preflight(const Request& request) {
  Response response;
  response.status = 204;
  response.content_type.clear();
  response.set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
  response.set("Access-Control-Allow-Headers", std::string{kHeadersAllowed});
  response.set("Access-Control-Max-Age", "600");
  // Chromium sends a preflight before a public page of an allowed origin may reach a loopback
  // address.
  if (!request.header("Access-Control-Request-Private-Network").empty()) {
    response.set("Access-Control-Allow-Private-Network", "true");
  }
  response.set("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
  return response;
}

Response key_refused(const std::string& path, KeyUse key) {
  const std::string problem =
      key == KeyUse::kMissing ? "this station requires a key" : "the key is wrong";
  Response response =
      refusal(path, 401, "unauthorized",
              problem + ": send it as 'Authorization: Bearer KEY' or 'X-Moondream-Auth: KEY'");
  response.set("WWW-Authenticate", "Basic realm=\"Atelier (any name, the key as password)\"");
  return response;
}

bool same(const Authority& left, const Authority& right) {
  return left.host == right.host && left.port.value_or(80) == right.port.value_or(80);
}

// `authority` is that of an absolute target ("GET http://localhost/ HTTP/1.1"), else "".
std::optional<Response> check_access(Request& request, const std::string& authority,
                                     std::string_view local_address, const AccessRules& rules) {
  const auto host = read_authority(request.header("Host"));
  if (!host) {
    return refusal(request.path, 400, "invalid_argument",
                   "invalid Host header: expected a host with an optional port");
  }
  if (!authority.empty()) {
    const auto of_target = read_authority(authority);
    if (!of_target || !same(*of_target, *host)) {
      return refusal(request.path, 400, "invalid_argument",
                     "the address of the request and its Host header name different hosts");
    }
  }
  if (!host_is_allowed(rules, *host, local_address)) {
    return refusal(request.path, 421, "misdirected",
                   "this station does not accept the host name '" + host->host +
                       "': use 127.0.0.1 or list the name in ATELIER_HOSTS");
  }
  const std::string_view origin = request.header("Origin");
  if (!origin_is_allowed(rules, origin, *host)) {
    return refusal(request.path, 403, "forbidden",
                   "pages of " + platform::cut(origin, 200) +
                       " may not use this station: list the origin in CORS_ORIGINS");
  }
  request.accepted_origin = origin;
  return std::nullopt;
}

// Needs no key: supervisors poll it, and the reply is constant.
bool is_open(const std::string& path) { return path == "/health"; }

}  // namespace

Admission admit(Request& request, std::string_view target, std::string_view local_address,
                const AccessRules& rules, const std::vector<Route>& routes) {
  Target read = read_target(target);
  request.path = std::move(read.path);
  request.query = std::move(read.query);
  if (auto refused = check_access(request, read.authority, local_address, rules)) {
    return {std::move(refused), {}};
  }
  if (request.method == "OPTIONS") return {preflight(request), {}};
  const KeyUse key = is_open(request.path) ? KeyUse::kNotAsked : check_key(rules, request);
  if (key == KeyUse::kMissing || key == KeyUse::kWrong) {
    return {key_refused(request.path, key), {}, key};
  }
  RouteMatch match = find_route(routes, request.method, request.path);
  if (match.route != nullptr) {
    request.parameters = match.parameters;
    return {std::nullopt, std::move(match), key};
  }
  if (match.allowed.empty()) {
    return {refusal(request.path, 404, "not_found",
                    "unknown path " + request.path + ": /docs lists all paths"),
            {},
            key};
  }
  Response response = refusal(
      request.path, 405, "method_not_allowed",
      request.path + " supports " + match.allowed + ", not " + platform::cut(request.method, 20));
  response.set("Allow", match.allowed);
  return {std::move(response), {}, key};
}

Fields cors_fields(const Request& request) {
  if (request.accepted_origin.empty()) return {};
  return {{"Access-Control-Allow-Origin", request.accepted_origin},
          {"Access-Control-Expose-Headers", std::string{kHeadersExposed}}};
}

}  // namespace atelier::http
