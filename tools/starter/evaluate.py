"""Stage 5: makes pictures with the reference pipeline and scores them with the analyser.

`--choose` writes the fixed list of held-back prompts; else the list (or, with --split validation,
freshly sampled validation prompts) is drawn, one picture each.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler,
                       StableDiffusionPipeline)
from PIL import Image

from grammar import sample_scene, say, split_of
from picture_check import PictureCheck, facts_of

SCHEDULERS = {
    "ddim": lambda config: DDIMScheduler.from_config(config),
    "euler": lambda config: EulerDiscreteScheduler.from_config(config),
    "dpm++ 2m": lambda config: DPMSolverMultistepScheduler.from_config(config),
    "dpm++ 2m karras": lambda config: DPMSolverMultistepScheduler.from_config(
        config, use_karras_sigmas=True),
}


def sample_cases(split, count, seed):
    """Different prompts of one split that state at least shape, colour and background."""
    rng, cases, seen = np.random.default_rng(seed), [], set()
    while len(cases) < count:
        scene = sample_scene(rng)
        prompt = say(scene, rng)
        if scene["kind"] == "view" or prompt in seen or split_of(prompt) != split:
            continue
        facts = facts_of(scene, prompt)
        if "background" not in facts:
            continue
        seen.add(prompt)
        cases.append({"prompt": prompt, "seed": 1000 + len(cases), **facts})
    return cases


def make_pictures(pipe, cases, steps, guidance, batch=10):
    for start in range(0, len(cases), batch):
        part = cases[start:start + batch]
        yield from pipe([c["prompt"] for c in part], num_inference_steps=steps,
                        guidance_scale=guidance, output_type="np", width=128, height=128,
                        generator=[torch.Generator().manual_seed(c["seed"]) for c in part]).images


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--split", choices=("held_back", "validation"), default="held_back")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--sampler", choices=SCHEDULERS, default="dpm++ 2m karras")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    if options.choose:
        options.prompts.write_text(
            json.dumps({"cases": sample_cases("held_back", options.count, 60)}, indent=1) + "\n")
        return
    torch.set_num_threads(1)
    cases = (json.loads(options.prompts.read_text())["cases"] if options.split == "held_back"
             else sample_cases("validation", options.count, 61))
    pipe = StableDiffusionPipeline.from_pretrained(options.model, safety_checker=None,
                                                   torch_dtype=torch.float32)
    pipe.scheduler = SCHEDULERS[options.sampler](pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    check, hits, wrong_parts, pictures = PictureCheck(options.library), 0, {}, []
    started = time.time()
    for case, image in zip(cases, make_pictures(pipe, cases, options.steps, options.guidance)):
        pictures.append((image * 255).round().astype(np.uint8))
        right, wrong, seen = check.judge(pictures[-1], case)
        hits += right
        for part in wrong:
            wrong_parts[part] = wrong_parts.get(part, 0) + 1
        if not right:
            print(f"  {case['prompt']} | {', '.join(wrong)} | {seen}")
    print(f"{hits} of {len(cases)} right ({100 * hits / len(cases):.1f} %), wrong {wrong_parts}, "
          f"{(time.time() - started) / len(cases):.2f} s a picture")
    if options.sheet:
        pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % 10)
        rows = [np.concatenate(pictures[i:i + 10], 1) for i in range(0, len(pictures), 10)]
        Image.fromarray(np.concatenate(rows, 0)).save(options.sheet)


if __name__ == "__main__":
    main()
