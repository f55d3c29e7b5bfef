// JSON-RPC 2.0 envelopes around the described structs of messages.h. Any thread.
//   station: channel.send(request_frame(7, RunRequest{…}, parts));
//   child:   Message message = read_message(frame);
//            auto request = message.body_as<RunRequest>();
//            channel.send(result_frame(message.id, RunReply{…}, parts));
// A frame that is not a JSON-RPC message throws kCorruptData; a body that does not match its struct
// throws kInvalidArgument with the JSON pointer of the place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/describe.h"
#include "media/image/image.h"
#include "platform/error.h"
#include "protocol/frame.h"

namespace atelier::protocol {

struct Message {
  enum class Kind { kRequest, kNotification, kResult, kFailure };
  Kind kind = Kind::kNotification;
  std::int64_t id = 0;  // of requests and their replies
  std::string method;   // of requests and notifications
  std::vector<Bytes> parts;
  ErrorCode failure_code = ErrorCode::kInternal;  // kFailure
  std::string failure;                            // kFailure: the sentence
  std::string failure_field;                      // kFailure: of the request, "" is none
  boost::json::value body;                        // params or result, read with body_as()

  Error error() const { return {failure_code, failure_field, failure}; }  // kFailure

  template <class T>
  T body_as() const {
    T result{};
    json::read_value(body, result, "", nullptr);
    return result;
  }
};

Message read_message(Frame frame);

Frame request_frame(std::int64_t id, std::string_view method, const std::string& params_json,
                    std::vector<Bytes> parts);
Frame notification_frame(std::string_view method, const std::string& params_json,
                         std::vector<Bytes> parts);
Frame result_frame_of(std::int64_t id, const std::string& result_json, std::vector<Bytes> parts);
Frame failure_frame(std::int64_t id, const Error& error);

template <class T>
Frame request_frame(std::int64_t id, const T& params, std::vector<Bytes> parts = {}) {
  return request_frame(id, T::kMethod, json::write_json(params), std::move(parts));
}
template <class T>
Frame notification_frame(const T& params, std::vector<Bytes> parts = {}) {
  return notification_frame(T::kMethod, json::write_json(params), std::move(parts));
}
template <class T>
Frame result_frame(std::int64_t id, const T& result, std::vector<Bytes> parts = {}) {
  return result_frame_of(id, json::write_json(result), std::move(parts));
}

// A picture is one part of raw pixels; this struct has its index and format.
struct PictureRef {
  int part = 0;
  int width = 0, height = 0, channels = 3;
};
BOOST_DESCRIBE_STRUCT(PictureRef, (), (part, width, height, channels))

PictureRef add_picture(std::vector<Bytes>& parts, media::Image picture);
// Moves the pixels out; throws kCorruptData when the part is missing or its size is not the
// picture's.
media::Image take_picture(std::vector<Bytes>& parts, const PictureRef& ref);

}  // namespace atelier::protocol
