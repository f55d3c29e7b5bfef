#include "http/authority.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>

#include "platform/ascii.h"

namespace atelier::http {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t kNameBytesMax = 253;  // RFC 1035
constexpr std::size_t kLabelBytesMax = 63;

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// make_address_v4() refuses leading zeros and shortened forms.
bool is_ipv4(const std::string& text) {
  boost::system::error_code error;
  ip::make_address_v4(text, error);
  return !error;
}

std::optional<std::string> short_ipv6(const std::string& text) {
  if (text.find('%') != std::string::npos) return std::nullopt;  // a zone
  boost::system::error_code error;
  const auto address = ip::make_address_v6(text, error);
  if (error) return std::nullopt;
  if (address.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address).to_string();
  return address.to_string();
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax && std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
  });
}

// Browsers and libraries read such a host as an IPv4 address, in ways of their own.
bool ends_in_number(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  if (std::ranges::all_of(last, is_digit)) return true;
  return last.starts_with("0x") && std::ranges::all_of(last.substr(2), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

std::optional<std::string> read_name(std::string_view text) {
  std::string name = platform::lower(text);
  if (is_ipv4(name)) return name;
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || name.size() > kNameBytesMax || ends_in_number(name)) return std::nullopt;
  std::string_view rest = name;
  while (true) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return std::nullopt;
    if (dot == std::string_view::npos) return name;
    rest.remove_prefix(dot + 1);
  }
}

// "" is none: "localhost:" is a valid authority.
bool read_port(std::string_view text, std::optional<int>& port) {
  if (text.empty()) return true;
  if (text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  port = value;
  return value <= 65535;
}

}  // namespace

std::optional<Authority> read_authority(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // make_address() ends there
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (host_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(bracketed ? host_end + 1 : host_end);
  const auto host = bracketed ? short_ipv6(platform::lower(text.substr(1, host_end - 1)))
                              : read_name(text.substr(0, host_end));
  if (!host) return std::nullopt;
  Authority authority{*host, std::nullopt};
  if (rest.empty()) return authority;
  if (rest.front() != ':' || !read_port(rest.substr(1), authority.port)) return std::nullopt;
  return authority;
}

int Origin::port() const { return authority.port.value_or(scheme == "https" ? 443 : 80); }

std::optional<Origin> read_origin(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) return std::nullopt;  // "null"
  const std::string scheme = platform::lower(text.substr(0, end));
  if (scheme != "http" && scheme != "https") return std::nullopt;
  const auto authority = read_authority(text.substr(end + 3));
  if (!authority) return std::nullopt;
  return Origin{scheme, *authority};
}

bool is_loopback(std::string_view host) {
  const std::string text{host};
  return text == "localhost" || text.ends_with(".localhost") || text == "::1" ||
         (text.starts_with("127.") && is_ipv4(text));
}

std::string canonical_address(std::string_view text) {
  const std::string bare{text.substr(0, text.find('%'))};  // without the zone
  return short_ipv6(bare).value_or(bare);
}

std::string client_network(std::string_view address) {
  std::string text{address};
  boost::system::error_code error;
  const auto v6 = ip::make_address_v6(text, error);
  return error ? text : ip::network_v6(v6, 64).canonical().to_string();
}

}  // namespace atelier::http
