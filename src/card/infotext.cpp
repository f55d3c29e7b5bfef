#include "card/infotext.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstddef>
#include <optional>

#include "platform/version.h"

namespace atelier::card {
namespace {

constexpr std::string_view kNegative = "Negative prompt:";
constexpr std::size_t kPairsMin = 3;
constexpr const char* kUsualMatte = "#ffffff";  // not written

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_' || byte >= 0x80;
}

bool is_key(char c) { return is_word(c) || c == ' ' || c == '-' || c == '/'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Values that would break the line are written as a JSON string, as the original does.
std::string quote(const std::string& value) {
  if (value.find_first_of(",\n:\"") == std::string::npos && value == trim(value)) return value;
  return boost::json::serialize(boost::json::string_view(value));
}

std::string unquote(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
  boost::json::error_code failure;
  const auto parsed = boost::json::parse(value, failure);
  if (failure || !parsed.is_string()) return std::string(value);
  return std::string(parsed.get_string());
}

std::string shortest(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

struct Pair {
  std::string_view key, value;
  std::size_t end;
};

// `"…"` with escapes, followed by a comma or the end; its length, 0 when it is none.
std::size_t quoted_length(std::string_view text) {
  if (text.empty() || text.front() != '"') return 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      const bool closed = i > 1 && (i + 1 == text.size() || text[i + 1] == ',');
      return closed ? i + 1 : 0;
    }
  }
  return 0;
}

// A pair that begins at `start`. Where there is none, `start` moves behind the characters that
// cannot begin one either, which keeps the whole search linear.
std::optional<Pair> pair_at(std::string_view line, std::size_t& start) {
  std::size_t key = start;
  while (key < line.size() && !is_word(line[key])) ++key;
  std::size_t colon = key;
  while (colon < line.size() && is_key(line[colon])) ++colon;
  if (colon >= line.size() || line[colon] != ':' || colon - key < 2) {
    start = colon + 1;
    return std::nullopt;
  }
  std::size_t value = colon + 1;
  while (value < line.size() && is_space(line[value])) ++value;
  std::size_t length = quoted_length(line.substr(value));
  if (length == 0) length = std::min(line.find(',', value), line.size()) - value;
  return Pair{line.substr(key, colon - key), line.substr(value, length), value + length + 1};
}

std::vector<Pair> find_pairs(std::string_view line) {
  std::vector<Pair> pairs;
  std::size_t position = 0;
  while (position < line.size()) {
    if (const auto pair = pair_at(line, position)) {
      pairs.push_back(*pair);
      position = pair->end;
    }
  }
  return pairs;
}

void append_line(std::string& text, std::string_view line) {
  if (!text.empty()) text += '\n';
  text += line;
}

}  // namespace

std::string_view Infotext::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

std::string write_infotext(const GenerationUsed& used, int index) {
  const auto seed = used.seed + static_cast<std::uint64_t>(index);
  const std::string matte = used.matte.value_or(kUsualMatte);
  std::vector<std::pair<std::string, std::string>> fields{
      {"Steps", std::to_string(used.steps)},
      {"Sampler", used.sampler},
      {"Schedule type", used.schedule},
      {"CFG scale", shortest(used.guidance)},
      {"Seed", std::to_string(seed)},
      {"Size", std::to_string(used.width) + "x" + std::to_string(used.height)},
      {"Model hash", used.model_hash},
      {"Model", used.model},
      {"Denoising strength", used.strength ? shortest(*used.strength) : ""},
      {"Matte", matte == kUsualMatte ? "" : matte},
      {"Keep outside", used.keep_outside.value_or(true) ? "" : "false"},
      {"Clip skip", used.clip_skip > 1 ? std::to_string(used.clip_skip) : ""},
      {"Version", "Atelier " + std::string(platform::kVersion)},
  };
  std::string line;
  for (const auto& [key, value] : fields) {
    if (value.empty()) continue;
    if (!line.empty()) line += ", ";
    line += key + ": " + quote(value);
  }
  std::string text(trim(used.prompt));
  if (!used.negative_prompt.empty()) {
    text += "\n" + std::string(kNegative) + " " + std::string(trim(used.negative_prompt));
  }
  return text + "\n" + line;
}

Infotext read_infotext(std::string_view text) {
  Infotext result;
  text = trim(text);
  const auto newline = text.rfind('\n');
  const auto last = newline == std::string_view::npos ? text : text.substr(newline + 1);
  const auto pairs = find_pairs(last);
  if (pairs.size() >= kPairsMin) {
    for (const auto& pair : pairs) {
      result.fields.emplace_back(pair.key, unquote(trim(pair.value)));
    }
    text = newline == std::string_view::npos ? std::string_view{} : text.substr(0, newline);
  }
  bool negative = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(kNegative)) {
      negative = true;
      line = trim(line.substr(kNegative.size()));
    }
    append_line(negative ? result.negative_prompt : result.prompt, line);
  }
  return result;
}

}  // namespace atelier::card
