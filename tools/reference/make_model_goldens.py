"""Writes the golden files of the diffusion networks (format: golden_file.py)."""

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from golden_file import GoldenFile
from weights import canonical_name, seed_model, seeded_input

VERSIONS = {"torch": torch.__version__.split("+")[0], "diffusers": diffusers.__version__,
            "transformers": transformers.__version__}
SD15 = dict(block_out_channels=[32, 64, 64, 64], layers_per_block=2, norm_num_groups=8, cross_attention_dim=32,
            attention_head_dim=4,
            down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
SDXL = dict(block_out_channels=[32, 64, 64], layers_per_block=2, norm_num_groups=32, cross_attention_dim=96,
            attention_head_dim=[2, 4, 8], transformer_layers_per_block=[1, 2, 3], use_linear_projection=True,
            down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            addition_embed_type="text_time", addition_time_embed_dim=16,
            projection_class_embeddings_input_dim=64 + 6 * 16)
# 24 channels: no multiple of 16, so other kernels run; layers and heads per block.
ODD = dict(SD15, block_out_channels=[24, 48], norm_num_groups=4, attention_head_dim=[2, 6], layers_per_block=[1, 2],
           down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
           cross_attention_dim=20, flip_sin_to_cos=False, freq_shift=1)
VAE = dict(block_out_channels=[32, 64, 64], layers_per_block=2, norm_num_groups=8, latent_channels=4, sample_size=32,
           down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3)
TEXT = dict(vocab_size=1000, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
            max_position_embeddings=77, projection_dim=48, bos_token_id=0, pad_token_id=1)


class Golden(GoldenFile):
    def __init__(self, name, component, model, config):
        seed_model(model, component)
        tensors = {canonical_name(model, key): value.shape for key, value in model.named_parameters()}
        super().__init__(name, component, config, tensors, VERSIONS)


def unet(name, config, sizes, timesteps, batch=2, tokens=7):
    golden = Golden(name, "unet", UNet2DConditionModel(**config), dict(config, _class_name="UNet2DConditionModel"))
    model = UNet2DConditionModel(**config)
    seed_model(model, "unet")
    for (height, width), timestep in zip(sizes, timesteps):
        sample = seeded_input(f"sample_{height}x{width}", (batch, model.config.in_channels, height, width))
        context = seeded_input("context", (batch, tokens, config["cross_attention_dim"]))
        added = None
        if "addition_embed_type" in config:
            ids = torch.tensor([[1024, 1024, 0, 0, 1024, 1024], [640, 1536, 8, 16, 512, 768]], dtype=torch.float32)
            added = {"text_embeds": seeded_input("pooled", (batch, 64)), "time_ids": ids}
        result = model(sample, torch.tensor(timestep), context, added_cond_kwargs=added).sample
        golden.add({"sample": result}, size=[height, width], timestep=timestep, batch=batch, tokens=tokens)
    golden.write()


def vae(name, config):
    golden = Golden(name, "vae", AutoencoderKL(**config), dict(config, _class_name="AutoencoderKL"))
    model = seed_model(AutoencoderKL(**config), "vae")

    def encode(height, width):
        moments = model.encode(seeded_input(f"image_{height}x{width}", (1, 3, height, width))).latent_dist
        return {"mean": moments.mean, "logvar": moments.logvar}

    def decode(height, width):
        return {"image": model.decode(seeded_input(f"latents_{height}x{width}", (1, 4, height, width)) * 3).sample}

    golden.add(encode(24, 40), task="encode", size=[24, 40])
    golden.add(decode(7, 9), task="decode", size=[7, 9])
    if config["sample_size"] == 32:
        model.enable_tiling()
        golden.add(encode(40, 72), task="tiled_encode", size=[40, 72])
        golden.add(decode(17, 11), task="tiled_decode", size=[17, 11])
    golden.write()


def text(name, projection, **changes):
    config = dict(TEXT, **changes)
    kind = CLIPTextModelWithProjection if projection else CLIPTextModel
    golden = Golden(name, "text_encoder", kind(CLIPTextConfig(**config)), dict(config, architectures=[kind.__name__]))
    model = seed_model(kind(CLIPTextConfig(**config)), "text_encoder")
    end = config["vocab_size"] - 1
    rows = [[end - 1, 5, 17, 900 % (end - 1), 4, end] + [end] * 71, [end - 1] + list(range(3, 78))[:75] + [end],
            [end - 1, end] + [0] * 75]
    ids = torch.tensor(rows)
    result = model(ids, output_hidden_states=True)
    body = model.text_model if projection else model
    hidden = result.hidden_states
    assert len(hidden) == config["num_hidden_layers"] + 1
    cut = {"last": result.last_hidden_state, "penultimate": hidden[-2], "first": hidden[0],
           "penultimate_normed": body.final_layer_norm(hidden[-2])}
    outputs = {key: value[:, ::8].contiguous() for key, value in cut.items()}  # every eighth token
    pooled = body(ids).pooler_output
    outputs["pooled"] = pooled
    if projection:
        outputs["projected"] = result.text_embeds
    golden.add(outputs, ids=rows)
    golden.write()


def main():
    torch.set_num_threads(1)
    with torch.inference_mode():
        unet("unet_sd15", SD15, [(16, 16), (16, 24), (13, 9)], [981, 1, 412.3751], tokens=77)
        unet("unet_sd15_inpaint", dict(SD15, in_channels=9, layers_per_block=1), [(8, 16)], [500])
        unet("unet_sdxl", SDXL, [(16, 16), (10, 7)], [999, 250.5])
        unet("unet_odd", ODD, [(6, 10)], [33.25])
        vae("vae", VAE)
        vae("vae_scale8", dict(VAE, block_out_channels=[32, 32, 64, 64], layers_per_block=1, norm_num_groups=32,
                               sample_size=64, down_block_types=["DownEncoderBlock2D"] * 4,
                               up_block_types=["UpDecoderBlock2D"] * 4))
        text("text_quick_gelu", False, hidden_act="quick_gelu", eos_token_id=2)
        text("text_gelu_projection", True, hidden_act="gelu", eos_token_id=2, hidden_size=64, num_attention_heads=4)
        text("text_own_vocabulary", True, hidden_act="gelu", vocab_size=100, eos_token_id=99, num_hidden_layers=2)


if __name__ == "__main__":
    main()
