"""Writes src/media/image/resample_golden.inc: fingerprints of what Pillow makes of a fixed pattern.

Prints the fingerprint of the grey conversion too, which stands in resample_test.cpp.
"""

import pathlib

import PIL
from PIL import Image

from pictures import MODES, pattern_picture, resized_rows_first

FILTERS = {"kBox": Image.Resampling.BOX, "kBilinear": Image.Resampling.BILINEAR,
           "kBicubic": Image.Resampling.BICUBIC, "kLanczos": Image.Resampling.LANCZOS}
SIZES = [(37, 23, 64, 64), (64, 64, 37, 23), (200, 150, 64, 64), (33, 47, 33, 94), (33, 47, 99, 47), (300, 7, 8, 8),
         (128, 128, 512, 512), (1, 1, 5, 3), (90, 61, 91, 60)]


def fingerprint(image):
    value = 14695981039346656037
    for byte in image.tobytes():
        value = ((value ^ byte) * 1099511628211) % 2**64
    return value


lines = [f"    // Pillow {PIL.__version__}"]
for name, kind in FILTERS.items():
    for channels in MODES:
        for width, height, new_width, new_height in SIZES:
            image = pattern_picture(width, height, channels)
            image = image.convert("RGBa") if channels == 4 else image
            resized = resized_rows_first(image, (new_width, new_height), kind)
            resized = resized.convert("RGBA") if channels == 4 else resized
            lines.append(f"    {{Filter::{name}, {channels}, {width}, {height}, {new_width}, {new_height}, "
                         f"{fingerprint(resized)}ULL}},")
target = pathlib.Path(__file__).resolve().parents[2] / "src/media/image/resample_golden.inc"
target.write_text("\n".join(lines) + "\n")
print(fingerprint(pattern_picture(37, 23).convert("L")))
