// A tiny classifier of timm's kind as a folder: weights made by tiny_model.h.
#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <string>

#include "tests/golden/tiny_model.h"

namespace atelier::golden {

// A vision transformer with one block that takes 32x32 pixels; labels "marked" (flagged) and
// "plain".
inline void write_tiny_classifier(const std::filesystem::path& folder) {
  constexpr int kWidth = 64, kPatch = 8, kPositions = 17;
  boost::json::array tensors = {{"cls_token", {1, 1, kWidth}},
                                {"pos_embed", {1, kPositions, kWidth}},
                                {"patch_embed.proj.weight", {kWidth, 3, kPatch, kPatch}},
                                {"patch_embed.proj.bias", boost::json::array{kWidth}}};
  const auto norm = [&](const std::string& name) {
    tensors.push_back({name + ".weight", boost::json::array{kWidth}});
    tensors.push_back({name + ".bias", boost::json::array{kWidth}});
  };
  const auto linear = [&](const std::string& name, int in, int out) {
    tensors.push_back({name + ".weight", {out, in}});
    tensors.push_back({name + ".bias", boost::json::array{out}});
  };
  norm("blocks.0.norm1");
  linear("blocks.0.attn.qkv", kWidth, 3 * kWidth);
  linear("blocks.0.attn.proj", kWidth, kWidth);
  norm("blocks.0.norm2");
  linear("blocks.0.mlp.fc1", kWidth, 4 * kWidth);
  linear("blocks.0.mlp.fc2", 4 * kWidth, kWidth);
  norm("norm");
  linear("head", kWidth, 2);
  write_safetensors(folder / "model.safetensors", tensors);
  write_text(folder / "config.json", R"({"architecture": "vit_tiny_patch16_224", "num_classes": 2,
    "num_features": 64, "global_pool": "token",
    "model_args": {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 1, "num_heads": 2},
    "pretrained_cfg": {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 1.0,
      "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
      "label_names": ["marked", "plain"]}})");
  write_text(folder / "atelier.json", R"({"title": "Tiny", "flagged": "marked"})");
}

}  // namespace atelier::golden
