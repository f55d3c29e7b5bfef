// Byte-pair encoding of one piece of text (a word) with the end-of-word mark of CLIP's
// vocabularies. Immutable after construction, any thread. No torch. The constructor throws
// kCorruptData when the merges contain symbols that are not in the vocabulary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atelier::engine {

class BytePairEncoder {
 public:
  using Vocabulary = std::unordered_map<std::string, std::int64_t>;
  using Merges = std::vector<std::pair<std::string, std::string>>;

  // `unknown` stands for a byte that the vocabulary lacks.
  BytePairEncoder(Vocabulary vocabulary, const Merges& merges, std::int64_t unknown);

  // `word` as UTF-8, not empty.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;
  // -1: there is no such piece.
  std::int64_t id_of(std::string_view piece) const;
  std::size_t size() const { return vocabulary_.size(); }

  // GPT-2's printable stand-in of a byte, as UTF-8.
  static const std::string& symbol(unsigned char byte);

 private:
  struct Merge {
    std::uint32_t rank;
    std::int64_t result;
  };
  const Merge* find_merge(std::int64_t left, std::int64_t right) const;

  Vocabulary vocabulary_;
  std::int64_t unknown_;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by both ids
  std::vector<std::int64_t> byte_ids_, last_byte_ids_;
};

}  // namespace atelier::engine
