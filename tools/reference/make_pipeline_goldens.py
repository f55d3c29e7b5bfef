"""Writes tests/golden/data/pipelines/*.json: whole runs of diffusers' pipelines on tiny seeded models.

Each file holds the model (configurations, tensor names and shapes) and its cases: what was asked, the final
latents, and every third pixel of the 8-bit picture (base64).
"""

import base64
import json
import pathlib
import sys
import types

import diffusers
import numpy
import torch
import transformers
from diffusers import (DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler,
                       HeunDiscreteScheduler, LCMScheduler, PNDMScheduler, StableDiffusionImg2ImgPipeline,
                       StableDiffusionInpaintPipeline, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline,
                       StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline, UniPCMultistepScheduler)
from PIL import Image

import tiny_models

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/data/pipelines"
TOKENS = {"": [], "a photo of a cat": [320, 1125, 539, 320, 2368], "a dog": [320, 1929]}
SAMPLERS = {"Euler": (EulerDiscreteScheduler, {}), "Euler a": (EulerAncestralDiscreteScheduler, {}),
            "Heun": (HeunDiscreteScheduler, {}), "UniPC": (UniPCMultistepScheduler, {}), "LCM": (LCMScheduler, {}),
            "DPM++ 2M Karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
            "DPM++ 2M SDE": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"})}
PIPELINES = {("sd15", "text"): StableDiffusionPipeline, ("sd15", "image"): StableDiffusionImg2ImgPipeline,
             ("sd15", "inpaint"): StableDiffusionInpaintPipeline, ("sdxl", "text"): StableDiffusionXLPipeline,
             ("sdxl", "image"): StableDiffusionXLImg2ImgPipeline,
             ("sdxl", "inpaint"): StableDiffusionXLInpaintPipeline}


class Tokenizer:
    """Known prompts only: the tokenizer has goldens of its own."""

    model_max_length = 77
    added_tokens_encoder = {}

    def __init__(self, pad):
        self.pad = pad

    def tokenize(self, text):
        return []

    def __call__(self, text, **_):
        rows = []
        for one in [text] if isinstance(text, str) else text:
            ids = [49406] + TOKENS[one] + [49407]
            rows.append(ids + [self.pad] * (77 - len(ids)))
        return types.SimpleNamespace(input_ids=torch.tensor(rows), attention_mask=None)


def picture(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    channels = [(x * 5 + y * 3) % 256, ((x // 8 + y // 8) % 2) * 200 + 20, (x * y) % 256]
    return Image.fromarray(numpy.stack(channels, -1).astype(numpy.uint8))


def mask(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    inside = (x - width * 0.6) ** 2 + (y - height * 0.4) ** 2 < (min(width, height) * 0.35) ** 2
    return Image.fromarray((inside * 255).astype(numpy.uint8))


def make_pipeline(family, task, modules, described, sampler):
    scheduler_class = EulerDiscreteScheduler if family == "sdxl" else PNDMScheduler
    settings = {k: v for k, v in described["scheduler"].items() if k != "_class_name"}
    scheduler = scheduler_class.from_config(settings)
    parts = dict(modules, scheduler=scheduler, tokenizer=Tokenizer(49407))
    if family == "sdxl":
        parts.update(tokenizer_2=Tokenizer(0), force_zeros_for_empty_prompt=True)
        parts["add_watermarker"] = False
    else:
        parts.update(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline = PIPELINES[family, task](**parts)
    if sampler:
        cls, extra = SAMPLERS[sampler]
        # The plain file's keys and nothing else, as from_pretrained would find them.
        pipeline.scheduler = cls.from_config(dict(settings), **extra)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def guided_until(end, family):
    """diffusers' "dynamic classifier-free guidance": after int(end * steps) steps only the prompt's rows are left."""
    names = ["prompt_embeds"] + (["add_text_embeds", "add_time_ids"] if family == "sdxl" else [])

    def after_step(pipeline, step, timestep, tensors):
        if pipeline.do_classifier_free_guidance and step + 1 >= int(end * pipeline.num_timesteps):
            pipeline._guidance_scale = 0.0
            return {name: tensor.chunk(2)[-1] for name, tensor in tensors.items()}
        return tensors

    return dict(callback_on_step_end=after_step, callback_on_step_end_tensor_inputs=names)


def run(family, modules, described, *, task="text", sampler="", prompt="a photo of a cat", negative=None, steps=4,
        guidance=7.5, rescale=0.0, guidance_end=1.0, clip_skip=0, width=64, height=64, seed=5, strength=None, batch=1):
    pipeline = make_pipeline(family, task, modules, described, sampler)
    arguments = dict(prompt=prompt, negative_prompt=negative, num_inference_steps=steps, guidance_scale=guidance)
    if clip_skip > 1:
        arguments["clip_skip"] = clip_skip - 1
    if rescale:
        arguments["guidance_rescale"] = rescale
    if guidance_end < 1:
        arguments.update(guided_until(guidance_end, family))
    if task != "image":
        arguments.update(width=width, height=height)
    if task != "text":
        arguments.update(image=picture(width, height), strength=strength)
    if task == "inpaint":
        arguments.update(mask_image=mask(width, height))
    latents = []
    for i in range(batch):
        generator = torch.Generator().manual_seed(seed + i)
        latents.append(pipeline(**arguments, generator=generator, output_type="latent").images)
    final = torch.cat(latents)
    with torch.no_grad():
        decoded = pipeline.vae.decode(final / pipeline.vae.config.scaling_factor, return_dict=False)[0]
    pictures = pipeline.image_processor.postprocess(decoded, output_type="pil")
    values = numpy.array(pictures[0])
    spread = [round(float(values.std()), 1), round(float(((values == 0) | (values == 255)).mean()), 3)]
    pixels = b"".join(numpy.ascontiguousarray(numpy.array(p)[::3, ::3]).tobytes() for p in pictures)
    print(family, task, sampler, "latents", round(float(final.std()), 3), "pixels: deviation, clipped part", spread)
    return dict(task=task, sampler=sampler, prompt=prompt, negative=negative, steps=steps, guidance=guidance,
                rescale=rescale, guidance_end=guidance_end, clip_skip=clip_skip, width=width, height=height, seed=seed, strength=strength,
                batch=batch, latents=[float(f"{v:.7g}") for v in final.flatten().tolist()],
                pixels=base64.b64encode(pixels).decode())


def write(name, family, inpaint, cases):
    if len(sys.argv) > 1 and name not in sys.argv[1:]:
        return
    modules, described = tiny_models.build(tiny_models.description(family, inpaint))
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__,
                "transformers": transformers.__version__}
    results = [run(family, modules, described, **case) for case in cases]
    text = json.dumps(dict(versions=versions, model=described, cases=results), separators=(",", ":"))
    (OUT / f"{name}.json").write_text(text.replace('},{"task"', '},\n{"task"') + "\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    write("sd15", "sd15", False, [
        dict(), dict(negative="a dog"), dict(width=72, height=88, steps=3), dict(guidance=1.0),
        dict(rescale=0.7, negative=""), dict(clip_skip=2), dict(batch=2, sampler="Euler a"),
        dict(sampler="DPM++ 2M Karras", steps=6), dict(sampler="Heun"), dict(sampler="UniPC"), dict(sampler="LCM"),
        dict(sampler="DPM++ 2M SDE"), dict(task="image", strength=0.6, steps=5), dict(task="image", strength=1.0),
        dict(task="image", strength=0.5, sampler="Euler a", steps=6),
        dict(task="image", strength=0.75, sampler="DPM++ 2M Karras"), dict(task="image", strength=0.7, sampler="Heun"),
        dict(task="inpaint", strength=1.0), dict(task="inpaint", strength=0.7, sampler="Euler a"),
        dict(guidance_end=0.5, negative="a dog"), dict(guidance_end=0.4, sampler="Heun", steps=5, rescale=0.7),
        dict(guidance_end=0.6, batch=2, sampler="Euler a"), dict(guidance_end=0.5, task="image", strength=0.7, steps=6),
    ])
    write("sd15_inpaint", "sd15", True, [
        dict(task="inpaint", strength=1.0), dict(task="inpaint", strength=0.6, steps=5),
        dict(task="inpaint", strength=0.8, sampler="Euler a")])
    write("sdxl", "sdxl", False, [
        dict(guidance=5.0), dict(guidance=5.0, negative=""), dict(guidance=5.0, negative="a dog", clip_skip=2),
        dict(guidance=1.0), dict(width=72, height=88, sampler="DPM++ 2M Karras"), dict(sampler="Euler a"),
        dict(task="image", strength=0.5), dict(task="inpaint", strength=0.9999), dict(task="inpaint", strength=0.6),
        dict(guidance=5.0, guidance_end=0.5)])
