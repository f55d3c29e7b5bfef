"""Writes tests/golden/data/bf16_distances.json: how far the reference's own bf16 numbers on a CPU are from its fp32
numbers. Ours may be 1.5 times as far. Distances are root mean squares as a share of the root mean square of the fp32
values; of pictures over the 8-bit values of every third pixel.

The models and cases are those of make_model_goldens.py and make_pipeline_goldens.py; several seeds and sizes for each,
because one tiny run proves little.
"""

import base64
import json
import pathlib

import numpy
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

import make_model_goldens as models
import make_pipeline_goldens as pipelines
import tiny_models
from weights import seed_model, seeded_input

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/data/bf16_distances.json"
UNET_SIZES = [(16, 16), (24, 32), (13, 9), (32, 24)]
VAE_SIZES = [(7, 9), (16, 12), (24, 24)]
PICTURES = [dict(seed=seed, sampler=sampler, width=width, height=height)
            for seed, sampler, width, height in [
                (5, "", 64, 64), (6, "DPM++ 2M Karras", 64, 64), (7, "Euler", 72, 88), (8, "UniPC", 96, 64),
                (9, "Heun", 64, 64), (10, "Euler", 128, 96)]]


def distance(ours, truth):
    difference = numpy.concatenate([(a - b).flatten() for a, b in zip(ours, truth)])
    values = numpy.concatenate([b.flatten() for b in truth])
    return float(numpy.sqrt((difference ** 2).mean() / (values ** 2).mean()))


def unet_outputs(dtype):
    model = seed_model(UNet2DConditionModel(**models.SD15), "unet").to(dtype)
    for height, width in UNET_SIZES:
        sample = seeded_input(f"sample_{height}x{width}", (2, 4, height, width))
        context = seeded_input("context", (2, 77, models.SD15["cross_attention_dim"]))
        yield model(sample.to(dtype), torch.tensor(500), context.to(dtype)).sample.float().numpy()


def vae_outputs(dtype):
    model = seed_model(AutoencoderKL(**models.VAE), "vae").to(dtype)
    for height, width in VAE_SIZES:
        latents = seeded_input(f"latents_{height}x{width}", (1, 4, height, width)) * 3
        yield model.decode(latents.to(dtype)).sample.float().numpy()


def picture_outputs(dtype):
    modules, described = tiny_models.build(tiny_models.description("sd15", False))
    modules = {name: module.to(dtype) for name, module in modules.items()}
    for case in PICTURES:
        result = pipelines.run("sd15", modules, described, **case)
        yield numpy.frombuffer(base64.b64decode(result["pixels"]), numpy.uint8).astype(numpy.float64)


def main():
    torch.set_num_threads(2)
    document = dict(versions=models.VERSIONS)
    with torch.inference_mode():
        for name, outputs, cases in (("unet", unet_outputs, UNET_SIZES), ("vae", vae_outputs, VAE_SIZES),
                                     ("pictures", picture_outputs, PICTURES)):
            measured = distance(list(outputs(torch.bfloat16)), list(outputs(torch.float32)))
            document[name] = dict(distance=measured, cases=cases)
            print(name, measured)
    OUT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
