#include "protocol/frame.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "platform/ascii.h"
#include "platform/error.h"

namespace atelier::protocol {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::size_t kBelievedBytes =
    1 << 20;  // once this much has arrived, the announced size is trusted

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              "malformed message from the other program: " + what + ": it is ended and restarted");
}

std::string over(const std::string& what, std::size_t limit) {
  return what + " over the limit of " + std::to_string(limit);
}

[[noreturn]] void too_large(const std::string& what) {
  throw Error(ErrorCode::kTooLarge, "the other program sent a message with " + what);
}

// The sizes of a frame against the limits, for its sender and for its reader.
std::string over_limit(std::size_t json_size, std::span<const std::size_t> part_sizes,
                       const FrameLimits& limits) {
  if (json_size > limits.json_bytes) return over("a text", limits.json_bytes);
  if (part_sizes.size() > limits.parts) return over("a number of parts", limits.parts);
  std::size_t total = json_size;
  for (const std::size_t size : part_sizes) {
    if (size > limits.part_bytes) return over("a part", limits.part_bytes);
    if (size > limits.total_bytes - std::min(total, limits.total_bytes)) {
      return over("a total", limits.total_bytes);
    }
    total += size;
  }
  return {};
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::size_t read_size(std::string_view text) {
  text = trim(text);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc{} || end != text.data() + text.size()) corrupt("a size is not a number");
  return size;
}

std::vector<std::size_t> read_sizes(std::string_view text) {
  std::vector<std::size_t> sizes;
  text = trim(text);
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    sizes.push_back(read_size(text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) corrupt("a size is missing");
  }
  return sizes;
}

}  // namespace

std::vector<std::uint8_t> encode_frame_header(const Frame& frame) {
  std::string header = "Content-Length: " + std::to_string(frame.json.size()) + "\r\n";
  if (!frame.parts.empty()) {
    header += "Content-Parts: ";
    for (std::size_t i = 0; i < frame.parts.size(); ++i) {
      header += (i > 0 ? "," : "") + std::to_string(frame.parts[i].size());
    }
    header += "\r\n";
  }
  header += "\r\n";
  return {header.begin(), header.end()};
}

std::string over_limit(const Frame& frame, const FrameLimits& limits) {
  std::vector<std::size_t> sizes;
  for (const Bytes& part : frame.parts) sizes.push_back(part.size());
  return over_limit(frame.json.size(), sizes, limits);
}

bool FrameReader::frame_complete() const {
  return header_read_ && frame_.json.size() == json_size_ &&
         frame_.parts.size() == part_sizes_.size() &&
         (part_sizes_.empty() || frame_.parts.back().size() == part_sizes_.back());
}

bool FrameReader::between_frames() const {
  return !header_read_ && header_.empty() && waiting_.empty();
}

std::size_t FrameReader::feed_header(std::span<const std::uint8_t> bytes) {
  // The end mark may straddle two pieces, so the search starts three bytes before the new ones.
  const std::size_t before = header_.size();
  const std::size_t room = limits_.header_bytes - before;
  const std::size_t taken = std::min(bytes.size(), room);
  header_.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  const std::size_t end = header_.find(kEnd, before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (header_.size() >= limits_.header_bytes) too_large(over("a header", limits_.header_bytes));
    return taken;
  }
  header_.resize(end + 2);
  read_header();
  return end + kEnd.size() - before;
}

void FrameReader::read_header() {
  std::optional<std::size_t> length;
  std::optional<std::vector<std::size_t>> parts;
  std::string_view rest = header_;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 2));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) corrupt("a header line has no colon");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (platform::equal_without_case(name, "Content-Length")) {
      if (length) corrupt("two lengths");
      length = read_size(value);
    } else if (platform::equal_without_case(name, "Content-Parts")) {
      if (parts) corrupt("two lists of parts");
      parts = read_sizes(value);
    }
  }
  if (!length) corrupt("no Content-Length");
  json_size_ = *length;
  part_sizes_ = parts.value_or(std::vector<std::size_t>{});
  if (const auto what = over_limit(json_size_, part_sizes_, limits_); !what.empty()) {
    too_large(what);
  }
  header_read_ = true;
}

std::size_t FrameReader::feed_json(std::span<const std::uint8_t> bytes) {
  const std::size_t taken = std::min(bytes.size(), json_size_ - frame_.json.size());
  frame_.json.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken;
}

std::size_t FrameReader::feed_part(std::span<const std::uint8_t> bytes) {
  if (frame_.parts.empty() || frame_.parts.back().size() == part_sizes_[frame_.parts.size() - 1]) {
    frame_.parts.emplace_back();
  }
  Bytes& part = frame_.parts.back();
  const std::size_t size = part_sizes_[frame_.parts.size() - 1];
  const std::size_t taken = std::min(bytes.size(), size - part.size());
  // Growing by doubling would move a photograph several times (three times the time, measured).
  if (part.size() >= kBelievedBytes && part.capacity() < size) part.reserve(size);
  part.insert(part.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken;
}

std::size_t FrameReader::feed_some(std::span<const std::uint8_t> bytes) {
  std::size_t taken = 0;
  // An empty part is complete without any bytes, so a step may consume none.
  while (!frame_complete() &&
         (taken < bytes.size() || (header_read_ && frame_.json.size() == json_size_))) {
    const std::size_t parts = frame_.parts.size();
    const auto rest = bytes.subspan(taken);
    std::size_t step = 0;
    if (!header_read_) {
      step = feed_header(rest);
    } else if (frame_.json.size() < json_size_) {
      step = feed_json(rest);
    } else {
      step = feed_part(rest);
    }
    taken += step;
    if (step == 0 && frame_.parts.size() == parts) break;
  }
  return taken;
}

void FrameReader::feed(std::span<const std::uint8_t> bytes) {
  std::size_t taken = 0;
  if (waiting_.empty()) taken = feed_some(bytes);
  waiting_.insert(waiting_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
}

std::optional<Frame> FrameReader::next() {
  if (!frame_complete() && !waiting_.empty()) {
    const std::size_t taken = feed_some(waiting_);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  if (!frame_complete()) return std::nullopt;
  std::optional<Frame> done(std::move(frame_));
  frame_ = Frame{};
  header_.clear();
  header_read_ = false;
  json_size_ = 0;
  part_sizes_.clear();
  return done;
}

}  // namespace atelier::protocol
