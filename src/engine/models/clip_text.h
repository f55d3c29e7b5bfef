// CLIP text encoders: CLIP-L (quick_gelu) and OpenCLIP bigG (gelu, projection), and any size of the
// same architecture. Built once per loaded model from bound weights; forward() is called by the
// pipelines from the job thread and polls between layers (tensor/poll.h). Token ids outside the
// vocabulary or a wrong count throw kInvalidArgument.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <span>
#include <string>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

class Binder;
class TensorSource;

struct ClipTextConfig {
  std::int64_t vocab_size = 49408;
  std::int64_t hidden_size = 512;
  std::int64_t intermediate_size = 2048;
  std::int64_t projection_dim = 512;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 8;
  std::int64_t max_position_embeddings = 77;
  std::string hidden_act = "quick_gelu";  // or "gelu"
  double layer_norm_eps = 1e-5;
  std::int64_t eos_token_id = 49407;  // 2 means: the largest id of the prompt (old, wrong files)
  bool with_projection = false;       // CLIPTextModelWithProjection

  // Keys and defaults of the reference's config.json; `architectures` says whether there is a
  // projection.
  static ClipTextConfig from_json(const boost::json::object& json);
};

// Which outputs are needed; layers after the last one needed are not run.
struct ClipTextRequest {
  // Entry of the reference's hidden_states list, from the end: -1 is the output of the last layer,
  // -2 the last but one.
  std::int64_t hidden_state = -1;
  bool final_norm = true;  // apply the final LayerNorm to it (SD1.5: yes; SDXL: no)
  bool pooled = false;     // needs all layers
};

struct ClipTextOutput {
  Tensor states;  // [batch, tokens, hidden]
  Tensor pooled;  // [batch, hidden], after the final norm, at the end-of-text token; if requested
  Tensor projected;  // [batch, projection]; if requested and the model has a projection
};

class ClipText {
 public:
  // Binds `text_model.…` or the same keys without the wrapper.
  ClipText(const ClipTextConfig& config, const Binder& binder);
  ~ClipText();
  ClipText(ClipText&&) noexcept;
  ClipText& operator=(ClipText&&) noexcept;

  const ClipTextConfig& config() const;
  // Binds the layers of these tensors again (nn/module_tree.h); not during forward().
  void rebind(const TensorSource& source, std::span<const std::string> tensors);
  // ids [batch, tokens] int64 on the CPU, tokens <= max_position_embeddings.
  ClipTextOutput forward(const Tensor& ids, const ClipTextRequest& request = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
