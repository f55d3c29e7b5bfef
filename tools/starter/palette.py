"""Colours, shapes, sizes and places: the facts that a prompt can state and a picture can show.

The same colours stand in tests/starter/picture_check.h, whose analyser reads pictures back.
"""

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 220),
    "yellow": (245, 220, 50),
    "orange": (245, 140, 30),
    "purple": (130, 50, 170),
    "white": (250, 250, 250),
    "black": (15, 15, 15),
    "gray": (128, 128, 128),
    "pink": (250, 150, 195),
    "cyan": (60, 210, 220),
    "brown": (120, 75, 40),
}

SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")

# Radius as a share of the picture's shorter side.
SINGLE_RADIUS = {"small": (0.115, 0.14), "": (0.18, 0.26), "big": (0.27, 0.32), "huge": (0.37, 0.42)}
PAIR_RADIUS = {"small": (0.105, 0.125), "": (0.15, 0.18), "big": (0.2, 0.22)}

# Centre as a share of width and height.
PLACES = {
    "left": (0.24, 0.5),
    "right": (0.76, 0.5),
    "top": (0.5, 0.24),
    "bottom": (0.5, 0.76),
    "top left": (0.24, 0.24),
    "top right": (0.76, 0.24),
    "bottom left": (0.24, 0.76),
    "bottom right": (0.76, 0.76),
    "centre": (0.5, 0.5),
}


def far_apart(first: str, second: str) -> bool:
    """Whether two colours can stand on each other and still be told apart by eye."""
    one, two = COLOURS[first], COLOURS[second]
    return sum((a - b) ** 2 for a, b in zip(one, two)) > 75**2
