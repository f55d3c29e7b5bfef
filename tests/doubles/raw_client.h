// A client of bare sockets for tests of requests that HTTP libraries never send. Test thread only;
// waits at most ten seconds for anything.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace atelier::http {

struct RawReply {
  int status = 0;                              // 0: the connection ended first
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string{} : found->second;
  }
};

class RawClient {
 public:
  explicit RawClient(int port) : port_(port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int one = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  std::chrono::milliseconds patience{30'000};

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  // Shuts down the sending half; replies are still read.
  void half_close() { ::shutdown(socket_, SHUT_WR); }

  // Closes so that the other side sees a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // `fields`: further header lines, each with its line end. A Host is added unless there is one.
  bool request(std::string_view method, std::string_view path, std::string_view body = {},
               const std::string& fields = {}) {
    std::string text{method};
    text += ' ';
    text += path;
    text += " HTTP/1.1\r\n";
    if (fields.find("Host:") == std::string::npos) {
      text += "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
    }
    if (!body.empty() || method == "POST") {
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    text += fields + "\r\n";
    text += body;
    return send(text);
  }

  RawReply reply(bool head_only = false) {
    RawReply reply;
    const std::size_t end = read_until("\r\n\r\n");
    if (end == std::string::npos) return reply;
    const std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    read_head(head, reply);
    if (head_only || reply.status == 204 || reply.status == 304 || reply.status == 100)
      return reply;
    const std::string length = reply.header("content-length");
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    if (length.empty()) {
      while (read_more()) {
      }
      size = buffer_.size();
    }
    while (buffer_.size() < size && read_more()) {
    }
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return reply;
  }

  // Everything up to and with `mark`; "" when the connection ends first.
  std::string text_until(std::string_view mark) {
    const std::size_t end = read_until(mark);
    if (end == std::string::npos) return {};
    std::string text = buffer_.substr(0, end + mark.size());
    buffer_.erase(0, text.size());
    return text;
  }

  // Whether there is something to read now, the end included.
  bool readable() const {
    pollfd readable{socket_, POLLIN, 0};
    return !buffer_.empty() || ::poll(&readable, 1, 0) > 0;
  }

  bool ended() const { return ended_; }  // the end of what the server sends has been read

  bool closed_by_server() {
    while (read_more()) {
    }
    return ended_;
  }

 private:
  static void read_head(std::string_view head, RawReply& reply) {
    std::from_chars(head.data() + 9, head.data() + 12, reply.status);
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const std::string_view line = head.substr(0, head.find("\r\n"));
      const std::size_t colon = line.find(':');
      std::string name{line.substr(0, colon)};
      std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      if (colon != std::string_view::npos) reply.headers[name] = line.substr(colon + 2);
      head.remove_prefix(line.size() + 2);
    }
  }

  std::size_t read_until(std::string_view mark) {
    while (true) {
      const std::size_t found = buffer_.find(mark);
      if (found != std::string::npos) return found;
      if (!read_more()) return std::string::npos;
    }
  }

  bool read_more() {
    pollfd readable{socket_, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(patience.count())) <= 0) return false;
    char piece[16384];
    const ssize_t size = ::recv(socket_, piece, sizeof piece, 0);
    if (size <= 0) {
      ended_ = true;
      return false;
    }
    buffer_.append(piece, static_cast<std::size_t>(size));
    return true;
  }

  int port_;
  int socket_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

}  // namespace atelier::http
