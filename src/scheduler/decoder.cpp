#include "scheduler/decoder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "domain/settings/limits.h"
#include "platform/log.h"

namespace atelier::scheduler {
namespace {

using protocol::Message;
using Clock = protocol::Channel::Clock;

void check_hello(const protocol::HelloReply& hello) {
  const auto problem = protocol::version_problem(hello.protocol_version, hello.program);
  if (!problem.empty()) throw Error(ErrorCode::kUnsupported, problem);
  if (hello.state != "ready") throw Error(ErrorCode::kInternal, hello.problem);
}

}  // namespace

void Decoder::check_not_aborted() {
  const std::lock_guard lock(mutex_);
  if (aborted_) throw Error(ErrorCode::kInternal, "the station is stopping");
}

// Stored for abort() before anything is sent to it.
void Decoder::adopt(std::shared_ptr<Child> child) {
  const std::lock_guard lock(mutex_);
  child_.swap(child);
  if (aborted_ && child_) child_->channel().close();
}

// False when the process ended first; `end_` then says how.
bool Decoder::exchange_hello(Child& child) {
  const auto id = ++next_id_;
  protocol::HelloReply hello;
  const auto answer = child.exchange(
      protocol::request_frame(id, protocol::HelloRequest{}), id, Clock::now() + patience_.greeting,
      [&](const Message& reply) { hello = reply.body_as<protocol::HelloReply>(); });
  if (answer.child_ended) {
    check_not_aborted();
    end_ = child.describe_end();
    return false;
  }
  if (answer.refusal) throw Error(*answer.refusal);
  {
    const std::lock_guard lock(mutex_);
    const char* state = hello.state == "ready" ? "ready" : "failed";
    status_ = DecoderStatus{state, hello.problem, hello.pid, hello.sandbox};
  }
  check_hello(hello);
  return true;
}

std::optional<DecoderStatus> Decoder::status() {
  const std::lock_guard lock(mutex_);
  auto status = status_;
  if (status && status->state == "ready" && (!child_ || child_->ended())) status->state = "lost";
  return status;
}

// The present decoder, if it answers a ping: one that hangs since the last picture is replaced
// before a picture is sent to it.
std::shared_ptr<Child> Decoder::responding_child() {
  std::shared_ptr<Child> known;
  {
    const std::lock_guard lock(mutex_);
    known = child_;
  }
  if (!known || known->ended()) return nullptr;
  const auto id = ++next_id_;
  const auto answer =
      known->exchange(protocol::request_frame(id, protocol::PingRequest{}), id,
                      Clock::now() + patience_.idle_decoder,
                      [](const Message& reply) { reply.body_as<protocol::Empty>(); });
  if (!answer.child_ended && !answer.refusal) return known;
  check_not_aborted();
  platform::log_warning("an idle picture decoder " + known->describe_end() +
                        "; another one is started");
  return nullptr;
}

std::shared_ptr<Child> Decoder::child() {
  check_not_aborted();
  if (ready_) {
    if (auto known = responding_child()) return known;
  }
  ready_ = false;
  const auto began = Clock::now();
  auto started = start();
  // It may have been killed from outside, and a finished picture waits: try once more, unless it
  // used the whole time.
  if (!started && Clock::now() - began < patience_.greeting) started = start();
  if (!started) {
    throw Error(ErrorCode::kInternal,
                "the picture decoder " + end_ + " before it was ready: see the log");
  }
  ready_ = true;
  return started;
}

std::shared_ptr<Child> Decoder::start() {
  auto started = std::make_shared<Child>(launch_);
  adopt(started);
  return exchange_hello(*started) ? started : nullptr;
}

void Decoder::abort() {
  const std::lock_guard lock(mutex_);
  aborted_ = true;
  if (child_) child_->channel().close();
}

bool Decoder::call_once(const protocol::Frame& frame, std::int64_t id, const Read& read) {
  const auto process = child();
  const auto answer = process->exchange(frame, id, Clock::now() + patience_.picture, read);
  if (answer.refusal) throw Error(*answer.refusal);
  if (!answer.child_ended) return true;
  check_not_aborted();
  adopt(nullptr);
  end_ = process->describe_end();
  platform::log_warning("a picture decoder " + end_ + "; another one is started");
  return false;
}

void Decoder::call(const protocol::Frame& frame, std::int64_t id, ErrorCode code,
                   const std::string& what, const Read& read) {
  const auto started = Clock::now();
  if (call_once(frame, id, read)) return;
  // It may have been killed from outside; a picture that ends two decoders, or takes the whole
  // time, is refused.
  const bool slow = Clock::now() - started >= patience_.picture;
  if (!slow && call_once(frame, id, read)) return;
  throw Error(code, what + ": the decoder " + end_ + " on it");
}

DecodedPicture Decoder::decode(std::span<const std::uint8_t> bytes,
                               std::optional<media::Colour> matte, int frames_max) {
  const auto id = ++next_id_;
  protocol::DecodeRequest request;
  request.max_pixels = domain::limits::kPicturePixelsMax;
  if (matte) request.matte = media::text_of(*matte);
  request.frames_max = frames_max;
  const auto frame =
      protocol::request_frame(id, request, {protocol::Bytes(bytes.begin(), bytes.end())});
  DecodedPicture picture;
  call(frame, id, ErrorCode::kCorruptData,
       "the picture could not be read (if it opens elsewhere, save it again and try again)",
       [&](Message message) {
         const auto reply = message.body_as<protocol::DecodeReply>();
         if (!reply.picture) throw Error(ErrorCode::kCorruptData, "it sent no pixels");
         // The format becomes part of header fields of HTTP replies.
         if (!std::ranges::all_of(reply.format, [](char c) { return c >= 'a' && c <= 'z'; })) {
           throw Error(ErrorCode::kCorruptData, "it sent an invalid name of a format");
         }
         picture = {protocol::take_picture(message.parts, *reply.picture), "image/" + reply.format};
         picture.frames_total = reply.frames_total;
         for (const auto& frame : reply.later_frames) {
           picture.later_frames.push_back(
               {protocol::take_picture(message.parts, frame.picture), frame.number, frame.total});
         }
       });
  return picture;
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
  EncodedPicture picture;
  call(frame, id, ErrorCode::kInternal, "the picture could not be written", [&](Message message) {
    const auto reply = message.body_as<protocol::EncodeReply>();
    if (message.parts.empty()) throw Error(ErrorCode::kCorruptData, "it sent no bytes");
    picture = {std::move(message.parts.front()), reply.media_type};
  });
  return picture;
}

}  // namespace atelier::scheduler
