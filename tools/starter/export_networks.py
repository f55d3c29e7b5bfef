"""Writes the trained upscaler (one safetensors file) and classifier (a folder as timm's) in fp16."""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from draw_mark import LABELS, SIDE
from train_classifier import MODEL_ARGS, make_classifier
from upscaler_net import UPSCALE, CompactUpscaler

UPSCALER, CLASSIFIER = "atelier-starter-upscaler", "atelier-starter-classifier"
BYTES_MAX = 2_000_000  # of both

UPSCALER_METADATA = {
    "format": "pt",
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.architecture": "srvgg-net-compact",
    "modelspec.title": "Atelier starter upscaler",
    "modelspec.description": f"Doubles the sides of a picture ({UPSCALE}x): a small network trained by "
                             "this project on pictures that it drew itself",
    "modelspec.author": "Atelier",
    "modelspec.license": "MIT",
}

CLASSIFIER_CARD = {
    "id": CLASSIFIER, "title": "Atelier starter classifier",
    "description": "Finds a drawn sign, a red ring with a diagonal bar, which stands in for unsafe "
                   "content; does not rate what photographs show",
    "flagged": "marked", "licence": "MIT",
}

CLASSIFIER_CONFIG = {
    "architecture": "vit_tiny_patch16_224", "num_classes": len(LABELS),
    "num_features": MODEL_ARGS["embed_dim"], "global_pool": "token", "label_names": list(LABELS),
    "model_args": MODEL_ARGS,
    "pretrained_cfg": {
        "tag": "atelier_starter", "license": "mit", "input_size": [3, SIDE, SIDE],
        "fixed_input_size": True, "interpolation": "bicubic", "crop_pct": 1.0,
        "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
        "num_classes": len(LABELS), "pool_size": None, "first_conv": "patch_embed.proj",
        "classifier": "head", "label_names": list(LABELS),
    },
}


def fill(net, names, weights):
    net.load_state_dict(dict(zip(names, weights)))
    return {name: tensor.to(torch.float16).contiguous() for name, tensor in net.state_dict().items()}


def export_upscaler(work: Path, models: Path):
    net = CompactUpscaler()
    names = [name for name, _ in net.named_parameters()]
    file = models / "upscale_models" / f"{UPSCALER}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    state = fill(net, names, torch.load(work / "upscaler.pt")["average"])
    save_file(state, file, metadata=UPSCALER_METADATA)
    return file.stat().st_size


def export_classifier(work: Path, models: Path):
    saved = torch.load(work / "classifier.pt")
    # Module 0 is the network; module 1, the head for patches, is needed in training only.
    kept = [(name.removeprefix("0."), tensor)
            for name, tensor in zip(saved["names"], saved["average"]) if name.startswith("0.")]
    folder = models / "vision" / CLASSIFIER
    folder.mkdir(parents=True, exist_ok=True)
    save_file(fill(make_classifier(), *zip(*kept)), folder / "model.safetensors",
              metadata={"format": "pt"})
    for name, value in (("config.json", CLASSIFIER_CONFIG), ("atelier.json", CLASSIFIER_CARD)):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    return sum(file.stat().st_size for file in folder.iterdir())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="the pack's folder `models`")
    options = parser.parse_args()
    sizes = export_upscaler(options.work, options.models), export_classifier(options.work,
                                                                             options.models)
    print(f"upscaler {sizes[0]} bytes, classifier {sizes[1]} bytes")
    assert sum(sizes) <= BYTES_MAX


if __name__ == "__main__":
    main()
