// The vision transformer. Reference: timm `VisionTransformer` (Apache-2.0); weights by Marqo
// (Apache-2.0) and others. Names are the checkpoint's keys.
#include "engine/models/vit.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <set>
#include <string_view>

#include "engine/models/config_reader.h"
#include "engine/nn/attention.h"
#include "engine/nn/conv.h"
#include "engine/nn/linear.h"
#include "engine/nn/norm.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

constexpr double kNormEps = 1e-6;  // of all norms; timm's, where PyTorch's own is 1e-5
constexpr std::int64_t kHeadWidth = 64;
constexpr std::int64_t kDepthMax = 256;

std::string block_name(std::int64_t i) { return "blocks." + std::to_string(i) + "."; }

std::set<std::string> names_of(const VitConfig& config) {
  std::set<std::string> names = {"pos_embed"};
  const auto add = [&](const std::string& layer) {
    names.insert(layer + ".weight");
    names.insert(layer + ".bias");
  };
  if (config.class_token) names.insert("cls_token");
  add("patch_embed.proj");
  for (std::int64_t i = 0; i < config.depth; ++i) {
    for (const char* const layer :
         {"norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"}) {
      add(block_name(i) + layer);
    }
  }
  add(config.fc_norm ? "fc_norm" : "norm");
  add("head");
  return names;
}

// The side of the picture behind `positions` patches; 0 where they make no square.
std::int64_t image_size_of(std::int64_t positions, std::int64_t patch) {
  if (positions < 1 || positions > (1 << 20)) return 0;
  const std::int64_t side = std::llround(std::sqrt(static_cast<double>(positions)));
  return side * side == positions ? side * patch : 0;
}

Tensor activate(const Tensor& x, bool tanh) { return at::gelu(x, tanh ? "tanh" : "none"); }

struct Block {
  LayerNorm norm1, norm2;
  Linear qkv, proj, fc1, fc2;
  std::int64_t heads;
  bool gelu_tanh;

  Block(const VitConfig& config, const Binder& binder)
      : norm1(binder.scope("norm1"), config.width, kNormEps),
        norm2(binder.scope("norm2"), config.width, kNormEps),
        qkv(binder.scope("attn").scope("qkv"), config.width, 3 * config.width, Bias::kYes),
        proj(binder.scope("attn").scope("proj"), config.width, config.width, Bias::kYes),
        fc1(binder.scope("mlp").scope("fc1"), config.width, config.mlp_width, Bias::kYes),
        fc2(binder.scope("mlp").scope("fc2"), config.mlp_width, config.width, Bias::kYes),
        heads(config.heads),
        gelu_tanh(config.gelu_tanh) {}

  Tensor forward(const Tensor& x /* [batch, tokens, width] */) const {
    const std::vector<Tensor> parts = qkv(norm1(x)).chunk(3, 2);
    const Tensor mixed = attention(split_heads(parts[0], heads), split_heads(parts[1], heads),
                                   split_heads(parts[2], heads));
    const Tensor y = proj(mixed, x);
    return fc2(activate(fc1(norm2(y)), gelu_tanh), y);
  }
};

// Three numbers of `pretrained_cfg`.
void read_channels(const boost::json::object& json, std::string_view key,
                   std::array<double, 3>& to) {
  const boost::json::value* const value = json.if_contains(key);
  if (value == nullptr || value->is_null()) return;
  const bool three = value->is_array() && value->get_array().size() == to.size();
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (!three || !value->get_array()[i].is_number()) {
      throw Error(ErrorCode::kCorruptData, "config.json of the vision transformer: '" +
                                               std::string(key) +
                                               "' is not a list of three numbers: repair or "
                                               "re-download it");
    }
    to[i] = value->get_array()[i].to_number<double>();
  }
}

