"""Stage 3a: teaches the text encoder what prompts mean before the UNet has to.

The states from the end of a prompt on (SD pads with the end token) each learn one part of the
scene: linear heads, thrown away afterwards, read from each the background and what stands in one
cell of a 3x3 grid, cell = position modulo 9. So a place in the picture can find its own facts by
attention alone; the UNet's gradient would teach the same at 20 times the work per step.
Writes text.pt.
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
CELLS = 9
# Output groups: background, view; colour, shape, size in the cell (0 where nothing stands).
GROUPS = [12, len(VIEWS), 13, 7, 5]


def labels_of(scene):
    """[cells][groups]"""
    whole = [COLOUR_NAMES.index(scene["background"]), VIEWS.index(scene.get("view", ""))]
    cells = [[0, 0, 0] for _ in range(CELLS)]
    if scene["kind"] != "view":
        for part in scene["parts"]:
            column, row = (sum(part[axis] > edge for edge in (0.4, 0.6)) for axis in "xy")
            cells[3 * row + column] = [1 + COLOUR_NAMES.index(part["colour"]),
                                       1 + SHAPES.index(part["shape"]),
                                       1 + SIZES.index(part["size"])]
    return [whole + cell for cell in cells]


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
    # The budget is the process's own processor time: a machine that does other work, or stops the
    # training for a while, takes nothing away.
    budget, step, shown = options.minutes * 60, 0, None
    while (spent := time.process_time()) < budget:
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 100) \
                * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * spent / budget)))
        scenes = [sample_scene(rng) for _ in range(64)]
        prompts = [say_for_training(scene, rng) for scene in scenes]
        length = MODEL_MAX_LENGTH if step % 3 == 0 else 40
        tokens = tokenizer(prompts, padding="max_length", max_length=length, truncation=True,
                           return_tensors="pt")["input_ids"]
        states = text(input_ids=tokens).last_hidden_state
        told = tokens == tokenizer.eos_token_id  # [batch, length]
        labels = torch.tensor([labels_of(scene) for scene in scenes])
        labels = labels[:, torch.arange(length) % CELLS][told]  # [states, groups]
        outputs = heads(states[told]).split(GROUPS, dim=1)
        parts = [torch.nn.functional.cross_entropy(output, labels[:, i])
                 for i, output in enumerate(outputs)]
        # A cell is empty nine times in ten: what stands there weighs more than the background.
        loss = parts[0] + parts[1] + 3 * sum(parts[2:])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        value = float(loss.detach())
        shown = value if shown is None else shown + 0.02 * (value - shown)
        if step % 100 == 0:
            print(f"step {step} {spent / 60:.1f} min loss {shown:.3f}, of these background, view, "
                  f"colour, shape, size {[round(float(p.detach()), 3) for p in parts]}", flush=True)
    torch.save({"model": text.state_dict()}, options.work / "text.pt")


if __name__ == "__main__":
    main()
