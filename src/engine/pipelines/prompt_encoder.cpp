#include "engine/pipelines/prompt_encoder.h"

#include <algorithm>

#include "engine/pipelines/prompt_chunks.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr std::size_t kCachedEmbeddingsMax = 64;  // 77 x 2048 floats each: 40 MB in all

Tensor ids_of(const std::vector<TokenRow>& rows) {
  std::vector<Tensor> tensors;
  for (const TokenRow& row : rows) {
    tensors.push_back(at::tensor(row, at::kLong));
  }
  return at::stack(tensors);  // [rows, 77]
}

// [rows, 77, width] to [1, rows * 77, width].
Tensor in_one_row(const Tensor& states) {
  return states.reshape({1, states.size(0) * states.size(1), states.size(2)});
}

}  // namespace

PromptEncoder::PromptEncoder(std::vector<TextEncoder> encoders, bool zeros_for_absent)
    : encoders_(std::move(encoders)), zeros_for_absent_(zeros_for_absent) {}

PromptPair PromptEncoder::encode(const std::string& prompt,
                                 const std::optional<std::string>& negative, int clip_skip,
                                 bool guided) {
  const bool zeros = !negative.has_value() && zeros_for_absent_;
  const std::string against = negative.value_or("");
  // Both halves of the batch have the same number of rows; the shorter prompt gets empty ones.
  const std::size_t rows = std::max(row_count(prompt), guided && !zeros ? row_count(against) : 1);
  PromptPair pair;
  pair.positive = embedding(prompt, clip_skip, rows);
  if (!guided) {
    return pair;
  }
  if (zeros) {
    pair.negative = PromptEmbedding{at::zeros_like(pair.positive.states), {}};
    if (pair.positive.pooled.defined()) {
      pair.negative->pooled = at::zeros_like(pair.positive.pooled);
    }
  } else {
    pair.negative = embedding(against, 0, rows);
  }
  return pair;
}

std::size_t PromptEncoder::token_count(const std::string& prompt) const {
  return encoders_.front().tokenize(prompt).size();
}

std::size_t PromptEncoder::row_count(const std::string& text) const {
  std::size_t rows = 1;
  for (const TextEncoder& text_encoder : encoders_) {
    rows = std::max(rows, chunk_tokens(text_encoder.tokenize(text), text_encoder.rules).size());
  }
  return rows;
}

PromptEmbedding PromptEncoder::embedding(const std::string& text, int clip_skip, std::size_t rows) {
  const auto found = std::find_if(cache_.begin(), cache_.end(), [&](const Cached& cached) {
    return cached.text == text && cached.clip_skip == clip_skip && cached.rows == rows;
  });
  if (found != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, found);
    return cache_.front().embedding;
  }
  cache_.push_front({text, clip_skip, rows, compute(text, clip_skip, rows)});
  if (cache_.size() > kCachedEmbeddingsMax) {
    cache_.pop_back();
  }
  return cache_.front().embedding;
}

PromptEmbedding PromptEncoder::compute(const std::string& text, int clip_skip,
                                       std::size_t rows) const {
  const bool two = encoders_.size() > 1;
  // A1111's 1 (and 0) is the last layer, 2 the last but one; SDXL starts one layer earlier.
  const int skipped = std::max(clip_skip - 1, 0);
  PromptEmbedding result;
  std::vector<Tensor> states;
  for (const TextEncoder& text_encoder : encoders_) {
    std::vector<TokenRow> ids = chunk_tokens(text_encoder.tokenize(text), text_encoder.rules);
    ids.resize(rows, chunk_tokens({}, text_encoder.rules).front());
    ClipTextRequest request;
    request.hidden_state = -(skipped + (two ? 2 : 1));
    request.final_norm = !two;
    request.pooled = two && &text_encoder == &encoders_.back();
    if (-request.hidden_state > text_encoder.encoder->config().num_hidden_layers + 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  "clip_skip is " + std::to_string(clip_skip) + ", but the text encoder has only " +
                      std::to_string(text_encoder.encoder->config().num_hidden_layers) +
                      " layers: choose 0 to 2");
    }
    const ClipTextOutput output = text_encoder.encoder->forward(ids_of(ids), request);
    states.push_back(in_one_row(output.states));
    if (request.pooled) {
      const Tensor pooled = output.projected.defined() ? output.projected : output.pooled;
      result.pooled = pooled.slice(0, 0, 1);
    }
  }
  result.states = states.size() == 1 ? states.front() : at::cat(states, -1);
  return result;
}

}  // namespace atelier::engine
