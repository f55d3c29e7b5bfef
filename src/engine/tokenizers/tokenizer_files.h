// The files of a CLIP tokenizer (vocab.json and merges.txt, or tokenizer.json, with
// special_tokens_map.json and tokenizer_config.json) as plain values. Broken or missing files throw
// kCorruptData with the path.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/tokenizers/byte_pair_encoder.h"

namespace atelier::engine {

struct SpecialTokenText {
  std::string text;
  bool normalized = false;  // looked for after lower-casing, as the published files declare it
};

struct TokenizerFiles {
  BytePairEncoder::Vocabulary vocabulary;
  BytePairEncoder::Merges merges;
  SpecialTokenText begin{"<|startoftext|>"}, end{"<|endoftext|>"}, unknown{"<|endoftext|>"};
  SpecialTokenText pad{"<|endoftext|>"};
  std::size_t max_length = 77;
};

TokenizerFiles read_tokenizer_folder(const std::filesystem::path& folder);
// The published vocabulary, built from its merges as the reference builds it.
TokenizerFiles built_in_tokenizer_files();
// Lines "left right"; a first line "#version…" and empty lines are skipped.
BytePairEncoder::Merges parse_merges(std::string_view text, const std::string& where);

}  // namespace atelier::engine