const boost::json::object* object_in(const boost::json::object& json, std::string_view key) {
  const boost::json::value* const value = json.if_contains(key);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

// timm's number of heads where model_args has none: it belongs to the architecture and does not
// follow from the width.
struct KnownHeads {
  std::string_view architecture;  // its name begins so
  std::int64_t heads;
};
constexpr KnownHeads kKnownHeads[] = {
    {"vit_tiny_", 3},  {"vit_small_", 6},  {"vit_base_patch16_gap_", 16},
    {"vit_base_", 12}, {"vit_large_", 16}, {"vit_huge_", 16}};

std::int64_t heads_of(std::string_view architecture, std::int64_t otherwise) {
  const auto* const found = std::ranges::find_if(kKnownHeads, [&](const KnownHeads& known) {
    return architecture.starts_with(known.architecture);
  });
  return found == std::end(kKnownHeads) ? otherwise : found->heads;
}

[[noreturn]] void contradicts(const std::string& what) {
  throw Error(ErrorCode::kCorruptData, "config.json of the vision transformer: " + what +
                                           ": the configuration does not belong to these weights");
}

void read_model_args(const boost::json::object& json, VitConfig& config) {
  const ConfigReader read(json, "vision transformer");
  read.only("act_layer", {"\"gelu\"", "\"gelu_tanh\""});
  config.gelu_tanh = read.text("act_layer", "gelu") == "gelu_tanh";
  config.heads = read.integer("num_heads", config.heads);
  if (read.integer("img_size", config.image_size) != config.image_size) {
    contradicts("img_size is not " + std::to_string(config.image_size));
  }
  read.only("norm_layer", {});
  read.only("pos_embed", {"\"learn\""});
  for (const char* const option : {"qk_norm", "no_embed_class", "pre_norm", "dynamic_img_size",
                                   "pool_include_prefix", "scale_attn_norm", "scale_mlp_norm"}) {
    read.only(option, {"false"});
  }
  read.only("final_norm", {"true"});
}

void read_preparation(const boost::json::object& json, VitConfig& config) {
  const ConfigReader read(json, "vision transformer");
  config.interpolation = read.text("interpolation", "bicubic");
  config.crop_fraction = read.number("crop_pct", 0.875);
  if (!(config.crop_fraction > 0 && config.crop_fraction <= 1)) read.unsupported("crop_pct");
  read.only("crop_mode", {"\"center\""});
  config.mean = {0.485, 0.456, 0.406};
  config.deviation = {0.229, 0.224, 0.225};
  read_channels(json, "mean", config.mean);
  read_channels(json, "std", config.deviation);
  config.labels = read.texts("label_names", config.labels);
}

using Shapes = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

Shapes shapes_of(std::span<const TensorInfo> tensors) {
  Shapes shapes;
  for (const TensorInfo& tensor : tensors) shapes.emplace(tensor.name, tensor.shape);
  return shapes;
}

// Sizes from the shapes of a few tensors; nullopt where they are impossible.
std::optional<VitConfig> sizes_of(const Shapes& shapes) {
  const auto shape = [&](const std::string& name, std::size_t dimensions) {
    const auto found = shapes.find(name);
    const bool fits = found != shapes.end() && found->second.size() == dimensions;
    return fits ? found->second : std::vector<std::int64_t>(dimensions);
  };
  const std::vector<std::int64_t> patches = shape("patch_embed.proj.weight", 4);
  const std::vector<std::int64_t> positions = shape("pos_embed", 3);
  VitConfig config;
  config.width = patches[0];
  config.channels = patches[1];
  config.patch_size = patches[2];
  config.class_token = shapes.contains("cls_token");
  config.fc_norm = shapes.contains("fc_norm.weight");
  config.pools_class_token = config.class_token && !config.fc_norm;
  config.image_size = image_size_of(positions[1] - (config.class_token ? 1 : 0), patches[2]);
  config.classes = shape("head.weight", 2)[0];
  config.mlp_width = shape(block_name(0) + "mlp.fc1.weight", 2)[0];
  config.depth = 0;
  while (config.depth < kDepthMax && shapes.contains(block_name(config.depth) + "norm1.weight")) {
    ++config.depth;
  }
  config.heads = std::max<std::int64_t>(config.width / kHeadWidth, 1);
  const bool possible = config.width > 0 && config.channels > 0 && config.patch_size > 0 &&
                        patches[2] == patches[3] && config.image_size > 0 && config.classes > 0 &&
                        config.mlp_width > 0 && config.depth > 0;
  return possible ? std::optional(config) : std::nullopt;
}

// The first name that one of the two has alone; "" where they are equal.
std::string first_difference(const std::set<std::string>& expected, const Shapes& shapes) {
  for (const std::string& name : expected) {
    if (!shapes.contains(name)) return "'" + name + "' is missing";
  }
  for (const auto& [name, shape] : shapes) {
    if (!expected.contains(name)) return "'" + platform::cut(name, 200) + "' has no place in it";
  }
  return "";
}

}  // namespace

