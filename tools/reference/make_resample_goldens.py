"""Writes src/media/image/resample_golden.inc: fingerprints of what Pillow makes of a fixed pattern.

Prints the fingerprint of the grey conversion too, which stands in resample_test.cpp.
"""

import pathlib

import PIL
from PIL import Image

FILTERS = {"kBox": Image.Resampling.BOX, "kBilinear": Image.Resampling.BILINEAR, "kLanczos": Image.Resampling.LANCZOS}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
SIZES = [(37, 23, 64, 64), (64, 64, 37, 23), (200, 150, 64, 64), (33, 47, 33, 94), (33, 47, 99, 47), (300, 7, 8, 8),
         (128, 128, 512, 512), (1, 1, 5, 3), (90, 61, 91, 60)]


def pattern(width, height, channels):
    data = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                block = ((x // 5 + y // 7 + c) % 2) * 255
                ramp = (x * 3 + y * 5 + c * 40) % 256
                noise = (x * 7919 + y * 104729 + c * 1299709) % 251
                data.append(block if (x + y) % 3 == 0 else (noise if x % 4 == 0 else ramp))
    return Image.frombytes(MODES[channels], (width, height), bytes(data))


def fingerprint(image):
    value = 14695981039346656037
    for byte in image.tobytes():
        value = ((value ^ byte) * 1099511628211) % 2**64
    return value


lines = [f"    // Pillow {PIL.__version__}"]
for name, kind in FILTERS.items():
    for channels in MODES:
        for width, height, new_width, new_height in SIZES:
            # Rows first, as every Pillow before 13 does; 13 sometimes takes the columns first.
            image = pattern(width, height, channels)
            image = image.convert("RGBa") if channels == 4 else image
            resized = image.resize((new_width, height), kind).resize((new_width, new_height), kind)
            resized = resized.convert("RGBA") if channels == 4 else resized
            lines.append(f"    {{Filter::{name}, {channels}, {width}, {height}, {new_width}, {new_height}, "
                         f"{fingerprint(resized)}ULL}},")
target = pathlib.Path(__file__).resolve().parents[2] / "src/media/image/resample_golden.inc"
target.write_text("\n".join(lines) + "\n")
print(fingerprint(pattern(37, 23, 3).convert("L")))
