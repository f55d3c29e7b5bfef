#include "http/access.h"

#include <algorithm>
#include <optional>

#include "platform/base64.h"

namespace atelier::http {
namespace {

std::string lower(std::string_view text) {
  std::string copy{text};
  for (char& letter : copy) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return copy;
}

bool is_octet(std::string_view part) {
  if (part.empty() || part.size() > 3) return false;
  int value = 0;
  for (char digit : part) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + (digit - '0');
  }
  return value <= 255;
}

// "127.1.evil.example" is a name, so every part must be a number.
bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_octet(text.substr(0, dot))) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    text.remove_prefix(dot + 1);
  }
}

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::ranges::any_of(list,
                             [&](const auto& each) { return equal_without_case(each, value); });
}

// Takes as long for a wrong key as for the right one.
bool equal_in_constant_time(std::string_view left, std::string_view right) {
  unsigned difference = left.size() == right.size() ? 0U : 1U;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const char other = right.empty() ? '\0' : right[i % right.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(left[i]) ^
                                        static_cast<unsigned char>(other));
  }
  return difference == 0;
}

std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
  if (!equal_without_case(value.substr(0, scheme.size()), scheme)) return std::nullopt;
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::string password_of(std::string_view basic) {
  const auto bytes = platform::base64_decode(basic);
  if (!bytes) return {};
  const std::string text{bytes->begin(), bytes->end()};
  const std::size_t colon = text.find(':');
  return colon == std::string::npos ? std::string{} : text.substr(colon + 1);
}

}  // namespace

bool is_loopback_address(std::string_view address) {
  return (is_ipv4(address) && address.starts_with("127.")) || address == "::1" ||
         (address.starts_with("::ffff:127.") && is_ipv4(address.substr(7)));
}

std::string host_of(std::string_view authority) {
  std::string host = lower(authority);
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string::npos ? std::string{} : host.substr(1, end - 1);
  }
  if (const std::size_t colon = host.find(':'); colon != std::string::npos) host.resize(colon);
  if (host.ends_with('.')) host.pop_back();
  return host;
}

bool is_loopback_host(std::string_view host) {
  const std::string name = host.starts_with('[') ? host_of(host) : lower(host);
  return name == "localhost" || name.ends_with(".localhost") || is_loopback_address(name);
}

bool host_is_allowed(const AccessRules& rules, std::string_view host_header,
                     std::string_view local_address) {
  const std::string host = host_of(host_header);
  if (host.empty()) return false;
  return is_loopback_host(host) || equal_without_case(host, rules.bound_host) ||
         host == local_address || contains(rules.allowed_hosts, host);
}

bool origin_is_allowed(const AccessRules& rules, std::string_view origin,
                       std::string_view host_header) {
  if (origin.empty()) return true;
  if (contains(rules.allowed_origins, origin)) return true;
  const std::size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;  // "null"
  const std::string scheme = lower(origin.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https") return false;
  const std::string_view authority = origin.substr(scheme_end + 3);
  if (authority.find_first_of("/?#@\\ ") != std::string_view::npos) return false;
  return is_loopback_host(host_of(authority)) || equal_without_case(authority, host_header);
}

bool key_is_right(const AccessRules& rules, const Request& request) {
  if (rules.api_key.empty()) return true;
  const auto matches = [&](std::string_view given) {
    return equal_in_constant_time(given, rules.api_key);
  };
  if (matches(request.header("X-Moondream-Auth"))) return true;
  const std::string_view authorization = request.header("Authorization");
  if (const auto bearer = after_scheme(authorization, "Bearer")) return matches(*bearer);
  if (const auto basic = after_scheme(authorization, "Basic")) return matches(password_of(*basic));
  return false;
}

}  // namespace atelier::http
