#include "http/access.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <optional>

#include "http/base64.h"
#include "platform/check.h"

namespace atelier::http {
namespace {

// Settings may name an IPv6 address without its brackets.
std::optional<Authority> listed_host(const std::string& listed) {
  const auto read = read_authority(listed);
  return read ? read : read_authority("[" + listed + "]");
}

bool is_host(const std::string& listed, std::string_view host) {
  const auto read = listed_host(listed);
  return read && read->host == host;
}

std::optional<Origin> listed_origin(std::string_view listed) {
  if (listed.ends_with('/')) listed.remove_suffix(1);  // as copied from a browser's address bar
  return read_origin(listed);
}

bool is_origin(std::string_view listed, const Origin& origin) {
  const auto read = listed_origin(listed);
  return read && read->scheme == origin.scheme && read->authority.host == origin.authority.host &&
         read->port() == origin.port();
}

std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
  if (!equal_without_case(value.substr(0, scheme.size()), scheme)) return std::nullopt;
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::string password_of(std::string_view basic) {
  const auto bytes = base64_decode(basic);
  if (!bytes) return {};
  const std::string text{bytes->begin(), bytes->end()};
  const std::size_t colon = text.find(':');
  return colon == std::string::npos ? std::string{} : text.substr(colon + 1);
}

using Digest = std::array<unsigned char, crypto_generichash_BYTES>;

// Digests have one length, so the comparison does not depend on the lengths of the keys either.
Digest digest_of(std::string_view text) {
  static const bool ready = sodium_init() >= 0;
  CHECK(ready);
  Digest digest{};
  crypto_generichash(digest.data(), digest.size(),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  return digest;
}

}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view right) {
  const Digest left = digest_of(given);
  return sodium_memcmp(left.data(), digest_of(right).data(), left.size()) == 0;
}

std::vector<std::string> unreadable_entries(const AccessRules& rules) {
  std::vector<std::string> sentences;
  for (const auto& each : rules.allowed_hosts) {
    if (listed_host(each)) continue;
    sentences.push_back("server.hosts: invalid host '" + each +
                        "': expected a name or an address, for example studio.lan");
  }
  for (const auto& each : rules.allowed_origins) {
    if (listed_origin(each)) continue;
    sentences.push_back("server.origins: invalid origin '" + each +
                        "', it has no effect: expected for example http://studio.lan:3000");
  }
  return sentences;
}

bool host_is_allowed(const AccessRules& rules, const Authority& host,
                     std::string_view local_address) {
  return is_loopback(host.host) || host.host == local_address ||
         is_host(rules.bound_host, host.host) ||
         std::ranges::any_of(rules.allowed_hosts,
                             [&](const auto& each) { return is_host(each, host.host); });
}

bool origin_is_allowed(const AccessRules& rules, std::string_view origin, const Authority& host) {
  if (origin.empty()) return true;
  const auto read = read_origin(origin);
  if (!read) return false;  // "null"
  const int own_port = host.port.value_or(read->scheme == "https" ? 443 : 80);
  return is_loopback(read->authority.host) ||
         (read->authority.host == host.host && read->port() == own_port) ||
         std::ranges::any_of(rules.allowed_origins,
                             [&](const auto& each) { return is_origin(each, *read); });
}

KeyUse check_key(const AccessRules& rules, const Request& request) {
  if (rules.api_key.empty()) return KeyUse::kNotAsked;
  const std::string_view moondream = request.header("X-Moondream-Auth");
  const std::string_view authorization = request.header("Authorization");
  if (moondream.empty() && authorization.empty()) return KeyUse::kMissing;
  std::string given{moondream};
  if (const auto bearer = after_scheme(authorization, "Bearer")) given = *bearer;
  if (const auto basic = after_scheme(authorization, "Basic")) given = password_of(*basic);
  const bool right = equal_in_constant_time(given, rules.api_key) ||
                     equal_in_constant_time(moondream, rules.api_key);
  return right ? KeyUse::kRight : KeyUse::kWrong;
}

}  // namespace atelier::http
