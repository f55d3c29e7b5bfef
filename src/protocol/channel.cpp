#include "protocol/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "platform/error.h"

namespace atelier::protocol {
namespace {

constexpr std::size_t kReadBytes = 256
                                   << 10;  // a read per picture row would cost more than the copy

iovec piece(const void* data, std::size_t size) {
  // writev only reads from these; iovec has no const version.
  return {const_cast<void*>(data), size};
}

void skip_sent(std::vector<iovec>& pieces, std::size_t& first, std::size_t sent) {
  while (first < pieces.size() && sent >= pieces[first].iov_len) sent -= pieces[first++].iov_len;
  if (sent > 0) {
    pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + sent;
    pieces[first].iov_len -= sent;
  }
}

// Waits until the socket is ready; false: not in time. Also ready when it was closed: the following
// call then returns the error.
bool wait_for(int socket, short event, Channel::Clock::time_point until) {
  constexpr std::chrono::milliseconds kLongest{60'000};  // poll takes an int
  for (;;) {
    const auto left = std::min<Channel::Clock::duration>(until - Channel::Clock::now(), kLongest);
    if (left <= Channel::Clock::duration::zero()) return false;
    pollfd wanted{.fd = socket, .events = event, .revents = 0};
    const auto patience = std::chrono::ceil<std::chrono::milliseconds>(left);
    const int ready = ::poll(&wanted, 1, static_cast<int>(patience.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;
  }
}

[[noreturn]] void too_late(const std::string& what) {
  throw Error(ErrorCode::kInternal, "the other program " + what + " in time");
}

}  // namespace

// Closes the channel unless the whole frame was sent or received.
class Channel::Transfer {
 public:
  explicit Transfer(Channel& channel) : channel_(channel) {}
  ~Transfer() {
    if (!whole_) channel_.close();
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  void done() { whole_ = true; }

 private:
  Channel& channel_;
  bool whole_ = false;
};

Channel::Channel(int socket, FrameLimits limits)
    : socket_(socket), limits_(limits), reader_(limits), buffer_(kReadBytes) {}

Channel::~Channel() { ::close(socket_); }

void Channel::send(const Frame& frame, Clock::time_point until) {
  if (const auto what = over_limit(frame, limits_); !what.empty()) {
    throw Error(ErrorCode::kTooLarge, "a message with " + what + " cannot be sent");
  }
  const Bytes header = encode_frame_header(frame);
  std::vector<iovec> pieces{piece(header.data(), header.size()),
                            piece(frame.json.data(), frame.json.size())};
  for (const Bytes& part : frame.parts) pieces.push_back(piece(part.data(), part.size()));

  const std::scoped_lock lock(sending_);
  Transfer transfer(*this);
  // Without a limit in time the call itself waits: a sandboxed child may be forbidden to poll.
  const int flags = MSG_NOSIGNAL | (until == kNever ? 0 : MSG_DONTWAIT);
  std::size_t first = 0;
  skip_sent(pieces, first, 0);
  while (first < pieces.size()) {
    msghdr message{};
    message.msg_iov = pieces.data() + first;
    message.msg_iovlen = pieces.size() - first;
    const ssize_t sent = ::sendmsg(socket_, &message, flags);
    if (sent >= 0) {
      skip_sent(pieces, first, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(socket_, POLLOUT, until)) too_late("did not take a message");
    } else if (errno != EINTR) {
      throw Error(
          ErrorCode::kWorkerLost,
          std::string("the other program has closed the connection: ") + std::strerror(errno));
    }
  }
  transfer.done();
}

std::optional<Frame> Channel::receive(Clock::time_point until) {
  Transfer transfer(*this);
  for (;;) {
    if (auto frame = reader_.next()) {
      transfer.done();
      return frame;
    }
    if (begin_ == end_) {
      if (until != kNever && !wait_for(socket_, POLLIN, until)) too_late("did not answer");
      const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      received_.fetch_add(static_cast<std::uint64_t>(got), std::memory_order_relaxed);
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    begin_ += reader_.feed_some(std::span(buffer_).subspan(begin_, end_ - begin_));
  }
}

bool Channel::has_unread() const {
  pollfd wanted{.fd = socket_, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, 0) > 0 && (wanted.revents & POLLIN) != 0;
}

void Channel::close() { ::shutdown(socket_, SHUT_RDWR); }

}  // namespace atelier::protocol
