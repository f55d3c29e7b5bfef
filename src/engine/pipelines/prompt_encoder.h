// Prompts to what the UNet is conditioned on. One or two text encoders with their tokenizers; long
// prompts in rows of 75 tokens; clip skip as A1111 counts it; a cache of earlier results. Kept with
// a loaded model, job thread. Reference: diffusers encode_prompt of the SD1.5 and SDXL pipelines.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "engine/models/denoiser.h"

namespace atelier::engine {

struct PromptEmbedding {
  Tensor states;  // [1, tokens, width]
  Tensor pooled;  // [1, width] for SDXL, else undefined
};

struct PromptPair {
  PromptEmbedding positive;
  std::optional<PromptEmbedding> negative;  // only when guidance is active
};

class PromptEncoder {
 public:
  // Two encoders are SDXL's. `zeros_for_absent`: an absent negative prompt is zeros, not the
  // encoded
  // "".
  PromptEncoder(std::vector<TextEncoder> encoders, bool zeros_for_absent);

  // Clip skip moves the positive prompt alone, as diffusers does. Throws kInvalidArgument when the
  // encoder has too few layers for it.
  PromptPair encode(const std::string& prompt, const std::optional<std::string>& negative,
                    int clip_skip, bool guided);
  // Tokens of the prompt without begin and end, for reports.
  std::size_t token_count(const std::string& prompt) const;

 private:
  struct Cached {
    std::string text;
    int clip_skip;
    std::size_t rows;
    PromptEmbedding embedding;
  };

  std::size_t row_count(const std::string& text) const;
  PromptEmbedding embedding(const std::string& text, int clip_skip, std::size_t rows);
  PromptEmbedding compute(const std::string& text, int clip_skip, std::size_t rows) const;

  std::vector<TextEncoder> encoders_;
  bool zeros_for_absent_;
  std::list<Cached> cache_;  // most recent first
};

}  // namespace atelier::engine
