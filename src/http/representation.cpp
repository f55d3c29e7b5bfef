#include "http/representation.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace atelier::http {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The tag at the beginning of a list and what follows it; a tag may contain commas.
std::optional<std::string_view> next_tag(std::string_view& list) {
  list = trimmed(list);
  while (list.starts_with(',')) list = trimmed(list.substr(1));
  if (list.starts_with("W/")) list.remove_prefix(2);
  const std::size_t end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view tag = list.substr(0, end + 1);
  list.remove_prefix(end + 1);
  return tag;
}

std::optional<std::uint64_t> read_position(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool digits = !text.empty() && end == text.data() + text.size();
  if (!digits || problem == std::errc::invalid_argument) return std::nullopt;
  return problem == std::errc{} ? value : UINT64_MAX;
}

// If-Match compares strongly: a weak tag is never the one.
bool may_be_sent(const Request& request, const std::string& tag) {
  const std::string_view wanted = request.header("If-Match");
  if (wanted.empty() || trimmed(wanted) == "*") return true;
  return wanted.find("W/") == std::string_view::npos && names_tag(wanted, tag);
}

}  // namespace

bool names_tag(std::string_view list, std::string_view tag) {
  if (trimmed(list) == "*") return true;
  while (const auto each = next_tag(list)) {
    if (*each == tag) return true;
  }
  return false;
}

std::optional<ByteRange> read_range(std::string_view text, std::uint64_t size) {
  text = trimmed(text);
  constexpr std::string_view kUnit = "bytes=";
  if (!equal_without_case(text.substr(0, kUnit.size()), kUnit)) return std::nullopt;
  text = trimmed(text.substr(kUnit.size()));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = read_position(text.substr(0, dash));
  const auto last = read_position(text.substr(dash + 1));
  if (dash == 0) {  // the last so many bytes
    if (!last) return std::nullopt;
    const auto count = std::min(*last, size);
    return ByteRange{size - count, count};
  }
  if (!first || (!last && dash + 1 != text.size())) return std::nullopt;
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return ByteRange{};
  return ByteRange{*first, std::min(last.value_or(UINT64_MAX), size - 1) - *first + 1};
}

void represent(const Request& request, const std::string& tag,
               std::shared_ptr<const platform::ByteSource> bytes, Response& response) {
  if (!tag.empty()) response.set("ETag", tag);
  if (!tag.empty() && !may_be_sent(request, tag)) {
    response.status = 412;
    return;
  }
  if (!tag.empty() && names_tag(request.header("If-None-Match"), tag)) {
    response.status = 304;
    return;
  }
  response.set("Accept-Ranges", "bytes");
  const std::string_view condition = trimmed(request.header("If-Range"));
  const bool ranges = request.method == "GET" && (condition.empty() || condition == tag);
  const std::uint64_t size = bytes->size();
  const auto range =
      ranges ? read_range(request.header("Range"), size) : std::optional<ByteRange>{};
  if (!range) {
    response.source = std::move(bytes);
  } else if (range->size == 0) {
    response.status = 416;
    response.set("Content-Range", "bytes */" + std::to_string(size));
  } else {
    response.status = 206;
    response.set("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                      std::to_string(range->first + range->size - 1) + "/" +
                                      std::to_string(size));
    response.source = platform::part_of(std::move(bytes), range->first, range->size);
  }
}

}  // namespace atelier::http
