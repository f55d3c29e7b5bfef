// CLIP text encoders. Reference: transformers `CLIPTextModel` and `CLIPTextModelWithProjection`
// (Apache-2.0); weights by OpenAI (CLIP-L, MIT) and LAION (OpenCLIP bigG, MIT).
#include "engine/models/clip_text.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <vector>

#include "engine/models/config_reader.h"
#include "engine/nn/attention.h"
#include "engine/nn/linear.h"
#include "engine/nn/norm.h"
#include "engine/tensor/poll.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// x * sigmoid(1.702 x), or the exact gelu (erf).
Tensor activate(const Tensor& x, bool quick) {
  return quick ? at::sigmoid(x * 1.702).mul_(x) : at::gelu(x);
}

struct EncoderLayer {
  LayerNorm layer_norm1, layer_norm2;
  Linear to_qkv, out_proj, fc1, fc2;
  std::int64_t heads;
  bool quick_gelu;

  EncoderLayer(const ClipTextConfig& config, const Binder& binder)
      : layer_norm1(binder.scope("layer_norm1"), config.hidden_size, config.layer_norm_eps),
        layer_norm2(binder.scope("layer_norm2"), config.hidden_size, config.layer_norm_eps),
        heads(config.num_attention_heads),
        quick_gelu(config.hidden_act == "quick_gelu") {
    const std::int64_t width = config.hidden_size, inner = config.intermediate_size;
    const Binder self = binder.scope("self_attn"), mlp = binder.scope("mlp");
    to_qkv = Linear::joined({self.scope("q_proj"), self.scope("k_proj"), self.scope("v_proj")},
                            width, {width, width, width}, Bias::kYes);
    out_proj = Linear(self.scope("out_proj"), width, width, Bias::kYes);
    fc1 = Linear(mlp.scope("fc1"), width, inner, Bias::kYes);
    fc2 = Linear(mlp.scope("fc2"), inner, width, Bias::kYes);
  }

  Tensor forward(const Tensor& x /* [batch, tokens, hidden] */) const {
    const std::vector<Tensor> qkv = to_qkv(layer_norm1(x)).chunk(3, 2);
    const Tensor mixed = attention(split_heads(qkv[0], heads), split_heads(qkv[1], heads),
                                   split_heads(qkv[2], heads), AttentionMask::kCausal);
    const Tensor hidden_states = out_proj(mixed).add_(x);
    const Tensor inner = activate(fc1(layer_norm2(hidden_states)), quick_gelu);
    return fc2(inner).add_(hidden_states);
  }
};

Bound<Tensor> bind_embedding(const Binder& binder, std::int64_t count, std::int64_t width) {
  return Bound<Tensor>({binder}, [=](const std::vector<Binder>& places) {
    return places[0].tensor("weight", {count, width});
  });
}

void check_ids(const Tensor& ids, const ClipTextConfig& config) {
  if (ids.dim() != 2 || ids.size(1) < 1 || ids.size(1) > config.max_position_embeddings) {
    throw Error(ErrorCode::kInvalidArgument, "the text encoder takes up to " +
                                                 std::to_string(config.max_position_embeddings) +
                                                 " tokens in a row: split the prompt into chunks");
  }
  if (ids.min().item<std::int64_t>() < 0 || ids.max().item<std::int64_t>() >= config.vocab_size) {
    throw Error(ErrorCode::kInvalidArgument,
                "a token id is outside the text encoder's vocabulary of " +
                    std::to_string(config.vocab_size) +
                    ": the tokenizer does not belong to this model");
  }
}

// Position of the end-of-text token in every row: [batch] int64.
Tensor end_positions(const Tensor& ids, std::int64_t eos_token_id) {
  // Files that say 2 mean the largest id; argmax gives the first of equals.
  return eos_token_id == 2 ? ids.argmax(1) : ids.eq(eos_token_id).to(at::kInt).argmax(1);
}

}  // namespace

