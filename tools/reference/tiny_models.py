"""Tiny Stable Diffusion models of both architectures with weights that the C++ tests make themselves.

A value depends on the tensor's published name and its index alone (splitmix64 over FNV-1a), so that only
configurations and outputs are committed. The twin is tests/golden/tiny_model.h.
"""

import types

import numpy
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection


def seeded(name, shape):
    count = int(numpy.prod(shape))
    key = 14695981039346656037
    for byte in name.encode():
        key = ((key ^ byte) * 1099511628211) % 2**64
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(key) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    unit = (z >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1.0  # [-1, 1)
    if name.endswith(".bias"):
        values = 0.05 * unit
    elif len(shape) == 1:
        values = 1.0 + 0.1 * unit
    else:
        values = unit * numpy.sqrt(3.0 * shape[0] / count)  # variance 1 / fan-in
    return torch.from_numpy(values.astype(numpy.float32).reshape(shape))


def published_name(component, name):
    """transformers >= 5.6 has no `text_model.` in memory; the files have."""
    inside = ("embeddings.", "encoder.", "final_layer_norm.")
    return f"text_model.{name}" if component.startswith("text_encoder") and name.startswith(inside) else name


def fill(component, module):
    """Seeds every parameter; returns the published [name, shape] list."""
    listed = []
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            public = published_name(component, name)
            parameter.copy_(seeded(public, tuple(parameter.shape)))
            listed.append([public, list(parameter.shape)])
    return listed


UNET = dict(sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, norm_num_groups=8,
            block_out_channels=[32, 64], down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
            up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"], cross_attention_dim=32, attention_head_dim=4)
UNET_XL = dict(UNET, block_out_channels=[32, 64], down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
               up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"], cross_attention_dim=64, attention_head_dim=[2, 4],
               transformer_layers_per_block=[1, 2], use_linear_projection=True, addition_embed_type="text_time",
               addition_time_embed_dim=8, projection_class_embeddings_input_dim=80)
VAE = dict(sample_size=64, in_channels=3, out_channels=3, latent_channels=4, layers_per_block=1, norm_num_groups=4,
           block_out_channels=[8, 16, 16, 16], down_block_types=["DownEncoderBlock2D"] * 4,
           up_block_types=["UpDecoderBlock2D"] * 4)
TEXT = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, vocab_size=49408,
            max_position_embeddings=77, projection_dim=32, hidden_act="quick_gelu", bos_token_id=0, eos_token_id=2,
            pad_token_id=1)
SD15_SCHEDULER = dict(_class_name="PNDMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                      num_train_timesteps=1000, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False,
                      clip_sample=False)
SDXL_SCHEDULER = dict(SD15_SCHEDULER, _class_name="EulerDiscreteScheduler", timestep_spacing="leading",
                      interpolation_type="linear", prediction_type="epsilon", use_karras_sigmas=False)


def description(family, inpaint=False):
    channels = 9 if inpaint else 4
    if family == "sd15":
        return dict(family=family, index={"_class_name": "StableDiffusionPipeline"}, scheduler=SD15_SCHEDULER,
                    unet=dict(UNET, in_channels=channels), vae=VAE, text_encoder=TEXT)
    return dict(family=family, index={"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True},
                scheduler=SDXL_SCHEDULER, unet=dict(UNET_XL, in_channels=channels),
                vae=dict(VAE, scaling_factor=0.13025, force_upcast=True), text_encoder=TEXT,
                text_encoder_2=dict(TEXT, hidden_act="gelu", num_hidden_layers=4, num_attention_heads=2))


def build(described):
    """The modules, and the description completed with every tensor's name and shape."""
    modules = {"unet": UNet2DConditionModel(**described["unet"]), "vae": AutoencoderKL(**described["vae"]),
               "text_encoder": CLIPTextModel(CLIPTextConfig(**described["text_encoder"]))}
    if "text_encoder_2" in described:
        modules["text_encoder_2"] = CLIPTextModelWithProjection(CLIPTextConfig(**described["text_encoder_2"]))
    classes = {name: type(module).__name__ for name, module in modules.items()}
    # diffusers 0.42 looks for the final norm where transformers < 5.6 had it.
    norm = types.SimpleNamespace(final_layer_norm=modules["text_encoder"].final_layer_norm)
    object.__setattr__(modules["text_encoder"], "text_model", norm)
    tensors = {name: fill(name, module.eval()) for name, module in modules.items()}
    return modules, dict(described, tensors=tensors, classes=classes)
