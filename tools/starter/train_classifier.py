"""Trains the small classifier: a vision transformer (timm's `VisionTransformer`) that finds the sign of
draw_mark.py.

So small a transformer learns a sign's position from its label alone only after very many pictures. So
while it is trained, a second head says for every patch whether it lies on the sign; it is not exported.

The network computes in bf16 on one thread, its weights are kept in fp32. Resumable; the schedule
counts steps, so a busy or stopped machine costs time and nothing else.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch.nn import functional as F

from draw_mark import LABELS, SIDE, draw_cases, draw_ground, mark_or_not
from muon import Muon

PATCH, GROUNDS, NEW_GROUNDS = 16, 2500, 2  # pictures without signs: kept at once, new in every step
CONFUSED = 0.75  # of the plain pictures carry confusers
MODEL_ARGS = {"img_size": SIDE, "patch_size": PATCH, "embed_dim": 128, "depth": 4, "num_heads": 2,
              "mlp_ratio": 2.0}


def make_classifier():
    return VisionTransformer(**MODEL_ARGS, num_classes=len(LABELS))


def to_tensor(pictures):
    """Prepared as config.json says: mean and deviation 0.5."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def augmented(ground, rng):
    ground = np.rot90(ground[:, ::-1] if rng.random() < 0.5 else ground, int(rng.integers(4)))
    return np.ascontiguousarray(ground[..., rng.permutation(3)] if rng.random() < 0.5 else ground)


def worn(picture, rng):
    """As files from elsewhere are: brighter or darker, with some noise."""
    picture = picture.astype(np.float32)
    if rng.random() < 0.4:
        picture = (picture - 128) * rng.uniform(0.8, 1.15) + 128 + rng.uniform(-15, 15)
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(1, 8), picture.shape)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


_CENTRES = (np.arange(SIDE // PATCH) + 0.5) * PATCH


def patches_on(place):
    """[patches] 1 where a patch's centre lies on the sign's disc."""
    if place is None:
        return np.zeros(len(_CENTRES)**2, np.float32)
    x, y, radius = place
    inside = np.hypot(_CENTRES[None, :] - x, _CENTRES[:, None] - y) < radius
    return inside.astype(np.float32).ravel()


def batch_of(grounds, rng, count):
    pictures, labels, on_sign = [], [], []
    for index in range(count):
        ground = augmented(grounds[int(rng.integers(len(grounds)))], rng)
        picture, place = mark_or_not(ground, index % 2 == 0, rng, CONFUSED)
        pictures.append(worn(picture, rng))
        labels.append(index % 2)
        on_sign.append(patches_on(place))
    return to_tensor(pictures), torch.tensor(labels), torch.from_numpy(np.stack(on_sign))


def share_right(net, cases):
    """Of each label: {label: share}."""
    right = {label: [] for label in LABELS}
    with torch.no_grad():
        for start in range(0, len(cases), 50):
            part = cases[start:start + 50]
            logits = net(to_tensor([picture for picture, _ in part]).to(net.head.weight.dtype))
            for (_, label), found in zip(part, logits.argmax(1)):
                right[label].append(LABELS[int(found)] == label)
    return {label: float(np.mean(found)) for label, found in right.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    file = options.work / "classifier.pt"
    saved = torch.load(file) if file.exists() else {"step": 0, "spent": 0.0}
    first = saved["step"]
    torch.manual_seed(300)
    rng = np.random.default_rng(300 + first)
    grounds = [draw_ground(rng, "training") for _ in range(GROUNDS)]
    validation = draw_cases("validation", 200, 301)
    net, patch_head = make_classifier(), torch.nn.Linear(MODEL_ARGS["embed_dim"], 1)
    for block in net.blocks:  # the fused kernel is slow backwards in bf16 on a CPU
        block.attn.fused_attn = False
    both = torch.nn.ModuleList([net, patch_head])
    names = [name for name, _ in both.named_parameters()]
    weights = [p.detach().clone() for p in both.parameters()]
    optimiser = Muon(weights, [w.dim() == 2 and "blocks" in n for n, w in zip(names, weights)],
                     decay=0.05)
    average = [w.clone() for w in weights]
    if first:
        weights, average = saved["weights"], saved["average"]
        optimiser.load_state_dict(saved["optimiser"])
        optimiser.weights = weights
    both.bfloat16()
    parameters = list(both.parameters())
    before, spent, shown = time.process_time(), saved["spent"], None
    for step in range(first, options.steps):
        for _ in range(NEW_GROUNDS):
            grounds[int(rng.integers(GROUNDS))] = draw_ground(rng, "training")
        with torch.no_grad():
            torch._foreach_copy_(parameters, weights)
        pictures, labels, on_sign = batch_of(grounds, rng, options.batch)
        tokens = net.forward_features(pictures.bfloat16())
        loss = F.cross_entropy(net.forward_head(tokens).float(), labels) \
            + F.binary_cross_entropy_with_logits(patch_head(tokens[:, 1:])[..., 0].float(), on_sign)
        loss.backward()
        gradients = [p.grad.float() for p in parameters]
        both.zero_grad()
        rate = options.rate * min(1, (step + 1) / 100) \
            * (0.005 + 0.995 * (0.5 + 0.5 * math.cos(math.pi * step / options.steps)))
        optimiser.step(gradients, rate)
        torch._foreach_lerp_(average, weights, 1 - min(0.99, (step + 1) / (step + 10)))
        plain = float(loss.detach())
        shown = plain if shown is None else shown + 0.02 * (plain - shown)
        if (step + 1) % 100 == 0 or step + 1 == options.steps:
            with torch.no_grad():
                torch._foreach_copy_(parameters, average)
            now = time.process_time()
            spent, before = spent + now - before, now
            print(f"step {step + 1} {spent / 60:.1f} min rate {rate:.1e} loss {shown:.4f} "
                  f"validation {share_right(net, validation)}", flush=True)
            torch.save({"names": names, "weights": weights, "average": average, "step": step + 1,
                        "spent": spent, "optimiser": optimiser.state_dict()},
                       file.with_suffix(".new"))
            file.with_suffix(".new").replace(file)


if __name__ == "__main__":
    main()
