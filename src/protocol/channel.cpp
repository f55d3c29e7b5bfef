#include "protocol/channel.h"

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
  // The kernel only reads from these; iovec has no const version.
  return {const_cast<void*>(data), size};
}

void skip_sent(std::vector<iovec>& pieces, std::size_t& first, std::size_t sent) {
  while (first < pieces.size() && sent >= pieces[first].iov_len) sent -= pieces[first++].iov_len;
  if (sent > 0) {
    pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + sent;
    pieces[first].iov_len -= sent;
  }
}

}  // namespace

Channel::Channel(int socket, FrameLimits limits)
    : socket_(socket), reader_(limits), buffer_(kReadBytes) {}

Channel::~Channel() { ::close(socket_); }

void Channel::send(const Frame& frame) {
  const Bytes header = encode_frame_header(frame);
  std::vector<iovec> pieces{piece(header.data(), header.size()),
                            piece(frame.json.data(), frame.json.size())};
  for (const Bytes& part : frame.parts) pieces.push_back(piece(part.data(), part.size()));

  const std::scoped_lock lock(sending_);
  std::size_t first = 0;
  skip_sent(pieces, first, 0);
  while (first < pieces.size()) {
    msghdr message{};
    message.msg_iov = pieces.data() + first;
    message.msg_iovlen = pieces.size() - first;
    const ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      throw Error(ErrorCode::kWorkerLost,
                  std::string("the other program is gone: ") + std::strerror(errno));
    }
    skip_sent(pieces, first, static_cast<std::size_t>(sent));
  }
}

std::optional<Frame> Channel::receive() {
  for (;;) {
    if (auto frame = reader_.next()) return frame;
    if (begin_ == end_) {
      const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    begin_ += reader_.feed_some(std::span(buffer_).subspan(begin_, end_ - begin_));
  }
}

void Channel::close() { ::shutdown(socket_, SHUT_RDWR); }

}  // namespace atelier::protocol
