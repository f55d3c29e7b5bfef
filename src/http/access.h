// Who may talk to the station: the rules against DNS rebinding (Host), against other web sites
// (Origin) and against strangers on the network (key). Pure, any thread; checked on every path and
// method before a body is read.
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

// A sentence for each entry of the lists that lets nobody in because it cannot be read, such as
// "*".
std::vector<std::string> unreadable_entries(const AccessRules& rules);

// `local_address` is the one this connection came in on: with HOST=0.0.0.0 it is what the client
// typed.
bool host_is_allowed(const AccessRules& rules, const Authority& host,
                     std::string_view local_address);
// An Origin with a loopback host, of the list, or of the page itself. "" is allowed (no browser).
bool origin_is_allowed(const AccessRules& rules, std::string_view origin, const Authority& host);

// kMissing: no key was sent, so nothing was guessed.
enum class KeyUse { kNotAsked, kMissing, kWrong, kRight };

// Bearer, X-Moondream-Auth, or Basic with the key as password (the way a browser asks a person).
KeyUse check_key(const AccessRules& rules, const Request& request);

// Takes as long for a wrong key as for the right one.
bool equal_in_constant_time(std::string_view given, std::string_view right);

}  // namespace atelier::http
