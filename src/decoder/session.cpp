#include "decoder/session.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

#include "codec/picture_file.h"
#include "decoder/sandbox.h"
#include "platform/error.h"

namespace atelier::decoder {
namespace {

using protocol::Frame;
using protocol::Message;

constexpr auto kNotFiltered =
    "pictures are not read or written, because no system call filter (seccomp) could be put on "
    "every thread of the decoder: allow seccomp on this system or in the container's settings, "
    "then start the station again";

bool filtered(const SessionOptions& options) {
  return std::ranges::find(options.sandbox, kCallFilter) != options.sandbox.end();
}

void crash_if_asked(const protocol::Bytes& file, const std::string& magic) {
  if (magic.empty()) return;
  if (std::search(file.begin(), file.end(), magic.begin(), magic.end()) != file.end()) std::abort();
}

Frame hello(const Message& message, const SessionOptions& options) {
  const auto request = message.body_as<protocol::HelloRequest>();
  const std::string problem = protocol::version_problem(request.protocol_version, request.program);
  if (!problem.empty()) throw Error(ErrorCode::kUnsupported, problem);
  protocol::HelloReply reply;
  reply.program = "atelier-media";
  reply.pid = ::getpid();
  reply.sandbox = options.sandbox;
  if (!filtered(options)) {
    reply.state = "failed";
    reply.problem = kNotFiltered;
  }
  return protocol::result_frame(message.id, reply);
}

std::optional<media::Colour> read_matte(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto matte = media::colour_from_text(text);
  if (!matte)
    throw Error(ErrorCode::kInvalidArgument,
                "invalid matte: expected a colour, for example #ffffff, white, black or grey");
  return matte;
}

Frame decode(Message& message, const SessionOptions& options) {
  const auto request = message.body_as<protocol::DecodeRequest>();
  if (message.parts.size() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "decode expects exactly one binary part, the picture's file");
  }
  const protocol::Bytes file = std::move(message.parts.front());
  crash_if_asked(file, options.crash_on);
  codec::DecodedPicture decoded =
      codec::decode_picture(file, {request.max_pixels, request.max_side, request.header_only,
                                   read_matte(request.matte), request.frames_max});

  protocol::DecodeReply reply;
  reply.format = decoded.format;
  reply.frames_total = decoded.frames_total;
  reply.width = decoded.width;
  reply.height = decoded.height;
  for (codec::TextEntry& text : decoded.texts) {
    reply.texts.push_back({std::move(text.key), std::move(text.value)});
  }
  std::vector<protocol::Bytes> parts;
  if (decoded.image) reply.picture = protocol::add_picture(parts, *std::move(decoded.image));
  for (media::Frame& frame : decoded.later_frames) {
    reply.later_frames.push_back(
        {protocol::add_picture(parts, std::move(frame.image)), frame.number, frame.total});
  }
  return protocol::result_frame(message.id, reply, std::move(parts));
}

Frame encode(Message& message) {
  auto request = message.body_as<protocol::EncodeRequest>();
  const media::Image picture = protocol::take_picture(message.parts, request.picture);
  codec::EncodeOptions options{request.format, request.quality, request.compression, {}};
  for (protocol::TextEntry& text : request.texts) {
    options.texts.push_back({std::move(text.key), std::move(text.value)});
  }
  std::vector<protocol::Bytes> parts{codec::encode_picture(picture, options)};
  return protocol::result_frame(
      message.id, protocol::EncodeReply{codec::media_type_of(request.format)}, std::move(parts));
}

Frame reply_to(Message& message, const SessionOptions& options) {
  if (message.method == protocol::HelloRequest::kMethod) return hello(message, options);
  if (message.method == protocol::PingRequest::kMethod) {
    return protocol::result_frame(message.id, protocol::Empty{});
  }
  if (!filtered(options)) throw Error(ErrorCode::kUnsupported, kNotFiltered);
  if (message.method == protocol::DecodeRequest::kMethod) return decode(message, options);
  if (message.method == protocol::EncodeRequest::kMethod) return encode(message);
  throw Error(ErrorCode::kUnsupported, "unknown method '" + message.method + "'");
}

Frame answer(Message& message, const SessionOptions& options, const protocol::FrameLimits& limits) {
  allow_cpu_seconds(options.cpu_seconds);
  try {
    Frame reply = reply_to(message, options);
    const auto what = protocol::over_limit(reply, limits);
    if (what.empty()) return reply;
    return protocol::failure_frame(
        message.id,
        Error(ErrorCode::kTooLarge, "the decoded picture is too large for a message: it makes " +
                                        what + "; make it smaller first"));
  } catch (const Error& error) {
    return protocol::failure_frame(message.id, error);
  } catch (const std::bad_alloc&) {
    return protocol::failure_frame(
        message.id,
        Error(ErrorCode::kTooLarge,
              "the picture needs more memory than a decoder may use: make it smaller first"));
  } catch (const std::exception& error) {
    return protocol::failure_frame(
        message.id, Error(ErrorCode::kInternal, message.method + " failed: " + error.what()));
  }
}

}  // namespace

void serve(protocol::Channel& channel, const SessionOptions& options) {
  while (auto frame = channel.receive()) {
    Message message = protocol::read_message(std::move(*frame));
    if (message.kind == Message::Kind::kRequest)
      channel.send(answer(message, options, channel.limits()));
  }
}

}  // namespace atelier::decoder
