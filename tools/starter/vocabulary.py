"""Learns a small byte-pair vocabulary in CLIP's format from the prompt grammar.

Merging goes on until every ordinary word of the corpus is one token; any other text still encodes
byte by byte. Layout as CLIP's: 256 byte symbols, the same with </w>, merges, start, end.
"""

import collections
import json
import re
from pathlib import Path

import numpy as np

from grammar import sample_scene, say_for_training

MODEL_MAX_LENGTH = 77


def byte_symbols():
    """CLIP's printable stand-ins for the 256 bytes, in CLIP's order."""
    kept = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in kept]
    return [chr(b) for b in kept] + [chr(256 + i) for i in range(len(rest))]


def learn_merges(words):
    """Ordinary byte-pair learning over {word: count}; ties are broken by the pair's text."""
    pieces = {word: (*word[:-1], word[-1] + "</w>") for word in words}
    merges = []
    while True:
        pairs = collections.Counter()
        for word, parts in pieces.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += words[word]
        if not pairs:
            return merges
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word, parts in pieces.items():
            joined, index = [], 0
            while index < len(parts):
                if parts[index:index + 2] == best:
                    joined.append(parts[index] + parts[index + 1])
                    index += 2
                else:
                    joined.append(parts[index])
                    index += 1
            pieces[word] = tuple(joined)


def write_tokenizer(folder: Path):
    rng = np.random.default_rng(3)
    words = collections.Counter()
    for _ in range(20000):
        words.update(re.findall(r"[a-z]+", say_for_training(sample_scene(rng), rng).lower()))
    merges = learn_merges(words)
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
               "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"add_prefix_space": False, "do_lower_case": True, "errors": "replace",
         "model_max_length": MODEL_MAX_LENGTH, "tokenizer_class": "CLIPTokenizer", **special},
        indent=2) + "\n")
    return words, tokens
