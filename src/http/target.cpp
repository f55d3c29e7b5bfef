#include "http/target.h"

#include <optional>

#include "platform/error.h"

namespace atelier::http {
namespace {

std::optional<int> hex_digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return std::nullopt;
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "the address of the request is not readable: " + why);
}

enum class Plus { kIsSpace, kIsPlus };

std::string decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char character = text[i];
    if (character == '+' && plus == Plus::kIsSpace) {
      character = ' ';
    } else if (character == '%') {
      const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low) refuse("'%' must be followed by two hexadecimal digits");
      character = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f)
      refuse("a control character");
    decoded += character;
  }
  return decoded;
}

Fields read_query(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    fields.emplace_back(decode(pair.substr(0, equals), Plus::kIsSpace),
                        decode(value, Plus::kIsSpace));
  }
  return fields;
}

std::string tidy_path(const std::string& decoded) {
  std::string path;
  std::string_view rest = decoded;
  bool first_is_v1 = false;
  while (!rest.empty()) {
    const std::size_t end = rest.find('/');
    const std::string_view segment = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (segment.empty()) continue;
    if (segment == "." || segment == "..") refuse("'.' and '..' are not allowed in a path");
    if (segment == "v1" && first_is_v1 && path == "/v1") continue;
    if (path.empty()) first_is_v1 = segment == "v1";
    path += '/';
    path += segment;
  }
  return path.empty() ? "/" : path;
}

}  // namespace

Target read_target(std::string_view text) {
  Target target;
  text = text.substr(0, text.find('#'));
  if (const std::size_t scheme = text.find("://");
      scheme != std::string_view::npos && scheme < text.find('/')) {
    if (!equal_without_case(text.substr(0, scheme), "http") &&
        !equal_without_case(text.substr(0, scheme), "https")) {
      refuse("only http and https are supported");
    }
    text.remove_prefix(scheme + 3);
    const std::size_t slash = text.find_first_of("/?");
    target.authority = text.substr(0, slash);
    text = slash == std::string_view::npos ? std::string_view{"/"} : text.substr(slash);
  }
  const std::size_t question = text.find('?');
  if (question != std::string_view::npos) target.query = read_query(text.substr(question + 1));
  const std::string path = decode(text.substr(0, question), Plus::kIsPlus);
  if (path == "*") {  // OPTIONS * HTTP/1.1
    target.path = path;
    return target;
  }
  if (!path.empty() && path.front() != '/') refuse("it must begin with '/'");
  target.path = tidy_path(path);
  return target;
}

}  // namespace atelier::http
