// The part of a connection that reads requests, each part of them at a minimum rate.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "http/connection.h"
#include "http/failure.h"
#include "http/guard.h"

namespace atelier::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

namespace {

constexpr std::size_t kHeadBytes = 4 << 10;  // of a header at a time
constexpr std::size_t kMuchBytes = 500;      // fewer do not keep a connection from being replaced
constexpr std::size_t kChunkLineBytes = 16 << 10;  // and the trailers of a chunked body
constexpr std::size_t kDrainBytes = 512 << 20;  // of a refused body that are read and thrown away
constexpr std::chrono::seconds kDrainIdle{2};   // …as long as they keep coming this fast
constexpr std::chrono::seconds kDrainLongest{30};

auto awaitable_with(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

Response client_left() {
  Response response;
  response.status = 0;
  return response;
}

Response invalid(std::string_view path, const std::string& sentence) {
  return refusal(path, 400, "invalid_argument", sentence);
}

Response too_slow(std::string_view path, const std::string& part) {
  return refusal(path, 408, "timeout",
                 "the request's " + part + " came too slowly: send it again over a faster line");
}

}  // namespace

// Reads what has come into the buffer. The limit ends this read alone: the connection can still be
// answered.
Connection::Awaitable<Connection::Received> Connection::receive(std::size_t most,
                                                                Clock::time_point until) {
  const auto space = buffer_.prepare(most);
  const unsigned turn = ++reading_;
  too_slow_ = false;
  read_limit_.expires_at(until);
  read_limit_.async_wait([weak = weak_from_this(), turn](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->reading_ != turn) return;
    self->too_slow_ = true;
    self->stream_.socket().cancel(error);
  });
  error_code error;
  receiving_ = true;
  const std::size_t size = co_await stream_.socket().async_read_some(space, awaitable_with(error));
  receiving_ = false;
  ++reading_;
  read_limit_.cancel();
  buffer_.commit(size);
  received_ += size;
  if (received_ >= kMuchBytes) {
    quiet_since_ = Clock::now();
    received_ = 0;
  }
  if (size > 0) co_return Received::kBytes;
  if (error == asio::error::eof) co_return Received::kEnd;
  co_return too_slow_ ? Received::kTooSlow : Received::kGone;
}

// Between requests; the time of a header only runs once its first byte is there.
Connection::Awaitable<bool> Connection::wait_for_bytes() {
  if (buffer_.size() > 0) co_return true;
  quiet_since_ = Clock::now();
  const ServerLimits& limits = core_.settings.limits;
  const auto until = place_ == Place::kReserve ? opened_ + limits.reserved_header_timeout
                                               : quiet_since_ + limits.keep_alive_timeout;
  const Received received = co_await receive(kHeadBytes, until);
  co_return received == Received::kBytes && !core_.stopping;
}

Connection::Awaitable<std::optional<Response>> Connection::read_header() {
  const ServerLimits& limits = core_.settings.limits;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits.header_bytes + 2));  // HeadScan counts
  parser_->body_limit(boost::none);  // checked per route, so that a refusal can be written
  chunk_extensions_ = {};
  check_chunk_ = [this](std::uint64_t, beast::string_view extension, error_code& error) {
    if (!chunk_extensions_.are_fine({extension.data(), extension.size()})) {
      error = beast::http::error::bad_chunk_extension;
    }
  };
  parser_->on_chunk_header(check_chunk_);

  HeadScan scan{limits.header_bytes};
  const auto now = Clock::now();
  const auto end = place_ == Place::kReserve ? opened_ + limits.reserved_header_timeout
                                             : now + limits.header_timeout;
  MinimumRate rate{limits.header_window_bytes, limits.header_window, now};
  const auto bytes = [this] {
    const auto data = buffer_.data();
    return std::string_view{static_cast<const char*>(data.data()), data.size()};
  };
  while (!scan.is_complete(bytes())) {
    if (const auto& fault = scan.fault()) {
      const bool too_long = fault->status == 431;
      co_return refusal("/", fault->status, too_long ? "too_large" : "invalid_argument",
                        fault->sentence);
    }
    const std::size_t before = buffer_.size();
    const bool begun = before > scan.begin();
    switch (co_await receive(kHeadBytes, std::min<Clock::time_point>(rate.deadline(), end))) {
      case Received::kBytes:
        rate.received(buffer_.size() - before, Clock::now());
        break;
      case Received::kTooSlow:
        co_return begun ? too_slow("/", "header") : client_left();
      case Received::kEnd:
        co_return begun ? invalid("/", "the request ends inside its header") : client_left();
      case Received::kGone:
        co_return client_left();
    }
  }
  error_code error;
  buffer_.consume(scan.begin());
  buffer_.consume(parser_->put(buffer_.data(), error));
  if (!error) co_return std::nullopt;
  co_return invalid("/", "this is not a request in HTTP/1.1 (" + error.message() + ")");
}

