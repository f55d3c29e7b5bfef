#include "http/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <utility>

#include "http/arrival.h"
#include "http/failure.h"
#include "http/guard.h"
#include "http/reply_head.h"
#include "platform/check.h"

namespace atelier::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kFilePieceBytes = 128 << 10;  // of a file that is sent, per connection
// Replies below this size are not counted: 512 connections at once fit into memory.
constexpr std::size_t kShortBodyBytes = 64 << 10;
constexpr std::size_t kShortReplyBytes = 64 << 10;
// The document that a body is read into, its strings, the bytes of its pictures.
constexpr std::size_t kBytesPerBodyByte = 4;
// A job that is on its way to the disk when the station stops is answered as accepted.
constexpr std::chrono::milliseconds kArrivalGrace{200};

// The share of one reply in the memory of all, while it exists.
class MemoryShare {
 public:
  MemoryShare(MemoryUse& use, std::size_t bytes) : use_(use), bytes_(bytes) { use_ += bytes_; }
  ~MemoryShare() { use_ -= bytes_; }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;
  std::size_t total() const { return use_.load(); }

 private:
  MemoryUse& use_;
  std::size_t bytes_;
};

auto awaitable_with(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

// While the station stops, failures of the scheduler become 503; errors of the request keep their
// status.
bool failed_by_stop(const Outcome& outcome) {
  const auto* response = std::get_if<Response>(&outcome);
  return response != nullptr && (response->status == 422 || response->status >= 500);
}

Response stopping(const std::string& path) {
  return refusal(path, 503, "stopping", "the station is stopping: try again");
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Place place, Core& core)
    : core_(core),
      place_(place),
      stream_(std::move(socket)),
      buffer_(core.settings.limits.header_bytes + kPieceBytes),
      read_limit_(core.io),
      wake_(core.io) {
  core_.connections.insert(this);
  error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  local_address_ =
      canonical_address(stream_.socket().local_endpoint(ignored).address().to_string());
  remote_address_ =
      canonical_address(stream_.socket().remote_endpoint(ignored).address().to_string());
}

Connection::~Connection() { core_.connections.erase(this); }

void Connection::stop() {
  error_code ignored;
  if (receiving_ && phase_ == Phase::kBetweenRequests) stream_.socket().close(ignored);
  wake();
}

void Connection::abort() {
  stream_.close();
  wake();
}

// Never while a request is handled. A connection is not idle when bytes were sent or received a
// moment ago, or are waiting to be read.
bool Connection::may_be_replaced() const {
  if (is_leaving_) return false;
  const auto quiet = Clock::now() - quiet_since_;
  if (writing_) return quiet >= core_.settings.limits.reader_stalled_after;
  if (!receiving_) return false;
  error_code ignored;
  if (phase_ == Phase::kBetweenRequests) return stream_.socket().available(ignored) == 0;
  if (place_ == Place::kReserve || phase_ == Phase::kAfterRefusal) return true;
  return quiet >= core_.settings.limits.stalled_after;
}

void Connection::close_to_make_room() {
  is_leaving_ = true;
  error_code ignored;
  stream_.socket().close(ignored);
}

Connection::Awaitable<void> Connection::run() {
  while (!core_.stopping) {
    phase_ = Phase::kBetweenRequests;
    if (!co_await wait_for_bytes()) break;
    phase_ = Phase::kRequest;
    quiet_since_ = Clock::now();
    received_ = 0;
    const After after = co_await serve_one();
    if (after == After::kClose) break;
  }
  error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.socket().close(ignored);
}

Connection::Awaitable<Connection::After> Connection::serve_one() {
  if (auto failure = co_await read_header()) {
    if (failure->status == 0) co_return After::kClose;  // the client left
    const Request unread;  // named: g++ 12 destroys temporaries in a co_await twice
    co_return co_await refuse(unread, *failure);
  }
  Request request = read_fields();
  if (const auto fault = check_framing(request, static_cast<int>(parser().get().version()))) {
    const Response response = refusal("/", fault->status, "invalid_argument", fault->sentence);
    co_return co_await refuse(request, response, After::kClose);
  }
  Admission admission;
  const std::string target{parser().get().target()};
  Outcome outcome = guarded("/", core_.settings.log, [&]() -> Outcome {
    admission = admit(request, target, local_address_, core_.rules, core_.routes);
    return admission.answer ? std::move(*admission.answer) : Response{};
  });
  if (auto refused = co_await slow_down_guessing(request, admission.key)) {
    co_return co_await refuse(request, *refused);
  }
  const Route* route = admission.match.route;
  if (place_ == Place::kReserve && route != nullptr && (!route->in_reserve || body_is_expected())) {
    const Response full = refusal(request.path, 503, "too_many_connections",
                                  "the station has too many open connections: close some, or try "
                                  "again in some seconds");
    co_return co_await refuse(request, full);
  }
  if (route == nullptr) co_return co_await refuse(request, std::get<Response>(outcome));
  const std::size_t limit = body_limit(*route);
  if (auto too_large = check_body_size(request.path, limit))
    co_return co_await refuse(request, *too_large);
  if (body_is_expected()) {
    auto failure = co_await read_body(request, limit);
    if (failure && failure->status == 0) co_return After::kClose;  // the client left
    if (failure) co_return co_await refuse(request, *failure);
  }
  co_return co_await answer(request, *route);
}

// While too many wrong keys of an address wait, further keys are refused without a comparison.
Connection::Awaitable<std::optional<Response>> Connection::slow_down_guessing(
    const Request& request, KeyUse key) {
  constexpr int kSlowedMax = 64;  // of all clients: each delayed reply occupies a connection
  if (key != KeyUse::kWrong && key != KeyUse::kRight) co_return std::nullopt;
  if (!core_.wrong_keys.may_try(remote_address_, Clock::now())) {
    co_return refusal(request.path, 429, "too_many_wrong_keys",
                      "too many wrong keys came from this address: try again in some seconds");
  }
  if (key == KeyUse::kRight) co_return std::nullopt;
  const auto verdict = core_.wrong_keys.count(remote_address_, Clock::now());
  if (!verdict.line.empty()) core_.log(verdict.line);
  if (core_.slowed_answers >= kSlowedMax) co_return std::nullopt;
  ++core_.slowed_answers;
  co_await wait(verdict.delay);
  --core_.slowed_answers;
  co_return std::nullopt;
}

Request Connection::read_fields() const {
  Request request;
  const auto& message = parser().get();
  request.method = std::string{message.method_string()};
  request.from_loopback = is_loopback(remote_address_);
  request.remote_address = remote_address_;
  for (const auto& field : message) {
    request.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
  }
  return request;
}

Connection::Parser& Connection::parser() {
  CHECK(parser_);
  return *parser_;
}

const Connection::Parser& Connection::parser() const {
  CHECK(parser_);
  return *parser_;
}

bool Connection::may_stay_open() const {
  return parser().get().keep_alive() && !core_.stopping && !lost_bytes_ahead_ &&
         place_ == Place::kGeneral;
}

bool Connection::body_is_expected() const { return !parser().is_done(); }

std::size_t Connection::body_limit(const Route& route) const {
  const ServerLimits& limits = core_.settings.limits;
  return route.takes == Takes::kPictures ? limits.picture_body_bytes : limits.json_body_bytes;
}

std::optional<Response> Connection::check_body_size(const std::string& path,
                                                    std::size_t limit) const {
  const auto length = parser().content_length();
  if (!length || *length <= limit) return std::nullopt;
  return failure_response(
      path, Error(ErrorCode::kTooLarge, "the request's body has " + std::to_string(*length >> 20) +
                                            " MB, allowed are " + std::to_string(limit >> 20) +
                                            " MB: send less, or a smaller picture"));
}

// Answers before the body was read, or when the end of the request is ambiguous. What the client
// still sends is read and discarded for a while: closing at once would make its system discard the
// reply.
Connection::Awaitable<Connection::After> Connection::refuse(const Request& request,
                                                            const Response& response,
                                                            After intended) {
  const bool complete = parser().is_done() && intended == After::kKeepOpen;
  const bool keep = complete && may_stay_open();
  const After after = co_await reply(request, response, keep);
  if (!complete) co_await drain();
  co_return complete ? after : After::kClose;
}

Connection::Awaitable<Connection::After> Connection::answer(Request& request, const Route& route) {
  const bool head_only = request.method == "HEAD";
  Outcome outcome = co_await run_handler(request, route);
  request.body = {};  // the reply may take hours
  if (auto* events = std::get_if<EventStream>(&outcome); events != nullptr && !head_only) {
    co_await send_events(request, *events);
    co_return After::kClose;
  }
  if (auto* awaited = std::get_if<AwaitJob>(&outcome); awaited != nullptr) {
    auto response = co_await await_job(request, *awaited);
    if (!response) co_return After::kClose;
    outcome = std::move(*response);
  }
  const auto* response = std::get_if<Response>(&outcome);
  const Response nothing;
  const After after =
      co_await reply(request, response != nullptr ? *response : nothing, may_stay_open());
  if (lost_bytes_ahead_) co_await drain();
  co_return after;
}

// A long body waits until the gate has memory for it.
Connection::Awaitable<Outcome> Connection::run_handler(Request& request, const Route& route) {
  Next handler = [&]() -> Outcome { return route.function(request, core_.service); };
  if (route.runs_on == RunsOn::kIoThread) {
    co_return guarded(request.path, core_.settings.log, handler);
  }
  const std::size_t bytes = request.body.text().size();
  if (bytes <= kShortBodyBytes) {
    co_return co_await run_on_pool(std::move(handler), request, core_.pool);
  }
  MemoryGate::Place place{core_.long_requests, kBytesPerBodyByte * bytes, [this] { wake(); }};
  const std::chrono::milliseconds no_limit{0};
  while (!place.inside() && !core_.stopping) co_await wait(no_limit);
  if (!place.inside()) co_return stopping(request.path);
  co_return co_await run_on_pool(std::move(handler), request, core_.uploads);
}

// Runs a handler and its continuations, until the result is not a Later.
Connection::Awaitable<Outcome> Connection::run_on_pool(Next next, const Request& request,
                                                       asio::thread_pool& pool) {
  std::shared_ptr<Arrival> arrival;
  const auto wake_me = waker();
  while (true) {
    Next work = [&]() -> Outcome {
      while (true) {
        Outcome outcome = next();
        const auto* later = std::get_if<Later>(&outcome);
        if (later == nullptr) return outcome;
        arrival = std::make_shared<Arrival>(wake_me);
        later->start([arrival](Next come) { arrival->hand_over(std::move(come)); });
        next = arrival->take();
        if (!next) return outcome;
      }
    };
    Outcome outcome = co_await on(pool, std::move(work), request.path);
    if (core_.stopping && failed_by_stop(outcome)) co_return stopping(request.path);
    if (!std::holds_alternative<Later>(outcome)) co_return outcome;
    const std::chrono::milliseconds no_limit{0};
    while (!(next = arrival->take()) && !core_.stopping) co_await wait(no_limit);
    const auto end = Clock::now() + kArrivalGrace;  // of a stop
    while (!next && Clock::now() < end) {
      co_await wait(kArrivalGrace);
      next = arrival->take();
    }
    arrival->leave();
    if (!next) next = arrival->take();  // a job that was accepted just now has to be cancelled
    if (!next) co_return stopping(request.path);
    if (std::get<Later>(outcome).goes_on == RunsOn::kPool) continue;
    outcome = guarded(request.path, core_.settings.log, next);
    if (core_.stopping && failed_by_stop(outcome)) co_return stopping(request.path);
    if (!std::holds_alternative<Later>(outcome)) co_return outcome;
    next = [again = std::move(outcome)] { return again; };
  }
}

Connection::Awaitable<Connection::After> Connection::reply(const Request& request,
                                                           const Response& response,
                                                           bool keep_open) {
  const MemoryShare share{core_.replies_in_memory, response.body.size()};
  if (share.total() > core_.settings.limits.replies_total &&
      response.body.size() > kShortReplyBytes) {
    const Response busy = refusal(request.path, 503, "busy",
                                  "too many replies wait to be read by their clients: try again");
    co_return co_await reply(request, busy, keep_open);
  }
  ReplyFrame frame{response.size(), keep_open, parser().get().version() < 11};
  std::string head = reply_head(response, frame, cors_fields(request));
  const bool without_body =
      request.method == "HEAD" || response.status == 204 || response.status == 304;
  bool written = false;
  if (response.source && !without_body) {
    written = co_await write_source(std::move(head), *response.source, request.path);
  } else {
    const std::string none;
    written = co_await write(std::move(head), without_body ? none : response.body);
  }
  co_return written&& keep_open ? After::kKeepOpen : After::kClose;
}

Connection::Awaitable<bool> Connection::write(std::string head, const std::string& body) {
  std::vector<asio::const_buffer> pieces{asio::buffer(head), asio::buffer(body)};
  co_return co_await write(std::move(pieces));
}

// What the system takes at once; the rest is left to the other write(). Without a timer: thousands
// of events are sent in a second.
std::size_t Connection::write_now(std::span<const asio::const_buffer> pieces) {
  std::vector<iovec> parts;
  parts.reserve(pieces.size());
  for (const auto& piece : pieces) {
    parts.push_back({.iov_base = const_cast<void*>(piece.data()), .iov_len = piece.size()});
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent =
      ::sendmsg(stream_.socket().native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

// The idle time applies to each piece, so that a slow line can receive a large picture and a dead
// one is closed.
Connection::Awaitable<bool> Connection::write(std::vector<asio::const_buffer> pieces) {
  boost::beast::buffers_suffix<std::vector<asio::const_buffer>> rest{pieces};
  rest.consume(write_now(pieces));
  if (asio::buffer_size(rest) == 0) co_return true;
  while (asio::buffer_size(rest) > 0) {
    error_code error;
    stream_.expires_after(core_.settings.limits.write_idle_timeout);
    writing_ = true;
    quiet_since_ = Clock::now();
    rest.consume(co_await stream_.async_write_some(rest, awaitable_with(error)));
    writing_ = false;
    if (error) co_return false;
  }
  stream_.expires_never();
  co_return true;
}

// One piece is held in memory at a time, whatever the size of the whole.
Connection::Awaitable<bool> Connection::write_source(std::string head,
                                                     const platform::ByteSource& source,
                                                     const std::string& path) {
  const std::uint64_t size = source.size();
  std::vector<std::uint8_t> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(size, kFilePieceBytes)));
  for (std::uint64_t sent = 0; sent < size;) {
    Next read = [&]() -> Outcome {
      piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size - sent, piece.size())));
      if (source.read_at(sent, piece) < piece.size()) {
        throw Error(ErrorCode::kInternal, "a file became shorter while it was sent");
      }
      return Response{};
    };
    const Outcome outcome = co_await on_pool(std::move(read), path);
    if (std::get<Response>(outcome).status != 200) co_return false;
    std::vector<asio::const_buffer> pieces{asio::buffer(head), asio::buffer(piece)};
    if (!co_await write(std::move(pieces))) co_return false;
    head.clear();
    sent += piece.size();
  }
  if (head.empty()) co_return true;
  const std::string none;
  co_return co_await write(std::move(head), none);
}

// Runs work on the pool; the coroutine goes on on the I/O thread.
Connection::Awaitable<Outcome> Connection::on_pool(Next work, std::string path) {
  co_return co_await on(core_.pool, std::move(work), std::move(path));
}

Connection::Awaitable<Outcome> Connection::on(asio::thread_pool& pool, Next work,
                                              std::string path) {
  auto result = std::make_shared<Outcome>();
  const auto start = [this, &pool, result, work = std::move(work),
                      path = std::move(path)](auto handler) mutable {
    asio::post(pool, [this, result, work = std::move(work), path = std::move(path),
                      handler = std::move(handler)]() mutable {
      *result = guarded(path, core_.settings.log, work);
      asio::post(core_.io, std::move(handler));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
  co_return std::move(*result);
}

}  // namespace atelier::http
