#include "json/document_size.h"

namespace atelier::json {
namespace {

// Where the string ends whose contents begin at `begin`: behind its quote, or at the text's end.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  for (std::size_t quote = text.find('"', begin); quote != std::string_view::npos;
       quote = text.find('"', quote + 1)) {
    std::size_t escapes = 0;
    while (quote - escapes > begin && text[quote - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 == 0) return quote + 1;
  }
  return text.size();
}

}  // namespace

std::size_t bytes_beside_long_strings(std::string_view text, std::size_t long_bytes) {
  std::size_t bytes = text.size();
  for (std::size_t quote = text.find('"'); quote != std::string_view::npos;) {
    const std::size_t end = end_of_string(text, quote + 1);
    if (end - quote > long_bytes) bytes -= end - quote;
    quote = text.find('"', end);
  }
  return bytes;
}

}  // namespace atelier::json
