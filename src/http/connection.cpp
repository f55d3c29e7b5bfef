#include "http/connection.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "http/failure.h"
#include "http/guard.h"
#include "http/reply_head.h"
#include "platform/check.h"

namespace atelier::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

auto awaitable_with(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

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

// Never while a request is answered. Who has sent something a moment ago, or has something under
// way that was not read yet, is not quiet.
bool Connection::may_give_way() const {
  if (!receiving_ || is_leaving_) return false;
  error_code ignored;
  if (phase_ == Phase::kBetweenRequests) return stream_.socket().available(ignored) == 0;
  if (place_ == Place::kReserve || phase_ == Phase::kAfterRefusal) return true;
  return Clock::now() - quiet_since_ >= core_.settings.limits.stalled_after;
}

void Connection::give_way() {
  is_leaving_ = true;
  error_code ignored;
  stream_.socket().close(ignored);
}

Connection::Awaitable<void> Connection::run() {
  while (!core_.stopping) {
    phase_ = Phase::kBetweenRequests;
    if (!co_await wait_for_bytes()) break;
    phase_ = Phase::kRequest;
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
  const std::string target{parser_->get().target()};
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
  if (auto too_large = check_body_size(request.path))
    co_return co_await refuse(request, *too_large);
  if (body_is_expected()) {
    auto failure = co_await read_body(request);
    if (failure && failure->status == 0) co_return After::kClose;  // the client left
    if (failure) co_return co_await refuse(request, *failure);
  }
  co_return co_await answer(request, *route);
}

// A key that comes while too many wrong ones of its address wait is refused unread, right or wrong.
Connection::Awaitable<std::optional<Response>> Connection::slow_down_guessing(
    const Request& request, KeyUse key) {
  constexpr int kSlowedMax = 64;  // of all clients: those who wait hold a connection each
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

std::optional<Response> Connection::check_body_size(const std::string& path) const {
  const auto length = parser().content_length();
  const std::size_t limit = core_.settings.limits.json_body_bytes;
  if (!length || *length <= limit) return std::nullopt;
  return failure_response(
      path, Error(ErrorCode::kTooLarge, "the request's body has " + std::to_string(*length >> 20) +
                                            " MB, allowed are " + std::to_string(limit >> 20) +
                                            " MB: send a smaller picture"));
}

// Answers before the body was read, or where nobody can say where the request ends. What the client
// still sends is taken and thrown away for a while: closing at once would make its system discard
// the answer.
Connection::Awaitable<Connection::After> Connection::refuse(const Request& request,
                                                            const Response& response,
                                                            After wished) {
  const bool complete = parser().is_done() && wished == After::kKeepOpen;
  const bool keep = complete && may_stay_open();
  const After after = co_await reply(request, response, keep);
  if (!complete) co_await drain();
  co_return complete ? after : After::kClose;
}

Connection::Awaitable<Connection::After> Connection::answer(const Request& request,
                                                            const Route& route) {
  const bool head_only = request.method == "HEAD";
  std::function<Outcome()> work = [&]() -> Outcome {
    return route.function(request, core_.service);
  };
  Outcome outcome;
  if (route.runs_on == RunsOn::kPool) {
    outcome = co_await on_pool(std::move(work), request.path);
  } else {
    outcome = guarded(request.path, core_.settings.log, work);
  }
  if (auto* events = std::get_if<EventStream>(&outcome); events != nullptr && !head_only) {
    co_await send_events(request, *events);
    co_return After::kClose;
  }
  if (auto* wish = std::get_if<AwaitJob>(&outcome); wish != nullptr) {
    auto response = co_await await_job(request, *wish);
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

Connection::Awaitable<Connection::After> Connection::reply(const Request& request,
                                                           const Response& response,
                                                           bool keep_open) {
  ReplyFrame frame{response.body.size(), keep_open, parser().get().version() < 11};
  std::string head = reply_head(response, frame, cors_fields(request));
  const bool without_body =
      request.method == "HEAD" || response.status == 204 || response.status == 304;
  const std::string none;
  const bool written = co_await write(std::move(head), without_body ? none : response.body);
  co_return written&& keep_open ? After::kKeepOpen : After::kClose;
}

// Each piece has the idle time anew, so that a slow line gets a large picture and a dead one
// nothing.
Connection::Awaitable<bool> Connection::write(std::string head, const std::string& body) {
  std::size_t sent = 0;
  const std::size_t total = head.size() + body.size();
  while (sent < total) {
    std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
    parts[0] += sent;
    if (sent > head.size()) parts[1] += sent - head.size();
    error_code error;
    stream_.expires_after(core_.settings.limits.write_idle_timeout);
    sent += co_await stream_.async_write_some(parts, awaitable_with(error));
    if (error) co_return false;
  }
  stream_.expires_never();
  co_return true;
}

// Runs work on the pool; the coroutine goes on on the I/O thread.
Connection::Awaitable<Outcome> Connection::on_pool(std::function<Outcome()> work,
                                                   std::string path) {
  auto result = std::make_shared<Outcome>();
  const auto start = [this, result, work = std::move(work),
                      path = std::move(path)](auto handler) mutable {
    asio::post(core_.pool, [this, result, work = std::move(work), path = std::move(path),
                            handler = std::move(handler)]() mutable {
      *result = guarded(path, core_.settings.log, work);
      asio::post(core_.io, std::move(handler));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
  co_return std::move(*result);
}

}  // namespace atelier::http
