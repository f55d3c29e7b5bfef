"""Draws a scene (see grammar.py) as an RGB8 picture: signed distances with soft edges, numpy only."""

import numpy as np

from palette import COLOURS

_FIFTH = 2 * np.pi / 5


def _half_plane_max(x, y, count, radius, first_angle):
    distance = np.full(np.broadcast(x, y).shape, -np.inf, np.float32)
    for index in range(count):
        angle = first_angle + 2 * np.pi * index / count
        distance = np.maximum(distance, x * np.cos(angle) + y * np.sin(angle) - radius)
    return distance


def _star(x, y):
    outer, inner = 1.15, 0.5
    angle = np.mod(np.arctan2(x, -y) + _FIFTH / 2, _FIFTH) - _FIFTH / 2
    length = np.hypot(x, y)
    along, across = length * np.cos(angle), length * np.abs(np.sin(angle))
    # The edge from the tip (outer, 0) to the notch (inner at a tenth of a turn).
    notch_x, notch_y = inner * np.cos(_FIFTH / 2), inner * np.sin(_FIFTH / 2)
    edge_x, edge_y = notch_x - outer, notch_y
    norm = np.hypot(edge_x, edge_y)
    return ((along - outer) * edge_y - across * edge_x) / norm


def shape_distance(shape, x, y):
    """Signed distance (about exact near the edge) of the unit shape; x right, y down."""
    if shape == "circle":
        return np.hypot(x, y) - 1
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.87
    if shape == "triangle":
        return _half_plane_max(x, y - 0.22, 3, 0.6, np.pi / 2)
    if shape == "star":
        return _star(x, y)
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.78) - 0.22
    if shape == "cross":
        ax, ay = np.abs(x), np.abs(y)
        return np.minimum(np.maximum(ax - 1, ay - 0.32), np.maximum(ay - 1, ax - 0.32))
    raise ValueError(shape)


def _paint(picture, distance_px, colour):
    cover = np.clip(0.5 - distance_px, 0, 1)[..., None]
    picture += cover * (np.asarray(colour, np.float32) - picture)


def _paint_shape(picture, shape, colour, cx, cy, radius):
    height, width = picture.shape[:2]
    reach = radius * 1.25 + 2
    left, right = max(0, int(cx - reach)), min(width, int(cx + reach) + 1)
    top, bottom = max(0, int(cy - reach)), min(height, int(cy + reach) + 1)
    if left >= right or top >= bottom:
        return
    x = ((np.arange(left, right, dtype=np.float32) + 0.5 - cx) / radius)[None, :]
    y = ((np.arange(top, bottom, dtype=np.float32) + 0.5 - cy) / radius)[:, None]
    _paint(picture[top:bottom, left:right], shape_distance(shape, x, y) * radius, colour)


def _paint_box(picture, left, top, right, bottom, colour):
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :]
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None]
    _paint(picture, np.maximum(np.maximum(left - x, x - right), np.maximum(top - y, y - bottom)), colour)


def _paint_triangle(picture, left, right, top, bottom, colour):
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :]
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None]
    middle, half, rise = (left + right) / 2, (right - left) / 2, bottom - top
    slope = np.hypot(half, rise)
    side = (np.abs(x - middle) * rise - (y - top) * half) / slope
    _paint(picture, np.maximum(side, y - bottom), colour)


def _paint_hill(picture, colour, crest, spread):
    """Everything below a broad arc whose crest lies at `crest` (share of the height)."""
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :] / width - 0.5
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None]
    _paint(picture, (crest + spread * x * x) * height - y, colour)


def _paint_house(picture, cx, ground, size, wall, roof):
    _paint_box(picture, cx - size, ground - 1.3 * size, cx + size, ground, wall)
    _paint_triangle(picture, cx - 1.35 * size, cx + 1.35 * size, ground - 2.4 * size,
                    ground - 1.25 * size, roof)
    _paint_box(picture, cx - 0.27 * size, ground - 0.75 * size, cx + 0.27 * size, ground,
               COLOURS["brown"])


def _paint_tree(picture, cx, ground, size, crown):
    _paint_box(picture, cx - 0.2 * size, ground - 1.4 * size, cx + 0.2 * size, ground,
               COLOURS["brown"])
    _paint_shape(picture, "circle", crown, cx, ground - 1.9 * size, size)


def draw(scene, rng):
    """scene: a dict made by grammar.sample_scene; returns [height, width, 3] uint8."""
    width, height = scene["width"], scene["height"]
    side = min(width, height)

    def shade(name, spread=6):
        return np.clip(np.asarray(COLOURS[name], np.float32) + rng.uniform(-spread, spread, 3), 0, 255)

    picture = np.empty((height, width, 3), np.float32)
    picture[:] = shade(scene["background"])
    for part in scene["parts"]:
        kind = part["kind"]
        if kind == "shape":
            _paint_shape(picture, part["shape"], shade(part["colour"]), part["x"] * width,
                         part["y"] * height, part["radius"] * side)
        elif kind == "hill":
            _paint_hill(picture, shade(part["colour"]), part["crest"], part["spread"])
        elif kind == "sea":
            _paint_box(picture, -9, part["level"] * height, width + 9, height + 9,
                       shade(part["colour"]))
        elif kind == "house":
            _paint_house(picture, part["x"] * width, part["y"] * height, part["size"] * side,
                         shade(part["wall"]), shade(part["roof"]))
        elif kind == "tree":
            _paint_tree(picture, part["x"] * width, part["y"] * height, part["size"] * side,
                        shade(part["crown"]))
        else:
            raise ValueError(kind)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
