#include "http/framing.h"

#include <algorithm>
#include <utility>

#include "platform/utf8.h"

namespace atelier::http {
namespace {

constexpr std::size_t kExtensionBytesMax =
    4 << 10;  // chunk extensions: clients send none; signatures have about 100 bytes

bool is_control(char character) {
  const auto value = static_cast<unsigned char>(character);
  return (value < 0x20 && character != '\t') || value == 0x7f;
}

std::ptrdiff_t count(const Request& request, std::string_view name) {
  return std::ranges::count_if(
      request.headers, [&](const auto& each) { return equal_without_case(each.first, name); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool names_chunked(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equal_without_case(trimmed(list.substr(0, comma)), "chunked")) return true;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

std::optional<FramingFault> check_transfer_encoding(const Request& request, int version) {
  if (count(request, "Transfer-Encoding") == 0) return std::nullopt;
  if (count(request, "Transfer-Encoding") > 1) {
    return FramingFault{400, "the request has two Transfer-Encoding headers: send one, 'chunked'"};
  }
  if (version < 11) {
    return FramingFault{400,
                        "a request in HTTP/1.0 has no Transfer-Encoding: send a Content-Length"};
  }
  if (count(request, "Content-Length") > 0) {
    return FramingFault{
        400, "the request has a Transfer-Encoding and a Content-Length: send one of them"};
  }
  const std::string_view value = request.header("Transfer-Encoding");
  if (equal_without_case(value, "chunked")) return std::nullopt;
  const bool is_other_coding =
      value.find_first_not_of(" \t,") != std::string_view::npos && !names_chunked(value);
  return FramingFault{is_other_coding ? 501 : 400,
                      "the Transfer-Encoding '" + platform::cut(value, 80) +
                          "' is not supported: send the body as 'chunked' or with a "
                          "Content-Length"};
}

std::optional<FramingFault> check_content_length(const Request& request) {
  if (count(request, "Content-Length") == 0) return std::nullopt;
  const std::string_view value = request.header("Content-Length");
  const bool digits =
      !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (count(request, "Content-Length") == 1 && digits) return std::nullopt;
  return FramingFault{400, "the request needs one Content-Length that is a plain number"};
}

}  // namespace

void HeadScan::refuse(int status, std::string sentence) {
  fault_ = FramingFault{status, std::move(sentence)};
}

bool HeadScan::take(char character) {
  const char before = std::exchange(last_, character);
  if (character == '\n') {
    if (before != '\r') {
      refuse(400, "a line of the request's header ends in LF alone: end lines in CR LF");
      return false;
    }
    const bool empty = std::exchange(line_length_, 0) == 0;
    if (empty && lines_ > 0) return true;
    if (empty && begin_ > 0) refuse(400, "the request begins with empty lines");
    if (empty) begin_ = at_ + 1;
    if (!empty) ++lines_;
    return false;
  }
  if (before == '\r') {
    refuse(400, "a line of the request's header has a CR that does not end it");
  } else if (character == '\r') {
    return false;
  } else if (is_control(character)) {
    refuse(400, "the request's header has a control character");
  } else if (line_length_ == 0 && (character == ' ' || character == '\t')) {
    refuse(400, "a line of the request's header begins with a space: headers have one line each");
  }
  ++line_length_;
  return false;
}

bool HeadScan::is_complete(std::string_view bytes) {
  while (at_ < bytes.size() && !fault_) {
    if (at_ - begin_ >= bytes_max_) {
      refuse(431,
             "the request's header is larger than " + std::to_string(bytes_max_ >> 10) + " KB");
      return false;
    }
    const bool last = take(bytes[at_]);
    ++at_;
    if (last) return true;
  }
  return false;
}

std::optional<FramingFault> check_framing(const Request& request, int version) {
  if (auto fault = check_transfer_encoding(request, version)) return fault;
  if (auto fault = check_content_length(request)) return fault;
  if (count(request, "Host") != 1) {
    return FramingFault{400, "the request needs exactly one Host header"};
  }
  for (const char* name : {"Origin", "Authorization", "X-Moondream-Auth"}) {
    if (count(request, name) > 1) {
      return FramingFault{400, "the request has two " + std::string{name} + " headers: send one"};
    }
  }
  return std::nullopt;
}

bool ChunkExtensions::are_fine(std::string_view extension) {
  bytes_ += extension.size();
  return bytes_ <= kExtensionBytesMax && std::ranges::none_of(extension, is_control);
}

}  // namespace atelier::http
