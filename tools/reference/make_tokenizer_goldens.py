"""Writes tests/golden/tokenizer_clip.json: ids that the reference's CLIP tokenizer gives to nasty text.

    python tools/reference/make_tokenizer_goldens.py

The vocabulary is built from the committed merges; the special tokens are declared as in the published
tokenizer_config.json and special_tokens_map.json of SD1.5 and of SDXL's second tokenizer.
"""

import json
import random
import tempfile
from pathlib import Path

import tokenizers
import transformers
from transformers import CLIPTokenizerFast

ROOT = Path(__file__).parents[2]
MERGES = ROOT / "src/engine/tokenizers/data/clip_merges.txt"
TARGET = ROOT / "tests/golden/tokenizer_clip.json"

WORDS = ["cat", "Hello", "1girl", "(masterpiece:1.2)", "naïve", "Ångström", "日本語", "😀", "👩‍👩‍👧", "e\u0301",
         "\u1e9b\u0323", "שלום", "مرحبا", "ﷺ", "ﬁ", "½", "Ⅷ", "١٢٣", "it's", "'LL", "don't", "!!", "...", "<", "|>",
         "\u200b", "\u00a0", "\u3000", "\t", "\n", "\x00", "\x1b", "\ufeff", "İ", "ǅ", "ẞ", "한국어", "가", "नमस्ते",
         "ก็", "Ω", "Å", "_", "#tag", "@user", "https://a.b/c?d=e", "<|startoftext|>", "<|endoftext|>",
         "<|ENDOFTEXT|>", "\U0001d54f", "\U000e0041", "\u0378"]


def byte_symbols():
    kept = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in kept]
    return [chr(b) for b in kept] + [chr(256 + i) for i in range(len(rest))]


def write_folder(folder, pad):
    merges = MERGES.read_text().splitlines()
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + [m.replace(" ", "") for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    special = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    begin, end = ({"content": c, **special} for c in ("<|startoftext|>", "<|endoftext|>"))
    tokens = {"bos_token": begin, "eos_token": end, "unk_token": end, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens))
    typed = {k: {"__type": "AddedToken", **v} if isinstance(v, dict) else v for k, v in tokens.items()}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**typed, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}))


def texts():
    fixed = [
        "", " ", "a photo of a cat", "Hello, World!! 123", "(masterpiece:1.2), best quality, 1girl",
        "café  naïve\n\ttest", "it's don't I'LL we'Ve '' ''' 's", "日本語 emoji 😀", "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪 flag",
        "ZALGO: Z̸̢̛͙̮̫͎̟̄̆̈́͒̽a̷l̴g̵ö̷", "e\u0301\u0302\u0323 vs ệ", "שלום עולם — مرحبا بالعالم \u202eabc",
        "a<|endoftext|>b", "<|endoftext|>", " <|endoftext|> <|startoftext|>x", "a <|ENDOFTEXT|> b", "a <|StartOfText|> b", "<|endoftext",
        "!!<|startoftext|>!!", "!a !! !", "x" * 300, "supercalifragilisticexpialidocious" * 5, "a " * 100,
        "1234567890 ¹²³ ½ Ⅷ ٣", "\x00\x01\x02 \x7f\x80\x9f", "tab\tnew\r\nline\x0bv\x0cf\x85n\u2028s\u2029p\u00a0n\u3000i",
        "\u200bzero\u200cwidth\u200d\ufeff", "ＦＵＬＬ　ＷＩＤＴＨ ﬁ ﬂ", "İstanbul ǅ ẞ ΑΣ ΣΑΣ", "각 각 한국어 \u1100\u1161\u11a8",
        "\u0958 \u0929 \u09cb \u0f73 \u2126 \u212b \u1e9b\u0323", "\ufffd\uffff \U0010ffff \ue000",
        "hello_world snake_case #hash @at $5.00 50% ^&*()[]{}\\/|~`", "😀" * 90, "ก็ नमस्ते தமிழ் ქართული አማርኛ",
        "<|endoftext|>\u0301 \u0301<|ENDOFTEXT|>\u0301", "\u0300leading mark", "a\u0315\u0300\u05ae\u0300b", "\U0001f1e6\U0001f1e8 \U0001d15e \U0001d7d8", "ö" * 40,
    ]
    rng = random.Random(7)
    mixed = ["".join(rng.choice(WORDS) + rng.choice(["", " ", "  "]) for _ in range(rng.randrange(1, 25)))
             for _ in range(120)]
    points = [c for c in range(0x30000) if not 0xD800 <= c <= 0xDFFF]
    wild = ["".join(chr(rng.choice(points)) for _ in range(24)) for _ in range(60)]
    marks = [*range(0x300, 0x370), *range(0x41, 0x5B), *range(0xC0, 0x180), *range(0x1100, 0x1200, 7),
             *range(0x591, 0x5C0), *range(0x900, 0x980)]
    combined = ["".join(chr(rng.choice(marks)) for _ in range(24)) for _ in range(60)]
    long = " ".join(rng.choice(WORDS) for _ in range(2500))
    return fixed + mixed + wild + combined + [long[:10000]]


def main():
    cases = texts()
    golden = {"made_with": {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__}}
    for name, pad in (("tokenizer", "<|endoftext|>"), ("tokenizer_2", "!")):
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder), pad)
            reference = CLIPTokenizerFast.from_pretrained(folder)
        golden[name] = [
            {"text": text, "ids": reference(text, add_special_tokens=False)["input_ids"]} for text in cases
        ]
        golden[name + "_padded"] = [
            {"text": text,
             "ids": reference(text, padding="max_length", max_length=77, truncation=True)["input_ids"]}
            for text in cases[:24]
        ]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'"made_with": {json.dumps(golden.pop("made_with"))}']
    for name, rows in golden.items():
        lines.append(f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
