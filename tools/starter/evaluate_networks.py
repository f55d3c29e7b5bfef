"""Measures the exported upscaler and classifier on held-back pictures, with the reference classes.

--photographs FOLDER adds pictures that are only looked at: nothing is trained on them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

from draw import draw
from draw_mark import LABELS, draw_cases, draw_confuser, draw_ground, draw_mark
from draw_texture import draw_texture
from export_networks import CLASSIFIER, UPSCALER
from grammar import sample_scene, say, split_of
from train_classifier import share_right, to_tensor
from upscaler_net import UPSCALE, CompactUpscaler, psnr

SIDE = 256  # of the pictures that are halved and enlarged again


def held_back_scenes(count, seed):
    rng, pictures = np.random.default_rng(seed), []
    while len(pictures) < count:
        scene = sample_scene(rng, SIDE, SIDE)
        if split_of(say(scene, rng)) == "held_back":
            pictures.append(draw(scene, rng))
    return pictures


def held_back_textures(count, seed):
    rng, pictures = np.random.default_rng(seed), []
    while len(pictures) < count:
        number = int(rng.integers(1 << 40))
        if split_of(f"texture {number}") == "held_back":
            pictures.append(draw_texture(np.random.default_rng(number), SIDE, SIDE))
    return pictures


def photographs(folder, side_max=512):
    for file in sorted(Path(folder).iterdir()):
        if file.suffix not in (".png", ".jpg"):
            continue
        picture = np.asarray(Image.open(file).convert("RGB"))[:side_max, :side_max]
        height, width = (side // UPSCALE * UPSCALE for side in picture.shape[:2])
        yield file.stem, picture[:height, :width]


def gains(net, pictures, method):
    """Decibels by which the network is nearer to the picture than bicubic interpolation, and both."""
    rows = []
    for picture in pictures:
        height, width = picture.shape[:2]
        small = Image.fromarray(picture).resize((width // UPSCALE, height // UPSCALE), method)
        bicubic = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
        with torch.no_grad():
            made = net(torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255)
        made = (made[0] * 255).round().clamp(0, 255).permute(1, 2, 0)
        truth = torch.from_numpy(np.array(picture))
        rows.append((psnr(made, truth), psnr(torch.from_numpy(np.array(bicubic)), truth)))
    return np.array(rows)


def show_gains(name, net, pictures):
    for method in (Image.Resampling.BICUBIC, Image.Resampling.BOX):
        rows = gains(net, pictures, method)
        difference = rows[:, 0] - rows[:, 1]
        print(f"{name} halved by {method.name.lower()}: network {rows[:, 0].mean():.2f} dB, bicubic "
              f"{rows[:, 1].mean():.2f}, gain {difference.mean():.2f} (least {difference.min():.2f})")


def measure_upscaler(models, photo_folder):
    net = CompactUpscaler()
    net.load_state_dict(load_file(models / "upscale_models" / f"{UPSCALER}.safetensors"))
    show_gains("scenes", net, held_back_scenes(60, 74))
    show_gains("textures", net, held_back_textures(60, 75))
    for name, picture in photographs(photo_folder) if photo_folder else ():
        show_gains(f"photograph {name}", net, [picture])


def load_classifier(models):
    folder = models / "vision" / CLASSIFIER
    config = json.loads((folder / "config.json").read_text())
    net = timm.create_model(config["architecture"], pretrained=False,
                            num_classes=config["num_classes"], **config["model_args"])
    net.load_state_dict(load_file(folder / "model.safetensors"))
    return net.float().eval()


def measure_classifier(models, photo_folder):
    net = load_classifier(models)
    print("classifier, held-back pictures:", share_right(net, draw_cases("held_back", 1000, 72)))
    rng = np.random.default_rng(73)
    for kind in range(6):
        cases = [(draw_confuser(draw_ground(rng, "held_back"), rng, (kind,)), "plain")
                 for _ in range(100)]
        print(f"  confuser {kind}: plain {share_right(net, cases)['plain']:.2f}")
    for name, picture in photographs(photo_folder) if photo_folder else ():
        small = np.asarray(Image.fromarray(picture).resize((128, 128), Image.Resampling.BICUBIC))
        with torch.no_grad():
            scores = net(to_tensor([small, *(draw_mark(small, rng)[0] for _ in range(20))])) \
                .softmax(1)[:, LABELS.index("marked")]
        print(f"  photograph {name}: marked {float(scores[0]):.3f}, with the sign in twenty "
              f"places {int((scores[1:] > 0.5).sum())} of 20 found")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True, help="the pack's folder `models`")
    parser.add_argument("--photographs", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    measure_upscaler(options.models, options.photographs)
    measure_classifier(options.models, options.photographs)


if __name__ == "__main__":
    main()
