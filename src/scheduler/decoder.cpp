#include "scheduler/decoder.h"

#include <chrono>
#include <optional>
#include <utility>

#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/log.h"

namespace atelier::scheduler {
namespace {

using protocol::Message;

// Sends a frame and waits for its reply; nullopt when the process is gone.
std::optional<Message> exchange(Child& child, const protocol::Frame& frame, std::int64_t id) {
  child.channel().send(frame);
  while (auto received = child.channel().receive()) {
    auto message = protocol::read_message(std::move(*received));
    if (message.id == id) return message;
  }
  return std::nullopt;
}

void greet(Child& child, std::int64_t id) {
  const auto reply = exchange(child, protocol::request_frame(id, protocol::HelloRequest{}), id);
  if (!reply) {
    throw Error(ErrorCode::kInternal, "the picture decoder " + child.describe_end() +
                                          " before it was ready: see the log");
  }
  if (reply->kind == Message::Kind::kFailure) throw Error(reply->failure_code, reply->failure);
  const auto hello = reply->body_as<protocol::HelloReply>();
  const auto problem = protocol::version_problem(hello.protocol_version, hello.program);
  if (!problem.empty()) throw Error(ErrorCode::kUnsupported, problem);
  if (hello.state != "ready") throw Error(ErrorCode::kInternal, hello.problem);
}

}  // namespace

std::shared_ptr<Child> Decoder::child() {
  {
    const std::lock_guard lock(mutex_);
    if (aborted_) throw Error(ErrorCode::kInternal, "the station is stopping");
    if (child_ && !child_->ended()) return child_;
  }
  auto started = std::make_shared<Child>(launch_);
  started->limit_silence(domain::limits::kPictureTimeout);
  greet(*started, ++next_id_);
  const std::lock_guard lock(mutex_);
  if (aborted_) throw Error(ErrorCode::kInternal, "the station is stopping");
  child_ = started;
  return started;
}

void Decoder::drop() {
  std::shared_ptr<Child> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(child_);
}

void Decoder::abort() {
  const std::lock_guard lock(mutex_);
  aborted_ = true;
  if (child_) child_->channel().close();
}

std::optional<Message> Decoder::call(const protocol::Frame& frame, std::int64_t id) {
  const auto process = child();
  auto reply = exchange(*process, frame, id);
  if (!reply) {
    drop();
    process->kill();
    end_ = process->describe_end();
    platform::log_warning("a picture decoder " + end_ + "; another takes its place");
    return std::nullopt;
  }
  if (reply->kind == Message::Kind::kFailure) throw Error(reply->failure_code, reply->failure);
  return reply;
}

DecodedPicture Decoder::decode(std::span<const std::uint8_t> bytes) {
  const auto id = ++next_id_;
  protocol::DecodeRequest request;
  request.max_pixels = domain::limits::kPicturePixelsMax;
  const auto frame =
      protocol::request_frame(id, request, {protocol::Bytes(bytes.begin(), bytes.end())});
  const auto started = std::chrono::steady_clock::now();
  auto message = call(frame, id);
  // Somebody else may have killed it; what ends two of them, or takes the whole time, is to blame.
  const bool slow = std::chrono::steady_clock::now() - started >= domain::limits::kPictureTimeout;
  if (!message && !slow) message = call(frame, id);
  if (!message) {
    throw Error(ErrorCode::kCorruptData,
                "the picture could not be read: the decoder " + end_ +
                    " on it; if it opens elsewhere, save it anew and try again");
  }
  const auto reply = message->body_as<protocol::DecodeReply>();
  if (!reply.picture) throw Error(ErrorCode::kInternal, "the decoder sent no pixels");
  return {protocol::take_picture(message->parts, *reply.picture), "image/" + reply.format};
}

EncodedPicture Decoder::encode(const media::Image& image, const std::string& format,
                               const std::vector<protocol::TextEntry>& texts) {
  const auto id = ++next_id_;
  std::vector<protocol::Bytes> parts;
  protocol::EncodeRequest request;
  request.picture = protocol::add_picture(parts, image);
  request.format = format;
  request.texts = texts;
  const auto frame = protocol::request_frame(id, request, std::move(parts));
  auto message = call(frame, id);
  if (!message) message = call(frame, id);
  if (!message) {
    throw Error(ErrorCode::kInternal, "the picture could not be written: the encoder " + end_);
  }
  if (message->parts.empty()) throw Error(ErrorCode::kInternal, "the encoder sent no bytes");
  return {std::move(message->parts.front()), message->body_as<protocol::EncodeReply>().media_type};
}

}  // namespace atelier::scheduler
