#include "json/describe.h"

#include <algorithm>
#include <array>

#include "platform/utf8.h"

namespace atelier::json {
namespace {

bool is_form(std::string_view text) {
  const auto equals = text.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::ranges::all_of(text.substr(0, equals), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

// The format of a text that is not JSON, from its first bytes; "" when it is unknown.
std::string_view other_format(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "empty";
  text.remove_prefix(first);
  if (text.starts_with("\x1f\x8b")) return "gzip";
  if (text.starts_with("\x28\xb5\x2f\xfd")) return "zstd";
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
      text.substr(0, 2).find('\0') != std::string_view::npos) {
    return "UTF-16 or UTF-32";
  }
  if (text.starts_with("--") && text.find("Content-Disposition") != std::string_view::npos) {
    return "a multipart form";
  }
  if (text.starts_with("\x89PNG") || text.starts_with("\xff\xd8\xff") || text.starts_with("RIFF") ||
      text.starts_with("GIF8")) {
    return "a picture's file";
  }
  if (text.starts_with("%PDF-")) return "a PDF document";
  if (text.starts_with('<')) return "HTML or XML";
  return is_form(text) ? "form fields" : "";
}

[[noreturn]] void refuse_text(std::string_view text, const std::string& problem, std::size_t read) {
  const std::string met{other_format(text)};
  throw Error(ErrorCode::kInvalidArgument,
              met.empty() ? "this is not JSON: " + problem + " at byte " + std::to_string(read)
                          : "this is not JSON but " + met + ": send JSON as UTF-8 text");
}

}  // namespace

boost::json::value parse(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // some editors and shells put it
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::error_code error;
  boost::json::stream_parser parser({}, options);
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (error) refuse_text(text, error.message(), read);
  if (read < text.size()) refuse_text(text, "unexpected characters after its end", read);
  return parser.release();
}

std::string enum_name(std::string_view enumerator) {
  std::string name;
  if (enumerator.starts_with('k')) enumerator.remove_prefix(1);
  for (const char c : enumerator) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !name.empty()) name += '_';
    name += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name;
}

std::string pointer_to(const std::string& parent, std::string_view key) {
  std::string pointer = parent + '/';
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

void refuse(const std::string& pointer, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, pointer,
              (pointer.empty() ? "the request" : pointer) + ": " + what);
}

void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto is_plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
           c != '"' && c != '\\';
  };
  out += '"';
  while (true) {
    const auto plain =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {  // invalid UTF-8 becomes U+FFFD, because our reader refuses it
      const auto point = platform::first_code_point(text);
      platform::append_utf8(out, point.value);
      text.remove_prefix(point.bytes);
      continue;
    }
    text.remove_prefix(1);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15U];
    }
  }
  out += '"';
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_value(std::string& out, const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      break;
    case boost::json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case boost::json::kind::int64:
      out += std::to_string(value.get_int64());
      break;
    case boost::json::kind::uint64:
      out += std::to_string(value.get_uint64());
      break;
    case boost::json::kind::double_:
      append_number(out, value.get_double());
      break;
    case boost::json::kind::string:
      append_string(out, value.get_string());
      break;
    case boost::json::kind::array: {
      out += '[';
      for (std::size_t i = 0; i < value.get_array().size(); ++i) {
        if (i > 0) out += ',';
        append_value(out, value.get_array()[i]);
      }
      out += ']';
      break;
    }
    case boost::json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.get_object()) {
        if (!first) out += ',';
        first = false;
        append_string(out, key);
        out += ':';
        append_value(out, item);
      }
      out += '}';
      break;
    }
  }
}

}  // namespace atelier::json
