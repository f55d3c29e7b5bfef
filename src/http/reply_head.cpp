#include "http/reply_head.h"

#include <array>
#include <ctime>

namespace atelier::http {
namespace {

void add(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (char character : value) {
    if (static_cast<unsigned char>(character) >= 0x20 && character != 0x7f) head += character;
  }
  head += "\r\n";
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

bool has(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (equal_without_case(key, name)) return true;
  }
  return false;
}

}  // namespace

std::string reply_head(const Response& response, const ReplyFrame& frame, const Fields& cors) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += reason_phrase(response.status);
  head += "\r\n";
  add(head, "Date", http_date());
  add(head, "Server", "atelier");
  if (!response.content_type.empty()) add(head, "Content-Type", response.content_type);
  if (frame.length && response.status != 204 && response.status != 304) {
    add(head, "Content-Length", std::to_string(*frame.length));
  }
  if (!frame.keep_open) add(head, "Connection", "close");
  if (frame.keep_open && frame.old_version) add(head, "Connection", "keep-alive");
  add(head, "X-Content-Type-Options", "nosniff");
  add(head, "Vary", "Origin");
  if (!has(response, "Cache-Control")) add(head, "Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) add(head, name, value);
  for (const auto& [name, value] : cors) add(head, name, value);
  head += "\r\n";
  return head;
}

}  // namespace atelier::http
