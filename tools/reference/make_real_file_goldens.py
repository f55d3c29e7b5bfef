"""Writes tests/golden/data/real/: what the reference implementations make of files that others published.

usage: make_real_file_goldens.py FOLDER       (the files that tools/test_real/run fetched)

<model>.json and <model>.f16 for Real-ESRGAN: the crop of a photograph (RGB bytes, base64) and what spandrel's RRDBNet or
SRVGGNetCompact makes of it in fp32 with the weights of the ncnn file, as little-endian fp16 [3, h, w]. For open_nsfw each
photograph is prepared as the model's reference does without the JPEG (src/engine/models/open_nsfw.h): <photograph>.rgb has the
224x224 pixels, as bytes, before channels are turned and the mean is taken away, open_nsfw.json ONNX Runtime's scores of them.
"""

import base64
import json
import pathlib
import struct
import sys

import numpy
import onnxruntime
import spandrel
import torch
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/data/real"
HALF_TAG = 0x01306B47
MEAN = numpy.array([104, 117, 123], numpy.float32)  # blue, green, red


def ncnn_tensors(path):
    """The weights and biases of the convolutions and the slopes of the PReLU layers, in the order of the file."""
    data, offset, tensors = path.with_suffix(".bin").read_bytes(), 0, []

    def floats(count):
        nonlocal offset
        offset += 4 * count
        return torch.from_numpy(numpy.frombuffer(data, "<f4", count, offset - 4 * count).copy())

    for line in path.read_text().splitlines()[2:]:
        words = line.split()
        values = dict(word.split("=", 1) for word in words[4 + int(words[2]) + int(words[3]):])
        if words[0] == "PReLU":
            tensors.append((floats(int(values["0"])),))
        if words[0] == "Convolution":
            count, out = int(values["6"]), int(values["0"])
            assert values["1"] == "3" and struct.unpack_from("<I", data, offset)[0] == HALF_TAG
            weight = numpy.frombuffer(data, "<f2", count, offset + 4).astype(numpy.float32)
            offset += 4 + (2 * count + 3) // 4 * 4
            tensors.append((torch.from_numpy(weight).reshape(out, -1, 3, 3), floats(out)))
    assert offset == len(data), "bytes that belong to no layer"
    return tensors


def rrdbnet_state(tensors):
    blocks = (len(tensors) - 6) // 15
    names = ["conv_first"]
    names += [f"body.{b}.rdb{d}.conv{c}" for b in range(blocks) for d in (1, 2, 3) for c in (1, 2, 3, 4, 5)]
    names += ["conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    return {f"{name}.{part}": tensor for name, pair in zip(names, tensors, strict=True)
            for part, tensor in zip(("weight", "bias"), pair, strict=True)}


def compact_state(tensors):
    return {f"body.{place}.{part}": tensor for place, group in enumerate(tensors)
            for part, tensor in zip(("weight", "bias"), group)}


def reduced(x, scale):
    return x if scale == 1 else torch.nn.functional.interpolate(x, scale_factor=scale, mode="bicubic")


def upscaler(folder, name, state, photograph, box, reduction=1.0):
    model = spandrel.ModelLoader().load_from_state_dict(state(ncnn_tensors(folder / f"{name}.param")))
    picture = numpy.asarray(Image.open(folder / photograph).convert("RGB").crop(box))
    x = torch.from_numpy(picture.copy()).permute(2, 0, 1).unsqueeze(0).float() / 255
    y = reduced(model.model.float().eval()(x), reduction)[0]
    (OUT / f"{name}.f16").write_bytes(y.numpy().astype("<f2").tobytes())
    (OUT / f"{name}.json").write_text(json.dumps({
        "versions": {"torch": torch.__version__.split("+")[0], "spandrel": spandrel.__version__},
        "photograph": photograph, "box": box, "width": picture.shape[1], "height": picture.shape[0],
        "scale": y.shape[1] // picture.shape[0], "rgb": base64.b64encode(picture.tobytes()).decode()}) + "\n")
    print(name, tuple(y.shape), float(y.min()), float(y.max()), file=sys.stderr)


def open_nsfw(folder):
    session = onnxruntime.InferenceSession(str(folder / "open-nsfw.onnx"), providers=["CPUExecutionProvider"])
    scores = {}
    for photograph in ("astronaut.png", "coffee.png", "flower.jpg", "china.jpg"):
        picture = Image.open(folder / photograph).convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
        middle = numpy.asarray(picture.crop((16, 16, 240, 240)))
        (OUT / f"{pathlib.Path(photograph).stem}.rgb").write_bytes(middle.tobytes())
        values = middle[None, :, :, ::-1].astype(numpy.float32) - MEAN
        found = session.run(None, {session.get_inputs()[0].name: numpy.ascontiguousarray(values)})[0][0]
        scores[pathlib.Path(photograph).stem] = float(found[1])
    (OUT / "open_nsfw.json").write_text(json.dumps(
        {"versions": {"onnxruntime": onnxruntime.__version__}, "scores": scores}, indent=1) + "\n")
    print(scores, file=sys.stderr)


def main():
    folder = pathlib.Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with torch.inference_mode():
        upscaler(folder, "realesrgan-x4plus", rrdbnet_state, "astronaut.png", (190, 80, 230, 120))
        upscaler(folder, "realesrgan-x4plus-anime", rrdbnet_state, "coffee.png", (220, 120, 268, 168))
        upscaler(folder, "realesr-animevideov3-x4", compact_state, "china.jpg", (300, 120, 348, 168))
        upscaler(folder, "realesr-animevideov3-x2", compact_state, "flower.jpg", (280, 180, 344, 244), reduction=0.5)
    open_nsfw(folder)


main()
