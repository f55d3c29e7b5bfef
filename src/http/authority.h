// The host and port of an address, as Host, Origin and an absolute request target name them. The
// whole text is read: anything but a host with an optional port is refused. Pure, any thread; never
// fails.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace atelier::http {

struct Authority {
  // Lower case without the dot at the end; addresses in their shortest form without brackets, an
  // IPv4 address that is wrapped in IPv6 as IPv4.
  std::string host;
  std::optional<int> port;
};

// "LocalHost.:2020", "[::1]", "127.0.0.1:80". Refused: user information, spaces, empty labels,
// numbers that some programs take for an IPv4 address ("127.1", "0x7f.1", "010.0.0.1"), zones.
std::optional<Authority> read_authority(std::string_view text);

struct Origin {
  std::string scheme;  // "http" or "https"
  Authority authority;
  int port() const;  // the scheme's own where none is named
};

// "https://studio.lan:8443"; nothing behind the authority.
std::optional<Origin> read_origin(std::string_view text);

// "localhost", names that end in ".localhost", 127.0.0.0/8 and ::1. Takes Authority::host.
bool is_loopback(std::string_view host);

// The form of Authority::host; the text itself where it is not an address.
std::string canonical_address(std::string_view text);

// The addresses that one client usually has: of IPv6 the /64 network, "2001:db8:1:2::/64"; else the
// address itself.
std::string client_network(std::string_view address);

}  // namespace atelier::http
