"""Writes tests/golden/data/models/ldm_{sd15,sdxl}.json: single-file (LDM) names of the golden models' tensors.

Each line is [LDM name, shape, golden, its tensors, how]: "same", "1x1" (a linear kept as a convolution), "joined"
(rows of several tensors) or "transposed". Every list is proved by diffusers' own conversion, which must turn it
back into exactly the golden's tensors.
"""

import json
import pathlib
import re

import torch
from diffusers.loaders import single_file_utils as reference
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from golden_file import OUT
from weights import seeded_tensor

RESNET = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"),
          ("norm2", "out_layers.0"), ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection")]
UNET = [("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
        ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2")]
VAE_ATTENTION = [("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")]
OPEN_CLIP = [("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"),
             ("self_attn.out_proj", "attn.out_proj")]


def renamed(name, pairs):
    for ours, theirs in pairs:
        if name == ours or name.startswith(ours + "."):
            return theirs + name[len(ours):]
    return name


def unet_name(name, config):
    attention_up = [kind.startswith("Cross") for kind in config["up_block_types"]]
    match = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name)
    middle = re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name)
    if middle:
        place = {"attentions": 1, "resnets": 2 * int(middle[2])}[middle[1]]
        return f"middle_block.{place}.{renamed(middle[3], RESNET)}"
    if not match:
        return renamed(name, UNET)
    path, block, kind, layer, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks.{3 * block + 3}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{3 * block + 2}.{2 if attention_up[block] else 1}.{rest}"
    place = f"input_blocks.{3 * block + 1 + layer}" if path == "down" else f"output_blocks.{3 * block + layer}"
    return f"{place}.{int(kind == 'attentions')}.{renamed(rest, RESNET)}"


def vae_name(name, config):
    last = len(config["block_out_channels"]) - 1
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.resnets", r"encoder.down.\1.block", name)
    name = re.sub(r"encoder\.down_blocks\.(\d+)\.downsamplers\.0", r"encoder.down.\1.downsample", name)
    name = re.sub(r"decoder\.up_blocks\.(\d+)\.", lambda m: f"decoder.up.{last - int(m[1])}.", name)
    name = re.sub(r"(decoder\.up\.\d+)\.resnets", r"\1.block", name).replace("upsamplers.0", "upsample")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"mid_block\.attentions\.0\.(.*)", lambda m: "mid.attn_1." + renamed(m[1], VAE_ATTENTION), name)
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


class Names:
    def __init__(self):
        self.lines = []

    def load(self, golden):
        self.golden = golden
        self.json = json.loads((OUT / f"{golden}.json").read_text())
        return self.json["config"], self.json["tensors"]

    def add(self, ldm, tensors, how="same"):
        shape = list(self.json["tensors"][tensors[0]])
        shape = {"same": shape, "1x1": shape + [1, 1], "transposed": shape[::-1],
                 "joined": [shape[0] * len(tensors)] + shape[1:]}[how]
        self.lines.append([ldm, shape, self.golden, tensors, how])

    def stored(self, line):
        _, shape, _, tensors, how = line
        parts = [seeded_tensor(self.json["component"], name, self.json["tensors"][name]) for name in tensors]
        return parts[0].T if how == "transposed" else torch.cat(parts).reshape(shape)

    def prove(self, convert):
        """What the reference makes of the lines of this golden must be the golden's tensors."""
        lines = {line[0]: self.stored(line) for line in self.lines if line[2] == self.golden}
        made = convert(dict(lines))
        wanted = self.json["tensors"]
        assert set(made) == set(wanted), (set(made) ^ set(wanted))
        for name, shape in wanted.items():
            assert torch.equal(made[name].reshape(shape), seeded_tensor(self.json["component"], name, shape)), name

    def unet(self, golden):
        config, tensors = self.load(golden)
        for name in tensors:
            self.add("model.diffusion_model." + unet_name(name, config), [name])
        # As ConfigMixin fills it in.
        full = dict(config, class_embed_type=None, addition_embed_type=config.get("addition_embed_type"))
        self.prove(lambda lines: reference.convert_ldm_unet_checkpoint(lines, full))

    def vae(self, golden):
        config, tensors = self.load(golden)
        for name in tensors:
            square = ".attentions.0.to_" in name and name.endswith(".weight")
            self.add("first_stage_model." + vae_name(name, config), [name], "1x1" if square else "same")
        self.prove(lambda lines: reference.convert_ldm_vae_checkpoint(lines, config))

    def clip(self, golden, prefix):
        _, tensors = self.load(golden)
        for name in tensors:
            self.add(prefix + name, [name])
        self.prove(lambda lines: reference.convert_ldm_clip_checkpoint(lines, prefix))

    def open_clip(self, golden, prefix):
        config, tensors = self.load(golden)
        top = {"text_model.embeddings.position_embedding.weight": "positional_embedding",
               "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
               "text_model.final_layer_norm.weight": "ln_final.weight",
               "text_model.final_layer_norm.bias": "ln_final.bias"}
        for name in tensors:
            layer = re.match(r"text_model\.encoder\.layers\.(\d+)\.(.*)", name)
            if name in top:
                self.add(prefix + top[name], [name])
            elif name == "text_projection.weight":
                self.add(prefix + "text_projection", [name], "transposed")
            elif ".q_proj." in name:
                end = "in_proj_" + name.rsplit(".", 1)[1]
                joined = [name.replace("q_proj", part) for part in ("q_proj", "k_proj", "v_proj")]
                self.add(f"{prefix}transformer.resblocks.{layer[1]}.attn.{end}", joined, "joined")
            elif not re.search(r"\.[kv]_proj\.", name):
                self.add(f"{prefix}transformer.resblocks.{layer[1]}.{renamed(layer[2], OPEN_CLIP)}", [name])
        model = CLIPTextModelWithProjection(CLIPTextConfig(**config))
        self.prove(lambda lines: reference.convert_open_clip_checkpoint(model, lines, prefix))

    def write(self, family):
        assert len({line[0] for line in self.lines}) == len(self.lines)
        text = ",\n".join(json.dumps(line, separators=(",", ":")) for line in self.lines)
        (OUT / f"ldm_{family}.json").write_text(f"[\n{text}\n]\n")


def main():
    sd15 = Names()
    sd15.unet("unet_sd15")
    sd15.vae("vae")
    sd15.clip("text_quick_gelu", "cond_stage_model.transformer.")
    sd15.write("sd15")
    sdxl = Names()
    sdxl.unet("unet_sdxl")
    sdxl.vae("vae")
    sdxl.clip("text_quick_gelu", "conditioner.embedders.0.transformer.")
    sdxl.open_clip("text_gelu_projection", "conditioner.embedders.1.model.")
    sdxl.write("sdxl")


if __name__ == "__main__":
    main()
