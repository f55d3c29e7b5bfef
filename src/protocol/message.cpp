#include "protocol/message.h"

#include <utility>

#include "platform/utf8.h"

namespace atelier::protocol {
namespace {

constexpr std::size_t kSentenceBytesMax = 16 << 10;  // a library's error may quote a whole file
constexpr std::size_t kFieldBytesMax = 256;
constexpr int kServerError = -32000;  // JSON-RPC reserves -32000…-32099 for applications

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              "malformed JSON-RPC message from the other program: " + what);
}

const boost::json::value* find(const boost::json::object& object, std::string_view key) {
  return object.if_contains(boost::json::string_view(key.data(), key.size()));
}

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().begin(), value->get_string().end()};
}

void read_failure(const boost::json::value& error, Message& message) {
  if (!error.is_object()) corrupt("'error' is not an object");
  message.kind = Message::Kind::kFailure;
  message.failure = text_of(error.get_object(), "message");
  const auto* data = find(error.get_object(), "data");
  if (data != nullptr && data->is_object()) {
    message.failure_code = error_code_from_name(text_of(data->get_object(), "code"));
    message.failure_field = text_of(data->get_object(), "field");
  }
}

std::int64_t read_id(const boost::json::value& id) {
  if (id.is_int64()) return id.get_int64();
  corrupt("the id is not an integer");
}

Frame framed(std::string head, std::string_view body_name, const std::string& body,
             std::vector<Bytes> parts) {
  head += ",\"";
  head += body_name;
  head += "\":";
  head += body;
  head += '}';
  return {std::move(head), std::move(parts)};
}

std::string head_with_id(std::int64_t id) {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id);
}

}  // namespace

Message read_message(Frame frame) {
  boost::json::value envelope = json::parse(frame.json);
  if (!envelope.is_object()) corrupt("it is not an object");
  boost::json::object& object = envelope.get_object();
  if (text_of(object, "jsonrpc") != "2.0") corrupt("'jsonrpc' is not 2.0");

  Message message;
  message.parts = std::move(frame.parts);
  const auto* id = find(object, "id");
  const bool has_id = id != nullptr && !id->is_null();
  if (has_id) message.id = read_id(*id);
  message.method = text_of(object, "method");
  if (!message.method.empty()) {
    message.kind = has_id ? Message::Kind::kRequest : Message::Kind::kNotification;
    if (auto* params = object.if_contains("params")) message.body = std::move(*params);
  } else if (const auto* error = find(object, "error")) {
    read_failure(*error, message);
  } else if (auto* result = object.if_contains("result"); result != nullptr && has_id) {
    message.kind = Message::Kind::kResult;
    message.body = std::move(*result);
  } else {
    corrupt("neither method nor result nor error");
  }
  // The member is omitted for requests without parameters.
  if (message.body.is_null()) message.body = boost::json::object{};
  return message;
}

Frame request_frame(std::int64_t id, std::string_view method, const std::string& params_json,
                    std::vector<Bytes> parts) {
  std::string head = head_with_id(id) + ",\"method\":";
  json::append_string(head, method);
  return framed(std::move(head), "params", params_json, std::move(parts));
}

Frame notification_frame(std::string_view method, const std::string& params_json,
                         std::vector<Bytes> parts) {
  std::string head = "{\"jsonrpc\":\"2.0\",\"method\":";
  json::append_string(head, method);
  return framed(std::move(head), "params", params_json, std::move(parts));
}

Frame result_frame_of(std::int64_t id, const std::string& result_json, std::vector<Bytes> parts) {
  return framed(head_with_id(id), "result", result_json, std::move(parts));
}

Frame failure_frame(std::int64_t id, const Error& error) {
  std::string body = "{\"code\":" + std::to_string(kServerError) + ",\"message\":";
  json::append_string(body, platform::cut(error.what(), kSentenceBytesMax));
  body += ",\"data\":{\"code\":";
  json::append_string(body, error_code_name(error.code()));
  if (!error.field().empty()) {
    body += ",\"field\":";
    json::append_string(body, platform::cut(error.field(), kFieldBytesMax));
  }
  body += "}}";
  return framed(head_with_id(id), "error", body, {});
}

PictureRef add_picture(std::vector<Bytes>& parts, media::Image picture) {
  PictureRef ref{static_cast<int>(parts.size()), picture.width, picture.height, picture.channels};
  parts.push_back(std::move(picture.pixels));
  return ref;
}

media::Image take_picture(std::vector<Bytes>& parts, const PictureRef& ref) {
  if (ref.part < 0 || static_cast<std::size_t>(ref.part) >= parts.size()) {
    throw Error(ErrorCode::kCorruptData, "a picture's part is missing from the message");
  }
  Bytes& part = parts[static_cast<std::size_t>(ref.part)];
  constexpr int kSideMax = 1 << 20;  // keeps the product below within 64 bits
  const bool sane = ref.width > 0 && ref.height > 0 && ref.width <= kSideMax &&
                    ref.height <= kSideMax &&
                    (ref.channels == 1 || ref.channels == 3 || ref.channels == 4);
  media::Image picture{ref.width, ref.height, ref.channels, {}};
  if (!sane || part.size() != picture.byte_count()) {
    throw Error(ErrorCode::kCorruptData, "invalid picture: " + std::to_string(ref.width) + "x" +
                                             std::to_string(ref.height) + " has " +
                                             std::to_string(part.size()) + " bytes of pixels");
  }
  picture.pixels = std::move(part);
  return picture;
}

}  // namespace atelier::protocol