Connection::Awaitable<std::optional<Response>> Connection::read_body(Request& request,
                                                                     std::size_t limit) {
  const ServerLimits& limits = core_.settings.limits;
  const bool waits = equal_without_case(request.header("Expect"), "100-continue") &&
                     parser().get().version() >= 11 && buffer_.size() == 0;
  if (waits && !co_await write("HTTP/1.1 100 Continue\r\n\r\n", {})) co_return client_left();
  BodyWriter writer{
      core_.bodies_in_memory,
      {limit, limits.memory_body_bytes, limits.memory_bodies_total, core_.settings.spool_folder}};
  std::string piece(kPieceBytes, '\0');
  MinimumRate rate{limits.body_window_bytes, limits.body_window, Clock::now()};
  while (!parser().is_done()) {
    auto& body = parser().get().body();
    body.data = piece.data();
    body.size = piece.size();
    body.more = true;
    if (auto failure = co_await read_some_body(rate, request.path)) co_return failure;
    const std::string_view bytes{piece.data(), piece.size() - body.size};
    if (bytes.empty()) continue;
    std::function<Outcome()> append = [&writer, bytes]() -> Outcome {
      writer.append(bytes);
      return Response{};
    };
    Outcome result;
    if (writer.needs_disk(bytes.size())) {
      result = co_await on(core_.uploads, std::move(append), request.path);
    } else {
      result = guarded(request.path, core_.settings.log, append);
    }
    auto& response = std::get<Response>(result);
    if (response.status != 200) co_return std::move(response);
  }
  Outcome done = guarded(request.path, core_.settings.log, [&]() -> Outcome {
    request.body = writer.finish();
    return Response{};
  });
  auto& response = std::get<Response>(done);
  if (response.status == 200) co_return std::nullopt;
  co_return std::move(response);
}

// Reads until the parser has consumed bytes.
Connection::Awaitable<std::optional<Response>> Connection::read_some_body(MinimumRate& rate,
                                                                          const std::string& path) {
  while (true) {
    error_code error = beast::http::error::need_more;
    std::size_t framing_bytes = buffer_.size();
    if (buffer_.size() > 0) {
      const std::size_t used = parser().put(buffer_.data(), error);
      const bool is_piece = parser().get().body().size < kPieceBytes;
      framing_bytes = error ? framing_bytes : is_piece ? 0 : used;
      buffer_.consume(used);
    }
    if (error == beast::http::error::need_buffer) co_return std::nullopt;
    if (error && error != beast::http::error::need_more) {
      co_return invalid(path, "the framing of the request's body is not valid HTTP/1.1 (" +
                                  error.message() + ")");
    }
    if (framing_bytes > kChunkLineBytes) {
      co_return invalid(path, "a line or the trailers of the request's chunked body are too long");
    }
    if (!error) co_return std::nullopt;
    const std::size_t before = buffer_.size();
    switch (co_await receive(kPieceBytes, rate.deadline())) {
      case Received::kBytes:
        rate.received(buffer_.size() - before, Clock::now());
        break;
      case Received::kTooSlow:
        co_return too_slow(path, "body");
      case Received::kEnd:
        co_return invalid(path, "the request ends inside its body");
      case Received::kGone:
        co_return client_left();
    }
  }
}

Connection::Awaitable<void> Connection::drain() {
  error_code error;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) co_return;
  phase_ = Phase::kAfterRefusal;
  const auto end = Clock::now() + kDrainLongest;
  std::size_t taken = buffer_.size();
  buffer_.clear();
  while (taken < kDrainBytes && !core_.stopping) {
    const auto until = std::min<Clock::time_point>(end, Clock::now() + kDrainIdle);
    if (co_await receive(kPieceBytes, until) != Received::kBytes) break;
    taken += buffer_.size();
    buffer_.clear();
  }
}

}  // namespace atelier::http
