"""Trains the small upscaler on drawn scenes and textures: pairs of a picture and its half, L1 loss.

In the first stage textures decide, since their errors are ten times those of scenes. In the second one
each picture counts by its own error (the logarithm of its L1), and most pictures are scenes.

The network computes in bf16 on one thread, its weights are kept in fp32. Resumable; the schedule
counts steps, so a busy or stopped machine costs time and nothing else.
"""

import argparse
import io
import math
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from draw import draw
from draw_texture import draw_texture
from grammar import sample_scene, say_for_training
from muon import Muon
from upscaler_net import UPSCALE, CompactUpscaler, start

PICTURES, SIDE, CROP = 1200, 192, 64  # SIDE of the large pictures, CROP of the small ones' patches
SCENE_SHARES = (0.25, 0.65)  # of the pictures, in each stage


def draw_scene(rng, width, height):
    """A scene of the training split."""
    scene = sample_scene(rng, width, height)
    say_for_training(scene, rng)
    return draw(scene, rng)


def halved(picture, rng):
    """By bicubic or area interpolation; now and then saved as JPEG in between, as photographs are."""
    height, width = picture.shape[:2]
    method = Image.Resampling.BICUBIC if rng.random() < 0.7 else Image.Resampling.BOX
    small = Image.fromarray(picture).resize((width // UPSCALE, height // UPSCALE), method)
    if rng.random() < 0.1:
        file = io.BytesIO()
        small.save(file, "JPEG", quality=int(rng.integers(80, 97)))
        small = Image.open(file)
    return np.asarray(small)


def draw_pairs(rng, count, scenes):
    """[(small, large)] uint8; `scenes`: their share, the rest are textures."""
    pairs = []
    for _ in range(count):
        if rng.random() < scenes:
            side = int(rng.choice((2 * CROP, SIDE)))
            picture = draw_scene(rng, side, side)
        else:
            picture = draw_texture(rng, SIDE, SIDE)
        pairs.append((halved(picture, rng), picture))
    return pairs


def patches(pairs, rng, count):
    """Random places, turned and mirrored, channels in any order."""
    small, large = [], []
    for index in rng.integers(len(pairs), size=count):
        low, high = pairs[int(index)]
        top, left = (int(v) for v in rng.integers(0, low.shape[0] - CROP + 1, 2))
        turns, mirrored, order = int(rng.integers(4)), rng.random() < 0.5, rng.permutation(3)
        for source, factor, kept in ((low, 1, small), (high, UPSCALE, large)):
            part = source[top * factor:(top + CROP) * factor, left * factor:(left + CROP) * factor]
            part = np.rot90(part[:, ::-1] if mirrored else part, turns)[..., order]
            kept.append(torch.from_numpy(np.ascontiguousarray(part)))
    return tuple(torch.stack(kept).permute(0, 3, 1, 2).float() / 255 for kept in (small, large))


def loss_of(made, truth, stage):
    errors = (made - truth).abs().mean((1, 2, 3))
    return errors.mean() if stage == 0 else (errors + 1e-3).log().mean()


class Training:
    """Weights, their running average and the optimiser's state, in a file."""

    def __init__(self, file):
        self.file, self.net = file, CompactUpscaler()
        start(self.net)
        names = [name for name, _ in self.net.named_parameters()]
        self.weights = [p.detach().clone() for p in self.net.parameters()]
        self.average = [w.clone() for w in self.weights]
        self.step, self.spent = 0, 0.0
        outer = ("body.0.weight", names[-2])
        self.optimiser = Muon(self.weights, [w.dim() == 4 and name not in outer
                                             for name, w in zip(names, self.weights)], decay=0)
        if file.exists():
            saved = torch.load(file)
            self.weights, self.average = saved["weights"], saved["average"]
            self.step, self.spent = saved["step"], saved["spent"]
            self.optimiser.load_state_dict(saved["optimiser"])
            self.optimiser.weights = self.weights
        self.net.bfloat16().to(memory_format=torch.channels_last)
        self.parameters = list(self.net.parameters())
        self.before = time.process_time()

    def advance(self, small, large, stage, rate):
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.weights)
        loss = loss_of(self.net(small.contiguous(memory_format=torch.channels_last)), large, stage)
        loss.backward()
        gradients = [p.grad.float() for p in self.parameters]
        self.net.zero_grad()
        self.optimiser.step(gradients, rate)
        self.step += 1
        torch._foreach_lerp_(self.average, self.weights,
                             1 - min(0.995, self.step / (self.step + 9)))
        return float(loss.detach())

    def save(self):
        now = time.process_time()
        self.spent, self.before = self.spent + now - self.before, now
        torch.save({"weights": self.weights, "average": self.average, "step": self.step,
                    "spent": self.spent, "optimiser": self.optimiser.state_dict()},
                   self.file.with_suffix(".new"))
        self.file.with_suffix(".new").replace(self.file)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs=2, default=(3000, 1000), help="of each stage")
    parser.add_argument("--rates", type=float, nargs=2, default=(2e-3, 1e-3))
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(200)
    training = Training(options.work / "upscaler.pt")
    rng, first = np.random.default_rng(200 + training.step), 0
    for stage, (steps, top) in enumerate(zip(options.steps, options.rates)):
        if training.step < first + steps:
            pairs = draw_pairs(np.random.default_rng(200 + stage), PICTURES, SCENE_SHARES[stage])
        shown = None
        while training.step < first + steps:
            done = training.step - first
            rate = top * min(1, (done + 1) / 100) \
                * (0.005 + 0.995 * (0.5 + 0.5 * math.cos(math.pi * done / steps)))
            loss = training.advance(*patches(pairs, rng, options.batch), stage, rate)
            shown = loss if shown is None else shown + 0.02 * (loss - shown)
            if training.step % 100 == 0 or training.step == first + steps:
                training.save()
                print(f"step {training.step} {training.spent / 60:.1f} min rate {rate:.1e} "
                      f"loss {shown:.5f}", flush=True)
        first += steps


if __name__ == "__main__":
    main()
