"""Writes tests/data/checkpoints/*.txt: names and shapes of the published models' tensors.

    python tools/reference/make_checkpoint_lists.py

Lists of the diffusers layout come from the reference's own classes with the published configurations, on the
meta device. Lists of single-file (LDM) checkpoints are built here the way the original code builds its
modules, and checked by putting them through the reference's converters, which must give the first lists.
Each line: how many characters the name shares with the one before, the rest of the name, the shape; LDM lists also say where the
reference's converters put the tensor.
"""

from os.path import commonprefix
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils as single
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

TARGET = Path(__file__).parents[2] / "tests/data/checkpoints"

CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
SD15 = dict(sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=768, attention_head_dim=8,
            down_block_types=(CROSS_DOWN,) * 3 + ("DownBlock2D",), up_block_types=("UpBlock2D",) + (CROSS_UP,) * 3)
SDXL = dict(sample_size=128, block_out_channels=(320, 640, 1280), cross_attention_dim=2048,
            attention_head_dim=(5, 10, 20), down_block_types=("DownBlock2D", CROSS_DOWN, CROSS_DOWN),
            up_block_types=(CROSS_UP, CROSS_UP, "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
            use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816)
VAE = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
           down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
BIG_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280,
             hidden_act="gelu")


def shapes_of(model):
    return {name: tuple(t.shape) for name, t in model.state_dict().items() if not name.endswith("position_ids")}


def published_text_names(shapes):
    """Published files keep the wrapper that new versions of the reference drop."""
    plain = ("text_model.", "text_projection.")
    return {n if n.startswith(plain) else "text_model." + n: s for n, s in shapes.items()}


def conv(shapes, name, n_in, n_out, k):
    shapes[name + ".weight"], shapes[name + ".bias"] = (n_out, n_in, k, k), (n_out,)


def linear(shapes, name, n_in, n_out, bias=True):
    shapes[name + ".weight"] = (n_out, n_in)
    if bias:
        shapes[name + ".bias"] = (n_out,)


def norm(shapes, name, n):
    shapes[name + ".weight"] = shapes[name + ".bias"] = (n,)


class LdmUnet:
    """The module tree of the original UNetModel: input_blocks, middle_block, output_blocks."""

    def __init__(self, in_channels, mult, depth, context, linear_projection, label=None):
        self.s, self.context, self.linear_projection = {}, context, linear_projection
        s, ch, width = self.s, 320, 320
        linear(s, "time_embed.0", width, 4 * width)
        linear(s, "time_embed.2", 4 * width, 4 * width)
        if label:
            linear(s, "label_emb.0.0", label, 4 * width)
            linear(s, "label_emb.0.2", 4 * width, 4 * width)
        conv(s, "input_blocks.0.0", in_channels, width, 3)
        skips, index = [width], 1
        for level, m in enumerate(mult):
            for _ in range(2):
                self.resnet(f"input_blocks.{index}.0", ch, width * m)
                ch = width * m
                if depth[level]:
                    self.transformer(f"input_blocks.{index}.1", ch, depth[level])
                skips.append(ch)
                index += 1
            if level + 1 < len(mult):
                conv(s, f"input_blocks.{index}.0.op", ch, ch, 3)
                skips.append(ch)
                index += 1
        self.resnet("middle_block.0", ch, ch)
        self.transformer("middle_block.1", ch, depth[-1] or 1)
        self.resnet("middle_block.2", ch, ch)
        index = 0
        for level, m in reversed(list(enumerate(mult))):
            for layer in range(3):
                self.resnet(f"output_blocks.{index}.0", ch + skips.pop(), width * m)
                ch, part = width * m, 1
                if depth[level]:
                    self.transformer(f"output_blocks.{index}.1", ch, depth[level])
                    part = 2
                if level and layer == 2:
                    conv(s, f"output_blocks.{index}.{part}.conv", ch, ch, 3)
                index += 1
        norm(s, "out.0", ch)
        conv(s, "out.2", ch, 4, 3)

    def resnet(self, name, n_in, n_out):
        norm(self.s, name + ".in_layers.0", n_in)
        conv(self.s, name + ".in_layers.2", n_in, n_out, 3)
        linear(self.s, name + ".emb_layers.1", 1280, n_out)
        norm(self.s, name + ".out_layers.0", n_out)
        conv(self.s, name + ".out_layers.3", n_out, n_out, 3)
        if n_in != n_out:
            conv(self.s, name + ".skip_connection", n_in, n_out, 1)

    def transformer(self, name, ch, depth):
        norm(self.s, name + ".norm", ch)
        for side in ("proj_in", "proj_out"):
            if self.linear_projection:
                linear(self.s, f"{name}.{side}", ch, ch)
            else:
                conv(self.s, f"{name}.{side}", ch, ch, 1)
        for i in range(depth):
            block = f"{name}.transformer_blocks.{i}"
            for attention, width in (("attn1", ch), ("attn2", self.context)):
                linear(self.s, f"{block}.{attention}.to_q", ch, ch, bias=False)
                linear(self.s, f"{block}.{attention}.to_k", width, ch, bias=False)
                linear(self.s, f"{block}.{attention}.to_v", width, ch, bias=False)
                linear(self.s, f"{block}.{attention}.to_out.0", ch, ch)
            linear(self.s, f"{block}.ff.net.0.proj", ch, 8 * ch)
            linear(self.s, f"{block}.ff.net.2", 4 * ch, ch)
            for i_norm in (1, 2, 3):
                norm(self.s, f"{block}.norm{i_norm}", ch)


