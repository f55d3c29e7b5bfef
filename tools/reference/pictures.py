"""Pictures that the scripts of this folder and tests/golden/pattern_picture.h make alike."""

from PIL import Image

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def pattern_picture(width, height, channels=3):
    """Smooth ramps, hard edges and noise."""
    data = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                block = ((x // 5 + y // 7 + c) % 2) * 255
                ramp = (x * 3 + y * 5 + c * 40) % 256
                noise = (x * 7919 + y * 104729 + c * 1299709) % 251
                data.append(block if (x + y) % 3 == 0 else (noise if x % 4 == 0 else ramp))
    return Image.frombytes(MODES[channels], (width, height), bytes(data))


def resized_rows_first(image, size, kind):
    """As every Pillow before 13 does; 13 sometimes takes the columns first, which differs by a level or two."""
    return image.resize((size[0], image.height), kind).resize(size, kind)
