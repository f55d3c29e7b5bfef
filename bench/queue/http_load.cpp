#include "bench/queue/http_load.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string_view>
#include <utility>

namespace atelier::bench {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Socket {
 public:
  explicit Socket(int port) : handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(handle_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      give_up("the station does not take the connection");
    }
    const int one = 1;
    ::setsockopt(handle_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  ~Socket() { ::close(handle_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int handle() const { return handle_; }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(handle_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) give_up("the station closed a connection while a request was sent");
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Appends what has come.
  void receive(std::string& to) const {
    std::array<char, 65536> piece;
    const ssize_t size = ::recv(handle_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (size == 0) give_up("the station closed a connection");
    if (size > 0) to.append(piece.data(), static_cast<std::size_t>(size));
  }

 private:
  int handle_;
};

class Poller {
 public:
  Poller() : handle_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Poller() { ::close(handle_); }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(const Socket& socket, std::size_t index) const {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    ::epoll_ctl(handle_, EPOLL_CTL_ADD, socket.handle(), &event);
  }
  void wait(const std::function<void(std::size_t)>& readable) const {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(handle_, events.data(), events.size(), 100);
    for (int i = 0; i < count; ++i) readable(events.at(static_cast<std::size_t>(i)).data.u64);
  }

 private:
  int handle_;
};

// The size of the reply at the beginning of the text; 0: it is not whole yet.
std::size_t whole_reply(std::string_view text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  auto at = text.find(kLength);
  if (at == std::string_view::npos || at > end) at = text.find("\r\ncontent-length: ");
  std::size_t length = 0;
  if (at != std::string_view::npos && at < end) {
    const auto* digits = text.data() + at + kLength.size();
    std::from_chars(digits, text.data() + end, length);
  }
  return text.size() >= end + 4 + length ? end + 4 + length : 0;
}

struct Client {
  explicit Client(int port) : socket(port) {}
  Socket socket;
  std::string received;
  Clock::time_point sent;
  bool open = false;  // a reply is to come
};

}  // namespace

std::string request_text(int port, const std::string& method, const std::string& path,
                         const std::string& body) {
  std::string text = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                     "\r\nAccept: */*\r\n";
  if (method == "POST") {
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + body;
}

LoadResult run_load(const Load& load) {
  Poller poller;
  std::deque<Client> clients;
  for (int i = 0; i < load.connections; ++i) {
    poller.add(clients.emplace_back(load.port).socket, static_cast<std::size_t>(i));
  }
  LoadResult result;
  const auto start = Clock::now();
  std::int64_t asked = 0;
  int open = 0;
  const auto ask = [&](std::size_t index) {
    if (seconds_since(start) >= load.seconds || asked >= load.requests_max) return;
    auto& client = clients[index];
    ++asked;
    ++open;
    client.open = true;
    client.sent = Clock::now();
    client.socket.send(load.next(static_cast<int>(index)));
  };
  for (std::size_t i = 0; i < clients.size(); ++i) ask(i);
  const std::string status = "HTTP/1.1 " + std::to_string(load.status);
  while (open > 0) {
    poller.wait([&](std::size_t index) {
      auto& client = clients[index];
      client.socket.receive(client.received);
      const auto size = whole_reply(client.received);
      if (size == 0 || !client.open) return;
      if (!client.received.starts_with(status)) give_up("a refusal: " + client.received);
      client.received.erase(0, size);
      result.ms.push_back(1000 * seconds_since(client.sent));
      ++result.replies;
      client.open = false;
      --open;
      ask(index);
    });
  }
  result.seconds = seconds_since(start);
  return result;
}

Followers follow(int port, const std::string& path, int connections, double seconds,
                 const std::function<void()>& begin) {
  constexpr std::string_view kEvent = "event: progress\n";
  Poller poller;
  std::deque<Client> clients;
  std::size_t heard = 0;
  Followers result;
  const auto read = [&](std::size_t index) {
    auto& client = clients[index];
    client.socket.receive(client.received);
    std::size_t seen = 0;
    for (auto at = client.received.find(kEvent); at != std::string::npos;
         at = client.received.find(kEvent, seen)) {
      seen = at + kEvent.size();
      ++result.events;
      if (!std::exchange(client.open, true)) ++heard;
    }
    const auto kept = std::min(client.received.size() - seen, kEvent.size());
    client.received.erase(0, client.received.size() - kept);  // the begin of the next, perhaps
  };
  for (int i = 0; i < connections; ++i) {
    auto& client = clients.emplace_back(port);
    poller.add(client.socket, static_cast<std::size_t>(i));
    client.socket.send(request_text(port, "GET", path));
  }
  while (heard < clients.size()) poller.wait(read);
  result.events = 0;
  begin();
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) poller.wait(read);
  result.seconds = seconds_since(start);
  return result;
}

}  // namespace atelier::bench
