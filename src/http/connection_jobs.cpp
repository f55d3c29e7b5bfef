// The part of a connection that waits for a job: for its end, or for each of its events.
#include <sys/socket.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

#include "http/connection.h"
#include "http/failure.h"
#include "http/reply_head.h"

namespace atelier::http {

namespace asio = boost::asio;
using boost::system::error_code;

struct Connection::Watch {
  EventMailbox mailbox;
  std::unique_ptr<scheduler::Subscription> subscription;
};

Connection::Awaitable<void> Connection::wait(std::chrono::milliseconds longest) {
  error_code ignored;
  if (longest.count() > 0) {
    wake_.expires_after(longest);
  } else {
    wake_.expires_at(asio::steady_timer::time_point::max());
  }
  co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

std::function<void()> Connection::waker() {
  return [self = weak_from_this(), &io = core_.io] {
    asio::post(io, [self] {
      if (auto connection = self.lock()) connection->wake();
    });
  };
}

// Subscribing may read the database, so it runs on the pool. Of an ended job at least the last
// event is sent.
Connection::Awaitable<std::optional<Error>> Connection::watch_job(const std::string& job,
                                                                  std::int64_t after, Hears hears,
                                                                  Watch& watch) {
  std::optional<Error> failure;
  scheduler::EventListener listener = [&watch, hears,
                                       wake_me = waker()](const scheduler::SharedEvent& event) {
    if (hears == Hears::kTheEnd && !domain::is_terminal(event->job.state)) return;
    watch.mailbox.push(event);
    wake_me();
  };
  std::function<Outcome()> subscribe = [&]() -> Outcome {
    watch.subscription = core_.service.scheduler.subscribe(job, after, std::move(listener));
    return Response{};
  };
  Outcome outcome = co_await on_pool(std::move(subscribe), "/");
  const Response& response = std::get<Response>(outcome);
  if (response.status == 404) failure.emplace(ErrorCode::kNotFound, "there is no job " + job);
  if (response.status != 200 && !failure) {
    failure.emplace(ErrorCode::kInternal, "the job's events cannot be read: the log says why");
  }
  co_return failure;
}

// Ending a subscription may wait for the scheduler's thread.
Connection::Awaitable<void> Connection::unwatch(Watch& watch) {
  std::function<Outcome()> end = [&]() -> Outcome {
    watch.subscription.reset();
    return Response{};
  };
  co_await on_pool(std::move(end), "/");
}

// Absent: the client has left. Its job is cancelled then, as when the wait ends otherwise.
Connection::Awaitable<std::optional<Response>> Connection::await_job(const Request& request,
                                                                     const AwaitJob& awaited) {
  using Clock = std::chrono::steady_clock;
  const auto limit = core_.settings.limits.job_wait;
  const auto end = Clock::now() + limit;
  const auto over = [&] { return limit.count() > 0 && Clock::now() >= end; };
  scheduler::SharedEvent ended;
  Watch watch;
  watch_client();
  const auto failure = co_await watch_job(awaited.job, 0, Hears::kTheEnd, watch);
  while (!failure && !client_left_ && !core_.stopping && !over()) {
    ended = watch.mailbox.take();
    if (ended) break;
    co_await wait(limit);
  }
  unwatch_client();
  co_await unwatch(watch);
  if (failure) co_return failure_response(request.path, *failure);
  if (!ended) {
    if (awaited.on_leave == OnLeave::kCancel) {
      std::function<Outcome()> cancel = [&]() -> Outcome {
        core_.service.scheduler.cancel(awaited.job);
        return Response{};
      };
      co_await on_pool(std::move(cancel), request.path);
    }
    if (client_left_) co_return std::nullopt;
    if (core_.stopping) {
      co_return refusal(request.path, 503, "stopping", "the station is stopping: try again");
    }
    co_return refusal(request.path, 504, "timeout", "Request timeout");
  }
  std::function<Outcome()> format = [&]() -> Outcome {
    const domain::Job& job = ended->job;
    if (job.state == domain::JobState::kSucceeded) return awaited.format(job);
    if (job.failure) {
      const auto& failure = *job.failure;
      throw awaited.names.spelled(Error(failure.code, failure.field, failure.sentence));
    }
    throw Error(ErrorCode::kCancelled, "the job was cancelled");
  };
  Outcome outcome = co_await on_pool(std::move(format), request.path);
  co_return std::get<Response>(std::move(outcome));
}

namespace {

// Of events at a time: where they arrive faster than they are formatted, other connections are
// served in between, and a stop is detected.
constexpr std::size_t kEventBytesAtOnce = 64 << 10;

}  // namespace

Connection::Awaitable<void> Connection::send_events(const Request& request,
                                                    const EventStream& stream) {
  Watch watch;
  watch_client();
  const auto failure = co_await watch_job(stream.job, stream.after, Hears::kAll, watch);
  if (failure) {
    unwatch_client();
    const Response response = failure_response(request.path, *failure);
    co_await reply(request, response, false);
    co_return;
  }
  Response response;
  response.content_type = "text/event-stream";
  response.set("X-Accel-Buffering", "no");
  std::string text = reply_head(response, {std::nullopt, false, false}, cors_fields(request));
  text += "retry: 2000\n\n";
  bool ended = false;
  bool connected = true;
  while (connected && !client_left_ && !core_.stopping) {
    std::vector<std::shared_ptr<const std::string>> events;
    std::size_t bytes = 0;
    while (!ended && bytes < kEventBytesAtOnce) {
      const auto event = watch.mailbox.take();
      if (!event) break;
      events.push_back(core_.event_texts.text_of(event, stream.format));
      bytes += events.back()->size();
      ended = domain::is_terminal(event->job.state);
    }
    if (bytes + text.size() > 0) {  // then check again: a wake-up during the write is lost
      std::vector<asio::const_buffer> pieces{asio::buffer(text)};
      for (const auto& each : events) pieces.push_back(asio::buffer(*each));
      connected = co_await write(std::move(pieces));
      text.clear();
      if (ended) break;
      continue;
    }
    const auto before = std::chrono::steady_clock::now();
    co_await wait(core_.settings.limits.event_ping);
    const bool quiet =
        std::chrono::steady_clock::now() - before >= core_.settings.limits.event_ping;
    if (quiet) text = ": ping\n\n";
  }
  unwatch_client();
  co_await unwatch(watch);
}

// While a job runs no request is read, so the end of the client's stream is looked for by itself.
// Here it means that the client has left: a half-closed connection gets no reply to a waiting call.
void Connection::watch_client() {
  watching_ = true;
  const unsigned generation = ++watch_generation_;
  stream_.socket().async_wait(
      asio::ip::tcp::socket::wait_read,
      asio::bind_cancellation_slot(stop_watching_.slot(),
                                   [self = shared_from_this(), generation](error_code error) {
                                     self->on_readable(error, generation);
                                   }));
}

void Connection::unwatch_client() {
  watching_ = false;
  ++watch_generation_;
  stop_watching_.emit(asio::cancellation_type::terminal);
}

void Connection::on_readable(error_code error, unsigned generation) {
  if (error || !watching_ || generation != watch_generation_) return;
  if (take_ahead()) {
    watch_client();
    return;
  }
  client_left_ = true;
  wake();
}

// The next requests are kept up to a limit. Of a client that sends more, the end can only be seen
// behind those bytes: they are thrown away and the connection ends with this reply.
bool Connection::take_ahead() {
  constexpr std::size_t kAhead = 16 << 10;
  std::array<char, kAhead> scratch;
  const std::size_t room = buffer_.size() < kAhead ? kAhead - buffer_.size() : 0;
  void* const place = room > 0 ? buffer_.prepare(room).data() : scratch.data();
  const ssize_t size = ::recv(stream_.socket().native_handle(), place,
                              room > 0 ? room : scratch.size(), MSG_DONTWAIT);
  if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  if (room > 0) {
    buffer_.commit(static_cast<std::size_t>(size));
  } else {
    lost_bytes_ahead_ = true;
  }
  return true;
}

}  // namespace atelier::http
