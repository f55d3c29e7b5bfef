"""Stage 3b: latents of drawn pictures for train_unet.py, a thousand to a file.

Pictures are drawn once and noised anew each time they are shown; prompts are said anew too. May be
stopped and started again (file N is always made from random seed N), and may go on while training
runs, which takes in new files as they come.
"""

import argparse
import pickle
from pathlib import Path

import numpy as np
import torch

from draw import draw
from grammar import sample_scene
from train_autoencoder import make_autoencoder, to_tensor

NATIVE = (128, 128)
# Sizes of other aspect ratios that are trained beside the native one (width, height).
OTHER_SIZES = ((144, 112), (112, 144), (168, 96), (96, 168), (160, 128), (128, 160), (128, 96),
               (96, 128), (200, 80), (80, 200))
NATIVE_IN_A_FILE, OTHERS_IN_A_FILE = 900, 100


def load_autoencoder(work: Path):
    """The settled autoencoder and the factor that gives its latents spread one."""
    settled = torch.load(work / "autoencoder_settled.pt")
    autoencoder = make_autoencoder()
    autoencoder.load_state_dict(settled["model"])
    autoencoder.requires_grad_(False)
    return autoencoder, settled["scaling_factor"]


def draw_latents(autoencoder, factor, rng, size, count):
    """[(latent as float16, scene)]"""
    rows = []
    for start in range(0, count, 25):
        scenes = [sample_scene(rng, *size) for _ in range(min(25, count - start))]
        pictures = to_tensor([draw(scene, rng) for scene in scenes])
        with torch.no_grad():
            latents = autoencoder.encode(
                pictures.contiguous(memory_format=torch.channels_last)).latent_dist.sample()
        rows += zip((latents * factor).half().numpy(), scenes)
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    autoencoder, factor = load_autoencoder(options.work)
    autoencoder.to(memory_format=torch.channels_last)
    folder = options.work / "latents"
    folder.mkdir(exist_ok=True)
    for number in range(options.files):
        file = folder / f"{number:04}.pickle"
        if file.exists():
            continue
        rng = np.random.default_rng(40000 + number)
        torch.manual_seed(40000 + number)
        other = OTHER_SIZES[number % len(OTHER_SIZES)]
        made = {NATIVE: draw_latents(autoencoder, factor, rng, NATIVE, NATIVE_IN_A_FILE),
                other: draw_latents(autoencoder, factor, rng, other, OTHERS_IN_A_FILE)}
        file.with_suffix(".new").write_bytes(pickle.dumps(made))
        file.with_suffix(".new").replace(file)


if __name__ == "__main__":
    main()
