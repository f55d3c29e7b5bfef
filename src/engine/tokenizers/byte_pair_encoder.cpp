#include "engine/tokenizers/byte_pair_encoder.h"

#include <array>
#include <queue>
#include <tuple>

#include "engine/tokenizers/unicode_text.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

constexpr std::string_view kEndOfWord = "</w>";
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::array<std::string, 256> make_symbols() {
  std::array<std::string, 256> symbols;
  char32_t stand_in = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    platform::append_utf8(symbols[byte], printable ? static_cast<char32_t>(byte) : stand_in++);
  }
  return symbols;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint32_t>(right);
}

// A symbol of the word while it is merged: a linked list in an array.
struct Symbol {
  std::int64_t id;
  std::size_t previous, next;
};

struct Candidate {
  std::uint32_t rank;
  std::size_t left;
  std::int64_t left_id, right_id;  // stale when the list no longer agrees
  std::int64_t result;
  // Lowest rank first, then leftmost.
  bool operator<(const Candidate& other) const {
    return std::tie(rank, left) > std::tie(other.rank, other.left);
  }
};

}  // namespace

const std::string& BytePairEncoder::symbol(unsigned char byte) {
  static const std::array<std::string, 256> symbols = make_symbols();
  return symbols[byte];
}

BytePairEncoder::BytePairEncoder(Vocabulary vocabulary, const Merges& merges, std::int64_t unknown)
    : vocabulary_(std::move(vocabulary)), unknown_(unknown) {
  const auto id = [&](const std::string& piece) {
    const std::int64_t found = id_of(piece);
    if (found < 0) {
      throw Error(ErrorCode::kCorruptData, "the tokenizer's merges contain '" +
                                               platform::cut(piece, 100) +
                                               "', which is not in its vocabulary");
    }
    return found;
  };
  std::uint32_t rank = 0;
  for (const auto& [left, right] : merges) {
    merges_.emplace(pair_key(id(left), id(right)), Merge{rank++, id(left + right)});
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string& text = symbol(static_cast<unsigned char>(byte));
    byte_ids_.push_back(id_of(text));
    last_byte_ids_.push_back(id_of(text + std::string(kEndOfWord)));
  }
}

std::int64_t BytePairEncoder::id_of(std::string_view piece) const {
  const auto found = vocabulary_.find(std::string(piece));
  return found == vocabulary_.end() ? -1 : found->second;
}

const BytePairEncoder::Merge* BytePairEncoder::find_merge(std::int64_t left,
                                                          std::int64_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairEncoder::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  std::vector<Symbol> symbols(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    const bool last = i + 1 == word.size();
    const std::int64_t id = last ? last_byte_ids_[byte] : byte_ids_[byte];
    symbols[i] = {id < 0 ? unknown_ : id, i == 0 ? kNone : i - 1, last ? kNone : i + 1};
  }
  std::priority_queue<Candidate> queue;
  const auto consider = [&](std::size_t left) {
    if (left == kNone || symbols[left].next == kNone) return;
    const std::int64_t left_id = symbols[left].id, right_id = symbols[symbols[left].next].id;
    if (const Merge* merge = find_merge(left_id, right_id)) {
      queue.push({merge->rank, left, left_id, right_id, merge->result});
    }
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.left];
    if (left.id != best.left_id || left.next == kNone || symbols[left.next].id != best.right_id) {
      continue;
    }
    Symbol& right = symbols[left.next];
    left.id = best.result;
    left.next = right.next;
    right.id = -1;
    if (left.next != kNone) symbols[left.next].previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  for (std::size_t i = 0; i != kNone; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace atelier::engine
