// The CLIP byte-pair tokenizer of SD1.5 and SDXL, equal to the reference's fast tokenizer. Built
// once per loaded model from its folder (vocab.json, merges.txt, special tokens) or from the
// built-in merges; immutable, any thread. Broken tokenizer files throw kCorruptData. Invalid UTF-8
// in a prompt is replaced by U+FFFD. No torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::engine {

// The literal text `<|endoftext|>` inside a prompt.
enum class SpecialText { kAsToken, kAsPlainText };  // as the reference does / as any other words

class ClipTokenizer {
 public:
  // From a model's folder (its special_tokens_map.json and tokenizer_config.json decide ids, pad
  // and length).
  static ClipTokenizer from_folder(const std::filesystem::path& folder);
  // The published vocabulary; `pad_token` is "<|endoftext|>" (SD1.5, SDXL's first) or "!" (SDXL's
  // second).
  static ClipTokenizer built_in(std::string_view pad_token = "<|endoftext|>");

  ~ClipTokenizer();
  ClipTokenizer(ClipTokenizer&&) noexcept;
  ClipTokenizer& operator=(ClipTokenizer&&) noexcept;

  // Ids of the text alone: no begin, no end, no padding, no limit.
  std::vector<std::int64_t> encode(std::string_view text,
                                   SpecialText special = SpecialText::kAsToken) const;
  // begin + ids + end, cut to `length` (both specials kept) and padded.
  std::vector<std::int64_t> encode_padded(std::string_view text, std::size_t length,
                                          SpecialText special = SpecialText::kAsToken) const;

  std::int64_t begin_id() const;
  std::int64_t end_id() const;
  std::int64_t pad_id() const;
  // Id of a vocabulary entry such as ",</w>"; -1: there is none.
  std::int64_t id_of(std::string_view piece) const;
  std::size_t vocabulary_size() const;
  std::size_t max_length() const;  // model_max_length of the files; 77

 private:
  struct Parts;
  explicit ClipTokenizer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
