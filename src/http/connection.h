// One client's connection: reads requests one after the other, has them answered, detects when the
// client leaves. Everything runs on the I/O thread as one coroutine; it hands blocking work to the
// pool. Ends by itself; failures are answered or end the connection, never the server.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "http/admission.h"
#include "http/core.h"
#include "http/event_mailbox.h"
#include "http/framing.h"
#include "http/minimum_rate.h"

namespace atelier::http {

// The reserve keeps the station's health and page reachable when all other places are taken.
enum class Place { kGeneral, kReserve };

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  Connection(boost::asio::ip::tcp::socket socket, Place place, Core& core);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::asio::awaitable<void> run();
  void stop();   // idle: closes; otherwise ends after the reply that is under way
  void abort();  // cancels what it waits for

  // Replacement by newer connections.
  Place place() const { return place_; }
  bool is_leaving() const { return is_leaving_; }
  Clock::time_point quiet_since() const { return quiet_since_; }
  bool may_be_replaced() const;
  void close_to_make_room();

 private:
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
  enum class After { kKeepOpen, kClose };
  static constexpr std::size_t kPieceBytes = 64 << 10;  // of a body at a time

  // Requests.
  Awaitable<After> serve_one();
  Awaitable<std::optional<Response>> slow_down_guessing(const Request& request, KeyUse key);
  Request read_fields() const;
  Awaitable<After> refuse(const Request& request, const Response& response,
                          After intended = After::kKeepOpen);
  std::size_t body_limit(const Route& route) const;
  std::optional<Response> check_body_size(const std::string& path, std::size_t limit) const;

  // Reading, in connection_input.cpp. Absent: read completely. Status 0: the client has left. Else
  // the refusal.
  enum class Received { kBytes, kEnd, kTooSlow, kGone };
  Awaitable<bool> wait_for_bytes();
  Awaitable<std::optional<Response>> read_header();
  Awaitable<std::optional<Response>> read_body(Request& request, std::size_t limit);
  Awaitable<std::optional<Response>> read_some_body(MinimumRate& rate, const std::string& path);
  Awaitable<Received> receive(std::size_t most, Clock::time_point until);
  Awaitable<void> drain();
  Parser& parser();  // of the request that is being read or answered
  const Parser& parser() const;
  bool body_is_expected() const;

  // Replies.
  Awaitable<After> answer(Request& request, const Route& route);
  Awaitable<Outcome> run_handler(Request& request, const Route& route);
  Awaitable<Outcome> run_on_pool(Next next, const Request& request, boost::asio::thread_pool& pool);
  Awaitable<After> reply(const Request& request, const Response& response, bool keep_open);
  Awaitable<std::optional<Response>> await_job(const Request& request, const AwaitJob& awaited);
  Awaitable<void> send_events(const Request& request, const EventStream& stream);
  Awaitable<bool> write(std::string head, const std::string& body);
  Awaitable<bool> write(std::vector<boost::asio::const_buffer> pieces);
  std::size_t write_now(std::span<const boost::asio::const_buffer> pieces);
  Awaitable<bool> write_source(std::string head, const platform::ByteSource& source,
                               const std::string& path);

  // Waiting for a job.
  struct Watch;
  enum class Hears { kAll, kTheEnd };
  Awaitable<std::optional<Error>> watch_job(const std::string& job, std::int64_t after, Hears hears,
                                            Watch& watch);
  Awaitable<void> unwatch(Watch& watch);
  Awaitable<Outcome> on_pool(Next work, std::string path);
  Awaitable<Outcome> on(boost::asio::thread_pool& pool, Next work, std::string path);
  std::function<void()> waker();  // resumes it from any thread, as long as the server exists
  Awaitable<void> wait(std::chrono::milliseconds longest);
  void wake() { wake_.cancel(); }
  void watch_client();
  void unwatch_client();
  bool take_ahead();  // false: the client's stream has ended
  void on_readable(boost::system::error_code error, unsigned generation);

  bool may_stay_open() const;

  Core& core_;
  const Place place_;
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point quiet_since_ = opened_;  // little was sent or received since
  std::size_t received_ = 0;                 // since then
  bool is_leaving_ = false;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  ChunkExtensions chunk_extensions_;
  std::function<void(std::uint64_t, boost::beast::string_view, boost::system::error_code&)>
      check_chunk_;
  boost::asio::steady_timer read_limit_;
  enum class Phase { kBetweenRequests, kRequest, kAfterRefusal };
  Phase phase_ = Phase::kBetweenRequests;
  bool receiving_ = false;
  bool writing_ = false;
  unsigned reading_ = 0;  // number of the read under way
  bool too_slow_ = false;
  boost::asio::steady_timer wake_;
  boost::asio::cancellation_signal stop_watching_;
  unsigned watch_generation_ = 0;
  bool watching_ = false;
  bool client_left_ = false;
  bool lost_bytes_ahead_ = false;  // so the connection ends with this reply
  std::string local_address_, remote_address_;
};

}  // namespace atelier::http
