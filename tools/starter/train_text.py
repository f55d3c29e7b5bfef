"""Stage 3a: teaches the text encoder what prompts mean before the UNet has to.

From any state at or after the end of a prompt, linear heads (thrown away afterwards) tell the
background and, for each cell of a 3x3 grid, the colour, shape and size of what stands there. The
UNet's gradient alone teaches this too, but through 20 times the work per step. Writes text.pt.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPTokenizer

from grammar import sample_scene, say_for_training
from palette import COLOURS, SHAPES
from train_unet import TEXT_WIDTH, make_text_encoder, spread_over
from vocabulary import MODEL_MAX_LENGTH, write_tokenizer

COLOUR_NAMES = tuple(COLOURS)
SIZES = ("", "small", "big", "huge")
VIEWS = ("", "house", "house hill", "sun sea", "tree", "tree hill", "house tree")
# Output groups: background, view, then colour, shape, size per cell (0 where nothing stands).
GROUPS = [12, len(VIEWS)] + [13, 7, 5] * 9


def labels_of(scene):
    labels = [COLOUR_NAMES.index(scene["background"]), VIEWS.index(scene.get("view", ""))]
    cells = [[0, 0, 0] for _ in range(9)]
    if scene["kind"] != "view":
        for part in scene["parts"]:
            column, row = (sum(part[axis] > edge for edge in (0.4, 0.6)) for axis in "xy")
            cells[3 * row + column] = [1 + COLOUR_NAMES.index(part["colour"]),
                                       1 + SHAPES.index(part["shape"]),
                                       1 + SIZES.index(part["size"])]
    return labels + [value for cell in cells for value in cell]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(2)
    if not (options.work / "tokenizer").exists():
        write_tokenizer(options.work / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(options.work / "tokenizer")
    text = make_text_encoder(tokenizer)
    if (options.work / "unet.pt").exists():  # go on from what joint training has learnt
        weights = torch.load(options.work / "unet.pt")["weights"]
        spread_over(weights, [p.data for p in text.parameters()])
    heads = torch.nn.Linear(TEXT_WIDTH, sum(GROUPS))
    parameters = [*text.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=options.rate, betas=(0.9, 0.99), weight_decay=0.01)
    rng = np.random.default_rng(21)
    budget, started, step, shown = options.minutes * 60, time.time(), 0, None
    while (spent := time.time() - started) < budget:
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 100) \
                * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * spent / budget)))
        scenes = [sample_scene(rng) for _ in range(64)]
        prompts = [say_for_training(scene, rng) for scene in scenes]
        length = MODEL_MAX_LENGTH if step % 4 == 0 else 36
        tokens = tokenizer(prompts, padding="max_length", max_length=length, truncation=True,
                           return_tensors="pt")["input_ids"]
        states = text(input_ids=tokens).last_hidden_state
        ends = (tokens == tokenizer.eos_token_id).int().argmax(1)
        labels = torch.tensor([labels_of(scene) for scene in scenes])
        loss = 0
        for _ in range(3):
            where = ends + (torch.rand(len(scenes)) * (length - ends)).long()
            outputs = heads(states[torch.arange(len(scenes)), where]).split(GROUPS, dim=1)
            loss = loss + sum(torch.nn.functional.cross_entropy(output, labels[:, i])
                              for i, output in enumerate(outputs)) / 3
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        value = float(loss.detach())
        shown = value if shown is None else shown + 0.02 * (value - shown)
        if step % 100 == 0:
            print(f"step {step} {spent / 60:.1f} min loss {shown:.3f}", flush=True)
    torch.save({"model": text.state_dict()}, options.work / "text.pt")


if __name__ == "__main__":
    main()
