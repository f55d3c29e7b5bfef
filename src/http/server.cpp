#include "http/server.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "http/connection.h"
#include "http/core.h"
#include "http/endpoints/all_endpoints.h"
#include "platform/error.h"

namespace atelier::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kStopGrace{1};

AccessRules rules_of(const ServerSettings& settings) {
  return {settings.host, settings.allowed_hosts, settings.allowed_origins, settings.api_key};
}

asio::ip::address address_of(const ServerSettings& settings) {
  error_code error;
  const auto address =
      asio::ip::make_address(settings.host == "localhost" ? "127.0.0.1" : settings.host, error);
  if (error) {
    throw Error(ErrorCode::kInvalidArgument, "invalid address to listen on '" + settings.host +
                                                 "': use 127.0.0.1, "
                                                 "0.0.0.0 or one of this machine");
  }
  if (!address.is_loopback() && settings.api_key.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the station does not listen on " + settings.host +
                    " without a key, because anyone on that network could use it: set "
                    "ATELIER_API_KEY, or listen on 127.0.0.1");
  }
  return address;
}

// A higher priority than the worker's, so that a busy machine still answers. Needs a privilege;
// without it the worker's lower priority has most of the effect.
void raise_priority_of_this_thread() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), -5);
}

}  // namespace

void ServerLimits::scale_timeouts(double factor) {
  const auto scale = [factor](std::chrono::milliseconds& time) {
    time = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(time.count()) * factor));
  };
  scale(header_timeout);
  scale(header_window);
  scale(reserved_header_timeout);
  scale(stalled_after);
  scale(reader_stalled_after);
  scale(body_window);
  scale(keep_alive_timeout);
  scale(write_idle_timeout);
  scale(event_ping);
  scale(job_wait);
}

Core::Core(scheduler::Scheduler& scheduler_in, ServerSettings settings_in)
    : settings(std::move(settings_in)),
      rules(rules_of(settings)),
      routes(all_endpoints()),
      service{scheduler_in, settings, routes},
      long_requests(settings.limits.long_requests_total),
      pool(static_cast<std::size_t>(settings.pool_threads)),
      uploads(static_cast<std::size_t>(settings.upload_threads)) {}

class Server::Impl {
 public:
  Impl(scheduler::Scheduler& scheduler, ServerSettings settings)
      : core_(scheduler, std::move(settings)), acceptor_(core_.io), grace_(core_.io) {
    for (const auto& sentence : unreadable_entries(core_.rules)) core_.log(sentence);
    bind();
  }

  // NOLINTNEXTLINE(bugprone-exception-escape): a stop that fails ends the program
  ~Impl() {
    stop();
    core_.pool.join();
    core_.uploads.join();
  }

  int port() const { return port_; }

  std::string url() const {
    const auto address = acceptor_address_;
    const std::string host = address.is_unspecified() ? "127.0.0.1"
                             : address.is_v6()        ? "[" + address.to_string() + "]"
                                                      : address.to_string();
    return "http://" + host + ":" + std::to_string(port_);
  }

  // Returns when the last coroutine has ended: no other thread (pool, scheduler) refers to what is
  // destroyed afterwards.
  void run() {
    raise_priority_of_this_thread();
    asio::co_spawn(core_.io, accept(), asio::detached);
    core_.io.run();
    core_.pool.join();
    core_.uploads.join();
  }

  void stop() {
    asio::post(core_.io, [this] { stop_on_io_thread(); });
  }

 private:
  void bind() {
    const asio::ip::tcp::endpoint endpoint{address_of(core_.settings),
                                           static_cast<std::uint16_t>(core_.settings.port)};
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      throw Error(
          error == asio::error::address_in_use ? ErrorCode::kConflict : ErrorCode::kInvalidArgument,
          "cannot listen on " + core_.settings.host + " port " +
              std::to_string(core_.settings.port) + ": " + error.message() +
              ": choose another port or stop the program that has it");
    }
    acceptor_address_ = endpoint.address();
    port_ = acceptor_.local_endpoint().port();
  }

  asio::awaitable<void> accept() {
    while (!core_.stopping) {
      error_code error;
      asio::ip::tcp::socket socket{core_.io};
      co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) break;
      if (error) {  // mostly: no file descriptors left
        asio::steady_timer pause{core_.io, std::chrono::milliseconds{100}};
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (const auto place = make_place()) {
        start(std::move(socket), *place);
      } else {
        co_await turn_away(std::move(socket));
      }
    }
  }

  std::optional<Place> make_place() {
    const ServerLimits& limits = core_.settings.limits;
    const int general = limits.connections - limits.reserved_connections;
    if (count(Place::kGeneral) < general || end_quietest(Place::kGeneral)) return Place::kGeneral;
    if (count(Place::kReserve) < limits.reserved_connections || end_quietest(Place::kReserve)) {
      return Place::kReserve;
    }
    return std::nullopt;
  }

  std::ptrdiff_t count(Place place) const {
    return std::ranges::count_if(core_.connections, [&](const Connection* each) {
      return each->place() == place && !each->is_leaving();
    });
  }

  bool end_quietest(Place place) {
    Connection* quietest = nullptr;
    for (Connection* each : core_.connections) {
      if (each->place() != place || !each->may_be_replaced()) continue;
      if (quietest == nullptr || each->quiet_since() < quietest->quiet_since()) quietest = each;
    }
    if (quietest != nullptr) quietest->close_to_make_room();
    return quietest != nullptr;
  }

  void start(asio::ip::tcp::socket socket, Place place) {
    auto connection = std::make_shared<Connection>(std::move(socket), place, core_);
    asio::co_spawn(core_.io, connection->run(),
                   [this, connection](const std::exception_ptr& failure) {
                     if (failure) core_.log("a connection ended with an unexpected failure");
                   });
  }

  static asio::awaitable<void> turn_away(asio::ip::tcp::socket socket) {
    static constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
        "Content-Type: text/plain\r\nContent-Length: 25\r\n\r\ntoo many open connections";
    error_code ignored;
    co_await asio::async_write(socket, asio::buffer(kFull),
                               asio::redirect_error(asio::use_awaitable, ignored));
    socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }

  void stop_on_io_thread() {
    if (std::exchange(core_.stopping, true)) return;
    error_code ignored;
    acceptor_.close(ignored);
    for (Connection* connection : core_.connections) connection->stop();
    grace_.expires_after(kStopGrace);
    grace_.async_wait([this](error_code error) {
      if (error) return;  // all have ended in time
      for (Connection* connection : core_.connections) connection->abort();
    });
    end_grace_when_empty();
  }

  void end_grace_when_empty() {
    if (core_.connections.empty()) {
      grace_.cancel();
      return;
    }
    auto pause = std::make_shared<asio::steady_timer>(core_.io, std::chrono::milliseconds{10});
    pause->async_wait([this, pause](error_code) { end_grace_when_empty(); });
  }

  Core core_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer grace_;
  asio::ip::address acceptor_address_;
  int port_ = 0;
};

Server::Server(scheduler::Scheduler& scheduler, ServerSettings settings)
    : impl_(std::make_unique<Impl>(scheduler, std::move(settings))) {}
Server::~Server() = default;
int Server::port() const { return impl_->port(); }
std::string Server::url() const { return impl_->url(); }
void Server::run() { impl_->run(); }
void Server::stop() { impl_->stop(); }

}  // namespace atelier::http
