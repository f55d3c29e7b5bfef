// Who may talk to the station: the rules against DNS rebinding (Host), against other web sites
// (Origin) and against strangers on the network (key). Pure, any thread; checked on every path and
// method before a body is read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace atelier::http {

struct AccessRules {
  std::string bound_host;                    // as in the settings
  std::vector<std::string> allowed_hosts;    // names without port
  std::vector<std::string> allowed_origins;  // "http://gallery.lan:3000"
  std::string api_key;                       // "": none
};

bool is_loopback_host(std::string_view host);  // a name or an address, brackets allowed
std::string host_of(
    std::string_view authority);  // "LOCALHOST:2020" → "localhost", "[::1]:1" → "::1"
bool is_loopback_address(std::string_view address);  // 127.0.0.0/8, ::1

// `local_address` is the one this connection came in on: with HOST=0.0.0.0 it is what the client
// typed.
bool host_is_allowed(const AccessRules& rules, std::string_view host_header,
                     std::string_view local_address);
// An Origin with a loopback host, of the list, or of the page itself. "" is allowed (no browser).
bool origin_is_allowed(const AccessRules& rules, std::string_view origin,
                       std::string_view host_header);
// Bearer, X-Moondream-Auth, or Basic with the key as password (the way a browser asks a person).
bool key_is_right(const AccessRules& rules, const Request& request);

}  // namespace atelier::http