ClipTextConfig ClipTextConfig::from_json(const boost::json::object& json) {
  const ConfigReader read(json, "text encoder");
  ClipTextConfig config;
  config.vocab_size = read.integer("vocab_size", config.vocab_size);
  config.hidden_size = read.integer("hidden_size", config.hidden_size);
  config.intermediate_size = read.integer("intermediate_size", config.intermediate_size);
  config.projection_dim = read.integer("projection_dim", config.projection_dim);
  config.num_hidden_layers = read.integer("num_hidden_layers", config.num_hidden_layers);
  config.num_attention_heads = read.integer("num_attention_heads", config.num_attention_heads);
  config.max_position_embeddings =
      read.integer("max_position_embeddings", config.max_position_embeddings);
  read.only("hidden_act", {"\"quick_gelu\"", "\"gelu\""});
  config.hidden_act = read.text("hidden_act", config.hidden_act);
  config.layer_norm_eps = read.number("layer_norm_eps", config.layer_norm_eps);
  // An id, so 0 is possible.
  config.eos_token_id = static_cast<std::int64_t>(
      read.number("eos_token_id", static_cast<double>(config.eos_token_id)));
  for (const std::string& name : read.texts("architectures", {})) {
    config.with_projection = config.with_projection || name == "CLIPTextModelWithProjection";
  }
  if (config.hidden_size % config.num_attention_heads != 0) read.unsupported("num_attention_heads");
  return config;
}

struct ClipText::Parts {
  ClipTextConfig config;
  std::shared_ptr<ModuleTree> modules;
  Bound<Tensor> token_embedding;     // [vocabulary, hidden]
  Bound<Tensor> position_embedding;  // [positions, hidden]
  std::vector<EncoderLayer> layers;
  LayerNorm final_layer_norm;
  Linear text_projection;

  Parts(const ClipTextConfig& given, const Binder& root) : config(given), modules(root.modules()) {
    // Newer files of the encoder without a projection drop the wrapper.
    const Binder binder = root.has_scope("text_model") ? root.scope("text_model") : root;
    const Binder embeddings = binder.scope("embeddings");
    token_embedding =
        bind_embedding(embeddings.scope("token_embedding"), config.vocab_size, config.hidden_size);
    position_embedding = bind_embedding(embeddings.scope("position_embedding"),
                                        config.max_position_embeddings, config.hidden_size);
    for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
      layers.emplace_back(config, binder.scope("encoder").scope("layers").scope(i));
    }
    final_layer_norm =
        LayerNorm(binder.scope("final_layer_norm"), config.hidden_size, config.layer_norm_eps);
    if (config.with_projection) {
      text_projection = Linear(root.scope("text_projection"), config.hidden_size,
                               config.projection_dim, Bias::kNo);
    }
  }
};

ClipText::ClipText(const ClipTextConfig& config, const Binder& binder)
    : parts_(std::make_unique<Parts>(config, binder)) {}
ClipText::~ClipText() = default;
ClipText::ClipText(ClipText&&) noexcept = default;
ClipText& ClipText::operator=(ClipText&&) noexcept = default;

const ClipTextConfig& ClipText::config() const { return parts_->config; }

void ClipText::rebind(const TensorSource& source, std::span<const std::string> tensors) {
  const c10::InferenceMode no_graph;
  parts_->modules->rebind(source, tensors);
}

ClipTextOutput ClipText::forward(const Tensor& ids, const ClipTextRequest& request) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  check_ids(ids, parts.config);
  const std::int64_t count = parts.config.num_hidden_layers;
  if (request.hidden_state > -1 || request.hidden_state < -count - 1) {
    throw Error(ErrorCode::kInvalidArgument, "the text encoder has " + std::to_string(count) +
                                                 " layers: a clip skip of at most " +
                                                 std::to_string(count) + " is possible");
  }
  const std::int64_t wanted = count + 1 + request.hidden_state;  // layers run before it
  Tensor x = at::embedding(*parts.token_embedding, ids.to(parts.token_embedding->device()));
  x.add_(parts.position_embedding->narrow(0, 0, ids.size(1)));  // [batch, tokens, hidden]
  ClipTextOutput output;
  output.states = x;
  for (std::int64_t i = 0; i < (request.pooled ? count : wanted); ++i) {
    poll();
    x = parts.layers[static_cast<std::size_t>(i)].forward(x);
    if (i + 1 == wanted) output.states = x;
  }
  if (request.final_norm) output.states = parts.final_layer_norm(output.states);
  if (request.pooled) {
    const Tensor rows = at::arange(ids.size(0), x.options().dtype(at::kLong));
    const Tensor ends = end_positions(ids, parts.config.eos_token_id).to(x.device());
    output.pooled = parts.final_layer_norm(x.index({rows, ends}));  // [batch, hidden]
    if (parts.text_projection.defined()) output.projected = parts.text_projection(output.pooled);
  }
  return output;
}

}  // namespace atelier::engine