def ldm_vae():
    s = {}

    def resnet(name, n_in, n_out):
        norm(s, name + ".norm1", n_in)
        conv(s, name + ".conv1", n_in, n_out, 3)
        norm(s, name + ".norm2", n_out)
        conv(s, name + ".conv2", n_out, n_out, 3)
        if n_in != n_out:
            conv(s, name + ".nin_shortcut", n_in, n_out, 1)

    def mid(name):
        resnet(name + ".mid.block_1", 512, 512)
        norm(s, name + ".mid.attn_1.norm", 512)
        for part in ("q", "k", "v", "proj_out"):
            conv(s, f"{name}.mid.attn_1.{part}", 512, 512, 1)
        resnet(name + ".mid.block_2", 512, 512)

    widths = (128, 256, 512, 512)
    conv(s, "encoder.conv_in", 3, 128, 3)
    ch = 128
    for i, width in enumerate(widths):
        for j in range(2):
            resnet(f"encoder.down.{i}.block.{j}", ch, width)
            ch = width
        if i < 3:
            conv(s, f"encoder.down.{i}.downsample.conv", ch, ch, 3)
    mid("encoder")
    norm(s, "encoder.norm_out", 512)
    conv(s, "encoder.conv_out", 512, 8, 3)
    conv(s, "decoder.conv_in", 4, 512, 3)
    mid("decoder")
    for i, width in reversed(list(enumerate(widths))):
        for j in range(3):
            resnet(f"decoder.up.{i}.block.{j}", ch, width)
            ch = width
        if i:
            conv(s, f"decoder.up.{i}.upsample.conv", ch, ch, 3)
    norm(s, "decoder.norm_out", 128)
    conv(s, "decoder.conv_out", 128, 3, 3)
    conv(s, "quant_conv", 8, 8, 1)
    conv(s, "post_quant_conv", 4, 4, 1)
    return s


def open_clip():
    s = {"positional_embedding": (77, 1280), "text_projection": (1280, 1280), "token_embedding.weight": (49408, 1280)}
    for i in range(32):
        block = f"transformer.resblocks.{i}"
        s[f"{block}.attn.in_proj_weight"], s[f"{block}.attn.in_proj_bias"] = (3840, 1280), (3840,)
        linear(s, f"{block}.attn.out_proj", 1280, 1280)
        norm(s, f"{block}.ln_1", 1280)
        norm(s, f"{block}.ln_2", 1280)
        linear(s, f"{block}.mlp.c_fc", 1280, 5120)
        linear(s, f"{block}.mlp.c_proj", 5120, 1280)
    norm(s, "ln_final", 1280)
    return s


def numbered(shapes, prefix=""):
    """Tensors without memory whose every value is their number, so that the converters' moves can be followed."""
    return {prefix + n: torch.tensor([float(i)]).expand(s) for i, (n, s) in enumerate(shapes.items())}


def follow(shapes, prefix, expected, convert):
    """LDM name (with its prefix) -> the places that the reference's converter gives it."""
    converted = convert(numbered(shapes, prefix))
    converted = {n: t for n, t in converted.items() if not n.endswith("position_ids")}
    if "text_model.embeddings.token_embedding.weight" in expected:
        converted = published_text_names(converted)
    got = {n: tuple(t.shape) for n, t in converted.items()}
    assert got == expected, sorted(set(got.items()) ^ set(expected.items()))[:8]
    names, order = list(shapes), {n: i for i, n in enumerate(sorted(expected))}
    places = {}
    for name, tensor in converted.items():
        places.setdefault(prefix + names[int(tensor.flatten()[0])], []).append(order[name])
    return places


