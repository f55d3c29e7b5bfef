// Access rules: against DNS rebinding (Host), other web sites (Origin) and other users of the
// network (key). Pure, any thread; checked on every path and method before a body is read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/authority.h"
#include "http/message.h"

namespace atelier::http {

struct AccessRules {
  std::string bound_host;                    // as in the settings
  std::vector<std::string> allowed_hosts;    // names; a port is ignored
  std::vector<std::string> allowed_origins;  // "http://gallery.lan:3000"
  std::string api_key;                       // "": none
};

// A sentence for each entry of the lists that has no effect because it is invalid, such as "*".
std::vector<std::string> unreadable_entries(const AccessRules& rules);

// `local_address` is the one this connection came in on: with HOST=0.0.0.0 it is the address that
// the client used.
bool host_is_allowed(const AccessRules& rules, const Authority& host,
                     std::string_view local_address);
// An Origin with a loopback host, of the list, or of the page itself. "" is allowed (no browser).
bool origin_is_allowed(const AccessRules& rules, std::string_view origin, const Authority& host);

// kMissing: no key was sent; it does not count as a wrong key.
enum class KeyUse { kNotAsked, kMissing, kWrong, kRight };

// Bearer, X-Moondream-Auth, or Basic with the key as password (a browser's prompt).
KeyUse check_key(const AccessRules& rules, const Request& request);

// Constant time.
bool equal_in_constant_time(std::string_view given, std::string_view right);

}  // namespace atelier::http
