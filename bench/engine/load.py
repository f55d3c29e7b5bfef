#!/usr/bin/env python3
"""From the start of the process to the end of the first step, and what memory a job takes: a model of SD1.5's
published names, shapes and fp16 values (random ones) in a diffusers folder, read from the page cache.

usage: load.py --bin build/release/bin [--runs 5] [--steps 4] [--threads N] [--dtype bf16] [--folder KEEP] [--out FILE]
Writes one JSON document. Linux, nothing beside the standard library.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import struct
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = ROOT / "tests/data/checkpoints"
MERGES = ROOT / "src/engine/tokenizers/data/clip_merges.txt"
MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
SCHEDULER = {"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
             "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "set_alpha_to_one": False,
             "skip_prk_steps": True, "steps_offset": 1}
UNET = {"cross_attention_dim": 768, "attention_head_dim": 8}
VAE = {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
       "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
TEXT = {"architectures": ["CLIPTextModel"], "hidden_act": "quick_gelu", "hidden_size": 768,
        "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12, "vocab_size": 49408}


def tensors_of(name):
    """The lines of a list: how many characters the name shares with the one before, the rest, the shape."""
    before = ""
    for line in (LISTS / f"{name}.txt").read_text().splitlines():
        shared, rest, shape = line.split(" ")
        before = before[:int(shared)] + rest
        yield before, [int(side) for side in shape.split(",")]


def write_weights(path, tensors):
    header, end = {}, 0
    for name, shape in tensors:
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random.seed(1)
    count = (1 << 19) - 3  # odd, so that neighbouring tensors differ
    block = struct.pack(f"<{count}e", *(random.uniform(-0.05, 0.05) for _ in range(count)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for first in range(0, end, len(block)):
            file.write(block[:end - first])


def write_tokenizer(folder):
    """The published vocabulary: every byte as a character, the same ending a word, the merges, two marks."""
    lines = [line for line in MERGES.read_text(encoding="utf-8").splitlines() if not line.startswith("#version")]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    words = letters + [letter + "</w>" for letter in letters] + [line.replace(" ", "") for line in lines]
    words += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n", encoding="utf-8")


def make_model(folder):
    parts = {"unet": ("unet_sd15", "diffusion_pytorch_model", UNET), "vae": ("vae", "diffusion_pytorch_model", VAE),
             "text_encoder": ("clip_l", "model", TEXT)}
    for part, (tensors, stem, config) in parts.items():
        write_weights(folder / part / f"{stem}.safetensors", tensors_of(tensors))
        (folder / part / "config.json").write_text(json.dumps(config))
    write_tokenizer(folder / "tokenizer")
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "model_index.json").write_text(json.dumps(MODEL_INDEX))


def read_into_page_cache(folder):
    for path in folder.rglob("*.safetensors"):
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


def memory_of(pid):
    """Megabytes of the process's own memory, and of mapped files that lie in it."""
    values = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value = line.split(":")
        values[key] = int(value.split()[0]) // 1024
    return {"private_mb": values["Private_Dirty"] + values["Private_Clean"],
            "file_pages_mb": values["Rss"] - values["Anonymous"]}


def watch_memory(process, highest, stop):
    while not stop.wait(0.2):
        try:
            for key, value in memory_of(process.pid).items():
                highest[key] = max(highest.get(key, 0), value)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            return


def run_once(args, folder):
    command = [args.bin / "atelier-engine-run", folder, "a red circle", folder / "out.ppm", "width=512", "height=512",
               "exact", "sampler=euler", f"steps={args.steps}", "seed=1", f"dtype={args.dtype}", f"threads={args.threads}"]
    start = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, OMP_WAIT_POLICY="passive"))
    highest, stop = {}, threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(process, highest, stop))
    ends, after_first_step = [], {}
    if args.memory:
        watcher.start()
    for line in process.stderr:
        words = line.split()
        if words[0] == "denoise" and not words[1].startswith("0/"):
            ends.append(time.monotonic() - start)
            if args.memory and not after_first_step:
                after_first_step = memory_of(process.pid)
    stop.set()
    said = process.stdout.read()
    if process.wait() != 0 or len(ends) != args.steps:
        raise SystemExit(f"the run failed: {said}")
    steady = statistics.median(b - a for a, b in zip(ends, ends[1:]))
    result = {"first_step_ends_s": ends[0], "steady_step_s": steady, "before_a_steady_step_s": ends[0] - steady,
              "said": said.splitlines()}
    if args.memory:
        result |= {"highest": highest, "after_first_step": after_first_step}
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--dtype", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--folder", type=pathlib.Path, help="kept, and used when it is there")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or pathlib.Path(temporary) / "sd15"
        if not (folder / "model_index.json").exists():
            make_model(folder)
        read_into_page_cache(folder)
        args.memory = False
        runs = [run_once(args, folder) for _ in range(args.runs)]
        args.memory = True  # a run of its own: counting a process's pages takes time
        memory = run_once(args, folder)
    middle = {key: statistics.median(run[key] for run in runs)
              for key in ("first_step_ends_s", "steady_step_s", "before_a_steady_step_s")}
    text = json.dumps({"median": middle, "memory": {key: memory[key] for key in ("highest", "after_first_step")},
                       "said": memory["said"], "runs": runs}, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


main()