def write(name, shapes, places=None):
    """With places: as a last column the line numbers in the component's own list, counted from 0."""
    last, lines = "", []
    for tensor, shape in sorted(shapes.items()):
        shared = len(commonprefix([last, tensor]))
        line = f"{shared} {tensor[shared:]} {','.join(map(str, shape)) or '-'}"
        if places is not None:
            line += " " + ("+".join(map(str, sorted(places.get(tensor, [])))) or "-")
        lines.append(line)
        last = tensor
    (TARGET / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print(name, len(shapes), sum(torch.Size(s).numel() for s in shapes.values()))


BUFFERS = ["betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
           "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod",
           "posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "logvar"]


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        unet15 = shapes_of(UNet2DConditionModel(**SD15))
        unetxl = shapes_of(UNet2DConditionModel(**SDXL))
        vae = shapes_of(AutoencoderKL(**VAE))
        clip_l = published_text_names(shapes_of(CLIPTextModel(CLIPTextConfig(**CLIP_L))))
        big_g = published_text_names(shapes_of(CLIPTextModelWithProjection(CLIPTextConfig(**BIG_G))))
    for name, shapes in (("unet_sd15", unet15), ("unet_sdxl", unetxl), ("vae", vae), ("clip_l", clip_l),
                         ("big_g", big_g)):
        write(name, shapes)

    ldm15 = LdmUnet(4, (1, 2, 4, 4), (1, 1, 1, 0), 768, False).s
    ldmxl = LdmUnet(4, (1, 2, 4), (0, 2, 10), 2048, True, 2816).s
    prefix = "model.diffusion_model."
    config15, configxl = ({"layers_per_block": 2, "class_embed_type": None, "addition_embed_type": None, **c}
                          for c in (SD15, SDXL))
    ldm_v, ldm_g = ldm_vae(), open_clip()
    convert_clip = single.convert_ldm_clip_checkpoint
    with torch.device("meta"):
        model_g = CLIPTextModelWithProjection(CLIPTextConfig(**BIG_G))
    vae_places = follow(ldm_v, "first_stage_model.", vae, lambda c: single.convert_ldm_vae_checkpoint(c, VAE))
    places15 = vae_places | follow(ldm15, prefix, unet15, lambda c: single.convert_ldm_unet_checkpoint(c, config15))
    places15 |= follow(clip_l, "cond_stage_model.transformer.", clip_l, convert_clip)
    placesxl = vae_places | follow(ldmxl, prefix, unetxl, lambda c: single.convert_ldm_unet_checkpoint(c, configxl))
    placesxl |= follow(clip_l, "conditioner.embedders.0.transformer.", clip_l, convert_clip)
    g_prefix = "conditioner.embedders.1.model."
    placesxl |= follow(ldm_g, g_prefix, big_g,
                       lambda c: single.convert_open_clip_checkpoint(model_g, c, prefix=g_prefix))

    sd15 = {prefix + n: s for n, s in ldm15.items()}
    sd15 |= {"first_stage_model." + n: s for n, s in ldm_v.items()}
    sd15 |= {"cond_stage_model.transformer." + n: s for n, s in clip_l.items()}
    sd15 |= {n: (1000,) for n in BUFFERS}
    sd15 |= {"model_ema.decay": (), "model_ema.num_updates": (), "model_ema.diffusion_modelout2bias": (4,),
             "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77)}
    write("ldm_sd15", sd15, places15)
    sdxl = {prefix + n: s for n, s in ldmxl.items()}
    sdxl |= {"first_stage_model." + n: s for n, s in ldm_v.items()}
    sdxl |= {"conditioner.embedders.0.transformer." + n: s for n, s in clip_l.items()}
    sdxl |= {g_prefix + n: s for n, s in ldm_g.items()}
    sdxl |= {"conditioner.embedders.0.transformer.text_model.embeddings.position_ids": (1, 77),
             "conditioner.embedders.1.model.logit_scale": (), "denoiser.sigmas": (1000,)}
    write("ldm_sdxl", sdxl, placesxl)


if __name__ == "__main__":
    main()
