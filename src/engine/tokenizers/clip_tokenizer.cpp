#include "engine/tokenizers/clip_tokenizer.h"

#include <algorithm>
#include <array>

#include "engine/tokenizers/tokenizer_files.h"
#include "engine/tokenizers/unicode_text.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

struct SpecialToken {
  std::string text;
  std::u32string normal_text;
  std::int64_t id;
  bool normalized;  // looked for in the normalised text, otherwise in the text as it came
};

std::u32string normalize(std::string_view text) {
  return to_lower(normalize_nfc(decode_utf8(text)));
}

// Pieces that begin at `position` by the reference's pattern; whitespace belongs to none. Returns
// the end.
std::size_t piece_end(std::u32string_view text, std::size_t position) {
  constexpr auto kContractions =
      std::to_array<std::u32string_view>({U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"});
  const std::u32string_view rest = text.substr(position);
  for (const std::u32string_view contraction : kContractions) {
    if (rest.starts_with(contraction)) return position + contraction.size();
  }
  if (is_number(text[position])) return position + 1;
  const bool letters = is_letter(text[position]);
  std::size_t end = position;
  while (end < text.size() && !is_space(text[end]) && !is_number(text[end]) &&
         is_letter(text[end]) == letters) {
    ++end;
  }
  return end;
}

}  // namespace

struct ClipTokenizer::Parts {
  explicit Parts(TokenizerFiles files);

  std::int64_t required(std::string_view token) const;
  // `text` lies between the special tokens that are looked for in the text as it came.
  void encode_between(std::string_view text, SpecialText special,
                      std::vector<std::int64_t>& ids) const;
  void encode_normal(std::u32string_view text, std::vector<std::int64_t>& ids) const;
  void encode_word(std::u32string_view word, std::vector<std::int64_t>& ids) const;
  // The longest special token that `rest` begins with; nullptr: none.
  const SpecialToken* special_at(std::string_view rest, SpecialText mode) const;
  const SpecialToken* special_at(std::u32string_view rest, SpecialText mode) const;
  bool looked_for(const SpecialToken& special, SpecialText mode) const {
    return mode == SpecialText::kAsToken || (special.id != begin && special.id != end);
  }
  void add_special(const SpecialTokenText& token);

  std::size_t max_length;
  std::int64_t unknown;
  BytePairEncoder encoder;
  std::int64_t begin, end, pad;
  std::vector<SpecialToken> specials;
};

ClipTokenizer::Parts::Parts(TokenizerFiles files)
    : max_length(files.max_length),
      unknown(files.vocabulary.contains(files.unknown.text)
                  ? files.vocabulary.at(files.unknown.text)
                  : 0),
      encoder(std::move(files.vocabulary), files.merges, unknown),
      begin(required(files.begin.text)),
      end(required(files.end.text)),
      pad(required(files.pad.text)) {
  for (const SpecialTokenText* token : {&files.begin, &files.end, &files.unknown, &files.pad}) {
    add_special(*token);
  }
  std::stable_sort(
      specials.begin(), specials.end(),
      [](const SpecialToken& a, const SpecialToken& b) { return a.text.size() > b.text.size(); });
}

// The last declaration of a token decides how it is looked for.
void ClipTokenizer::Parts::add_special(const SpecialTokenText& token) {
  const std::int64_t id = encoder.id_of(token.text);
  if (id < 0 || token.text.empty()) return;
  std::erase_if(specials, [&](const SpecialToken& known) { return known.text == token.text; });
  specials.push_back({token.text, normalize(token.text), id, token.normalized});
}

std::int64_t ClipTokenizer::Parts::required(std::string_view token) const {
  const std::int64_t id = encoder.id_of(token);
  if (id < 0) {
    throw Error(ErrorCode::kCorruptData,
                "the tokenizer declares the special token '" + platform::cut(token, 100) +
                    "', which is not in its vocabulary: fetch the model again");
  }
  return id;
}

const SpecialToken* ClipTokenizer::Parts::special_at(std::string_view rest,
                                                     SpecialText mode) const {
  for (const SpecialToken& special : specials) {
    if (!special.normalized && rest.starts_with(special.text) && looked_for(special, mode)) {
      return &special;
    }
  }
  return nullptr;
}

const SpecialToken* ClipTokenizer::Parts::special_at(std::u32string_view rest,
                                                     SpecialText mode) const {
  for (const SpecialToken& special : specials) {
    if (special.normalized && rest.starts_with(special.normal_text) && looked_for(special, mode)) {
      return &special;
    }
  }
  return nullptr;
}

void ClipTokenizer::Parts::encode_word(std::u32string_view word,
                                       std::vector<std::int64_t>& ids) const {
  std::string bytes;
  for (const char32_t c : word) platform::append_utf8(bytes, c);
  encoder.encode(bytes, ids);
}

void ClipTokenizer::Parts::encode_between(std::string_view text, SpecialText special,
                                          std::vector<std::int64_t>& ids) const {
  const std::u32string normal = normalize(text);
  const std::u32string_view all = normal;
  std::size_t plain = 0;
  for (std::size_t i = 0; i < all.size();) {
    const SpecialToken* const found = special_at(all.substr(i), special);
    if (found == nullptr) {
      ++i;
      continue;
    }
    encode_normal(all.substr(plain, i - plain), ids);
    ids.push_back(found->id);
    i += found->normal_text.size();
    plain = i;
  }
  encode_normal(all.substr(plain), ids);
}

void ClipTokenizer::Parts::encode_normal(std::u32string_view normal,
                                         std::vector<std::int64_t>& ids) const {
  // The reference's pattern takes these two whole, and its second pattern splits them into three.
  constexpr auto kBracketed = std::to_array<std::u32string_view>({U"startoftext", U"endoftext"});
  for (std::size_t i = 0; i < normal.size();) {
    if (is_space(normal[i])) {
      ++i;
      continue;
    }
    const std::u32string_view rest = normal.substr(i);
    std::size_t end = piece_end(normal, i);
    for (const std::u32string_view name : kBracketed) {
      if (!rest.starts_with(U"<|") || !rest.substr(2).starts_with(name) ||
          !rest.substr(2 + name.size()).starts_with(U"|>")) {
        continue;
      }
      encode_word(rest.substr(0, 2), ids);
      encode_word(name, ids);
      i += 2 + name.size();
      end = i + 2;
    }
    encode_word(normal.substr(i, end - i), ids);
    i = end;
  }
}

ClipTokenizer::ClipTokenizer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClipTokenizer::~ClipTokenizer() = default;
ClipTokenizer::ClipTokenizer(ClipTokenizer&&) noexcept = default;
ClipTokenizer& ClipTokenizer::operator=(ClipTokenizer&&) noexcept = default;

ClipTokenizer ClipTokenizer::from_folder(const std::filesystem::path& folder) {
  return ClipTokenizer(std::make_unique<Parts>(read_tokenizer_folder(folder)));
}

ClipTokenizer ClipTokenizer::built_in(std::string_view pad_token) {
  TokenizerFiles files = built_in_tokenizer_files();
  files.pad = {std::string(pad_token), false};
  return ClipTokenizer(std::make_unique<Parts>(std::move(files)));
}

std::vector<std::int64_t> ClipTokenizer::encode(std::string_view text, SpecialText special) const {
  std::vector<std::int64_t> ids;
  std::size_t plain = 0;  // where the text since the last special token begins
  for (std::size_t i = 0; i < text.size();) {
    const SpecialToken* const found = parts_->special_at(text.substr(i), special);
    if (found == nullptr) {
      ++i;
      continue;
    }
    parts_->encode_between(text.substr(plain, i - plain), special, ids);
    ids.push_back(found->id);
    i += found->text.size();
    plain = i;
  }
  parts_->encode_between(text.substr(plain), special, ids);
  return ids;
}

std::vector<std::int64_t> ClipTokenizer::encode_padded(std::string_view text, std::size_t length,
                                                       SpecialText special) const {
  std::vector<std::int64_t> ids = encode(text, special);
  if (ids.size() + 2 > length) ids.resize(std::max<std::size_t>(length, 2) - 2);
  ids.insert(ids.begin(), parts_->begin);
  ids.push_back(parts_->end);
  ids.resize(std::max<std::size_t>(length, 2), parts_->pad);
  return ids;
}

std::int64_t ClipTokenizer::begin_id() const { return parts_->begin; }
std::int64_t ClipTokenizer::end_id() const { return parts_->end; }
std::int64_t ClipTokenizer::pad_id() const { return parts_->pad; }
std::int64_t ClipTokenizer::id_of(std::string_view piece) const {
  return parts_->encoder.id_of(piece);
}
std::size_t ClipTokenizer::vocabulary_size() const { return parts_->encoder.size(); }
std::size_t ClipTokenizer::max_length() const { return parts_->max_length; }

}  // namespace atelier::engine
