#include "app/free_port.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace atelier::app {
namespace {

constexpr int kTries = 20;

bool is_taken(const std::string& host, int port) {
  using boost::asio::ip::tcp;
  boost::system::error_code error;
  const auto address =
      boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) return false;
  const tcp::endpoint endpoint(address, static_cast<boost::asio::ip::port_type>(port));
  boost::asio::io_context context;
  tcp::acceptor probe(context);
  probe.open(endpoint.protocol(), error);
  if (error) return false;
  // As the server does: a port of connections that have just ended is free.
  probe.set_option(tcp::acceptor::reuse_address(true), error);
  probe.bind(endpoint, error);
  return error == boost::asio::error::address_in_use;
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
