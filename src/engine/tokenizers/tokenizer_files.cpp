#include "engine/tokenizers/tokenizer_files.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/tokenizers/clip_merges.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// CLIP's vocab.json has 1 MB, a tokenizer.json of its kind 2 MB.
constexpr std::uintmax_t kFileBytesMax = 64u << 20;

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kCorruptData, where + ": " + what + ": fetch the model again");
}

std::string read_text(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) fail(path.string(), "this part of the tokenizer is missing");
  if (size > kFileBytesMax) fail(path.string(), "is too long for a tokenizer");
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

json::object read_json(const fs::path& path) {
  json::error_code error;
  json::value value = json::parse(read_text(path), error);
  if (error) fail(path.string(), "is not valid JSON (" + error.message() + ")");
  if (!value.is_object()) fail(path.string(), "is not a JSON object");
  return std::move(value.as_object());
}

BytePairEncoder::Vocabulary parse_vocabulary(const json::object& entries,
                                             const std::string& where) {
  constexpr std::int64_t kIdMax = 0x7fffffff;
  BytePairEncoder::Vocabulary vocabulary;
  vocabulary.reserve(entries.size());
  for (const auto& [piece, id] : entries) {
    if (!id.is_int64() || id.as_int64() < 0 || id.as_int64() > kIdMax) {
      fail(where, "'" + platform::cut(piece, 100) + "' has no valid id");
    }
    vocabulary.emplace(std::string(piece), id.as_int64());
  }
  return vocabulary;
}

std::pair<std::string, std::string> parse_merge(std::string_view line, const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    fail(where, "'" + platform::cut(line, 100) + "' is not a merge of two symbols");
  }
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

// New versions of the reference save this file alone.
void read_tokenizer_json(const fs::path& path, TokenizerFiles& files) {
  const json::object root = read_json(path);
  const json::value* const model = root.if_contains("model");
  const json::object* const object = model == nullptr ? nullptr : model->if_object();
  const json::value* const vocabulary = object ? object->if_contains("vocab") : nullptr;
  const json::value* const merges = object ? object->if_contains("merges") : nullptr;
  if (vocabulary == nullptr || !vocabulary->is_object() || merges == nullptr ||
      !merges->is_array()) {
    fail(path.string(), "holds no byte-pair vocabulary");
  }
  files.vocabulary = parse_vocabulary(vocabulary->as_object(), path.string());
  for (const json::value& merge : merges->as_array()) {
    const json::array* const pair = merge.if_array();
    if (merge.is_string()) {
      files.merges.push_back(parse_merge(merge.as_string(), path.string()));
    } else if (pair && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string()) {
      files.merges.emplace_back((*pair)[0].as_string(), (*pair)[1].as_string());
    } else {
      fail(path.string(), "holds a merge that is not of two symbols");
    }
  }
}

// A token is declared as its text or as an object around it.
void read_token(const json::object& object, std::string_view key, SpecialTokenText& token) {
  const json::value* value = object.if_contains(key);
  bool normalized = false;
  if (value != nullptr && value->is_object()) {
    const json::value* const flag = value->as_object().if_contains("normalized");
    normalized = flag != nullptr && flag->is_bool() && flag->as_bool();
    value = value->as_object().if_contains("content");
  }
  if (value != nullptr && value->is_string()) {
    token = {std::string(value->as_string()), normalized};
  }
}

void read_special_tokens(const json::object& object, TokenizerFiles& files) {
  read_token(object, "bos_token", files.begin);
  read_token(object, "eos_token", files.end);
  read_token(object, "pad_token", files.pad);
  read_token(object, "unk_token", files.unknown);
  // Larger numbers there mean "no limit" (1e30).
  constexpr std::int64_t kLengthMax = 4096;
  const json::value* const length = object.if_contains("model_max_length");
  if (length != nullptr && length->is_int64() && length->as_int64() > 2 &&
      length->as_int64() <= kLengthMax) {
    files.max_length = static_cast<std::size_t>(length->as_int64());
  }
}

}  // namespace

BytePairEncoder::Merges parse_merges(std::string_view text, const std::string& where) {
  BytePairEncoder::Merges merges;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (first && line.starts_with("#version"))) continue;
    merges.push_back(parse_merge(line, where));
  }
  return merges;
}

TokenizerFiles read_tokenizer_folder(const fs::path& folder) {
  TokenizerFiles files;
  if (fs::exists(folder / "vocab.json") || !fs::exists(folder / "tokenizer.json")) {
    const fs::path vocabulary = folder / "vocab.json", merges = folder / "merges.txt";
    files.vocabulary = parse_vocabulary(read_json(vocabulary), vocabulary.string());
    files.merges = parse_merges(read_text(merges), merges.string());
  } else {
    read_tokenizer_json(folder / "tokenizer.json", files);
  }
  for (const char* const name : {"special_tokens_map.json", "tokenizer_config.json"}) {
    if (fs::exists(folder / name)) read_special_tokens(read_json(folder / name), files);
  }
  return files;
}

TokenizerFiles built_in_tokenizer_files() {
  TokenizerFiles files;
  files.merges = parse_merges(clip_merges_text(), "the built-in CLIP merges");
  std::int64_t id = 0;
  // CLIP's order of the bytes: the printable ones, then the others; all again as the end of a word.
  std::vector<std::string> symbols;
  for (const bool printable : {true, false}) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::string& symbol = BytePairEncoder::symbol(static_cast<unsigned char>(byte));
      // Stand-ins of the unprintable bytes begin at U+0100, whose UTF-8 begins with 0xc4.
      const bool is_printable = static_cast<unsigned char>(symbol[0]) < 0xc4;
      if (is_printable == printable) symbols.push_back(symbol);
    }
  }
  for (const std::string& symbol : symbols) files.vocabulary.emplace(symbol, id++);
  for (const std::string& symbol : symbols) files.vocabulary.emplace(symbol + "</w>", id++);
  for (const auto& [left, right] : files.merges) files.vocabulary.emplace(left + right, id++);
  // As the published files declare them.
  files.begin.normalized = files.end.normalized = files.unknown.normalized = true;
  files.vocabulary.emplace(files.begin.text, id++);
  files.vocabulary.emplace(files.end.text, id++);
  return files;
}

}  // namespace atelier::engine
