#include "app/free_port.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace atelier::app {
namespace {

constexpr int kTries = 20;

bool is_taken(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string address = host == "localhost" ? "127.0.0.1" : host;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return false;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  const int probe = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const int reuse = 1;  // as the server does: a port that only waits to be forgotten is free
  ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  const bool taken = ::bind(probe, found->ai_addr, found->ai_addrlen) != 0 && errno == EADDRINUSE;
  ::close(probe);
  return taken;
}

}  // namespace

int next_free_port(const std::string& host, int port) {
  if (port == 0) return 0;
  for (int candidate = port; candidate < port + kTries && candidate <= 65535; ++candidate) {
    if (!is_taken(host, candidate)) return candidate;
  }
  return port;
}

}  // namespace atelier::app