void VitConfig::read_json(const boost::json::object& json) {
  const ConfigReader read(json, "vision transformer");
  if (read.integer("num_classes", classes) != classes) {
    contradicts("num_classes is not " + std::to_string(classes));
  }
  heads = heads_of(read.text("architecture", ""), heads);
  const boost::json::object* const args = object_in(json, "model_args");
  std::string pool = read.text("global_pool", class_token ? "token" : "avg");
  if (args != nullptr) {
    read_model_args(*args, *this);
    const ConfigReader read_args(*args, "vision transformer");
    read_args.only("global_pool", {"\"token\"", "\"avg\""});
    pool = read_args.text("global_pool", pool);
  }
  if (width % heads != 0) {
    contradicts(std::to_string(heads) + " heads do not divide the width " + std::to_string(width));
  }
  if (pool != "token" && pool != "avg") read.unsupported("global_pool");
  pools_class_token = pool == "token";
  if (pools_class_token && !class_token) contradicts("it pools a class token");
  if (const boost::json::object* const preparation = object_in(json, "pretrained_cfg")) {
    read_preparation(*preparation, *this);
  }
  labels = read.texts("label_names", labels);
  if (!labels.empty() && static_cast<std::int64_t>(labels.size()) != classes) {
    contradicts("it names " + std::to_string(labels.size()) + " labels for " +
                std::to_string(classes) + " classes");
  }
}

std::optional<VitConfig> recognise_vit(std::span<const TensorInfo> tensors) {
  const Shapes shapes = shapes_of(tensors);
  std::optional<VitConfig> config = sizes_of(shapes);
  if (!config || !first_difference(names_of(*config), shapes).empty()) return std::nullopt;
  return config;
}

std::string describe_vit_mismatch(std::span<const TensorInfo> tensors) {
  const Shapes shapes = shapes_of(tensors);
  const std::optional<VitConfig> config = sizes_of(shapes);
  return config ? first_difference(names_of(*config), shapes)
                : "the shapes of patches, positions, blocks and head do not fit together";
}

struct Vit::Parts {
  VitConfig config;
  Conv2d patch_embed;
  Tensor cls_token;  // [1, 1, width]
  Tensor pos_embed;  // [1, tokens, width]
  std::vector<Block> blocks;
  LayerNorm norm;
  Linear head;

  Parts(const VitConfig& given, const Binder& binder) : config(given) {
    const std::int64_t side = config.image_size / config.patch_size;
    const std::int64_t tokens = side * side + (config.class_token ? 1 : 0);
    patch_embed = Conv2d(binder.scope("patch_embed").scope("proj"),
                         {config.channels, config.width, config.patch_size, config.patch_size, 0});
    if (config.class_token) cls_token = binder.tensor("cls_token", {1, 1, config.width});
    pos_embed = binder.tensor("pos_embed", {1, tokens, config.width});
    for (std::int64_t i = 0; i < config.depth; ++i) {
      blocks.emplace_back(config, binder.scope("blocks").scope(i));
    }
    norm = LayerNorm(binder.scope(config.fc_norm ? "fc_norm" : "norm"), config.width, kNormEps);
    head = Linear(binder.scope("head"), config.width, config.classes, Bias::kYes);
  }

  Tensor embedded(const Tensor& pictures) const {
    const Tensor patches = patch_embed(pictures.to(patch_embed.options()))
                               .permute({0, 2, 3, 1})
                               .flatten(1, 2);  // [batch, patches, width]
    if (!cls_token.defined()) return patches + pos_embed;
    return at::cat({cls_token.expand({patches.size(0), 1, config.width}), patches}, 1)
        .add_(pos_embed);
  }

  // [batch, tokens, width] -> [batch, width]
  Tensor pooled(const Tensor& x) const {
    if (config.pools_class_token) return x.select(1, 0);
    const std::int64_t prefix = config.class_token ? 1 : 0;
    return x.slice(1, prefix).to(at::kFloat).mean(1).to(x.scalar_type());
  }
};

Vit::Vit(const VitConfig& config, const Binder& binder)
    : parts_(std::make_unique<Parts>(config, binder)) {}
Vit::~Vit() = default;
Vit::Vit(Vit&&) noexcept = default;
Vit& Vit::operator=(Vit&&) noexcept = default;

const VitConfig& Vit::config() const { return parts_->config; }

Tensor Vit::forward(const Tensor& pictures, const std::function<void()>& check) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  const VitConfig& config = parts.config;
  if (pictures.dim() != 4 || pictures.size(1) != config.channels ||
      pictures.size(2) != config.image_size || pictures.size(3) != config.image_size) {
    const std::string side = std::to_string(config.image_size);
    throw Error(ErrorCode::kInvalidArgument, "this classifier takes pictures of " + side + "x" +
                                                 side + " pixels: resize and crop them first");
  }
  Tensor x = parts.embedded(pictures);
  for (const Block& block : parts.blocks) {
    if (check) check();
    x = block.forward(x);
  }
  // The norm looks at each token alone, so it may follow the choice of the class token.
  x = config.fc_norm || config.pools_class_token ? parts.norm(parts.pooled(x).contiguous())
                                                 : parts.pooled(parts.norm(x));
  return parts.head(x).to(at::kFloat);  // [batch, classes]
}

}  // namespace atelier::engine
