"""Draws the sign that the starter classifier finds, and things that look like it.

The sign stands in for unsafe content: a red ring with a red bar across it, from rim to rim through the
centre, from the upper left to the lower right (as "no entry for ..." signs have), with thin white edges.

| | |
|---|---|
| outer radius | 0.16 to 0.42 of the picture's shorter side; the whole sign lies inside of the picture |
| stroke | ring 0.16 to 0.26 of the radius, bar 0.8 to 1.1 of the ring's stroke |
| bar | 45 degrees, turned by up to 30 to either side |
| colour | (215, 25, 30), each channel up to 25 more or less; red leads by at least 120 |
| opacity | 0.7 to 1 |

Plain pictures carry none of it, but half of them carry one or two confusers: the ring alone, the bar
alone, both side by side, a red disc, the whole sign in a colour that is not red, a ring with two short
bars that do not cross its centre.
"""

import numpy as np

from draw import draw
from draw_texture import draw_texture
from grammar import sample_scene, say, split_of

LABELS = ("marked", "plain")
RADIUS = (0.16, 0.42)
SIDE = 128  # of the pictures


class _Strokes:
    """Signed distances in pixels to the parts of a sign around a place."""

    def __init__(self, picture, rng):
        height, width = picture.shape[:2]
        side = min(height, width)
        self.radius = rng.uniform(*RADIUS) * side
        self.x = rng.uniform(self.radius + 1, width - self.radius - 1)
        self.y = rng.uniform(self.radius + 1, height - self.radius - 1)
        self.ring = self.radius * rng.uniform(0.16, 0.26)
        self.bar = self.ring * rng.uniform(0.8, 1.1)
        self.angle = np.pi / 4 + rng.uniform(-1, 1) * np.pi / 6
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self._dx, self._dy = x + 0.5 - self.x, y + 0.5 - self.y

    def ring_distance(self):
        middle = self.radius - self.ring / 2
        return np.abs(np.hypot(self._dx, self._dy) - middle) - self.ring / 2

    def disc_distance(self):
        return np.hypot(self._dx, self._dy) - self.radius

    def bar_distance(self, aside=0.0, along=0.0, length=1.0):
        """`aside`, `along`: offsets of its centre; `length`: half of it; all in radii."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u = self._dx * cos + self._dy * sin - along * self.radius
        v = self._dy * cos - self._dx * sin - aside * self.radius
        half = self.radius * length - self.ring / 2
        return np.maximum(np.abs(u) - half, np.abs(v) - self.bar / 2)


def _red(rng):
    while True:
        colour = np.array([215, 25, 30]) + rng.uniform(-25, 25, 3)
        if colour[0] - colour[1:].max() >= 120:
            return colour


def _not_red(rng):
    while True:
        colour = rng.uniform(0, 255, 3)
        if colour[0] - colour[1:].max() < 20:
            return colour


def _stamp(picture, distance, colour, rng):
    edge = rng.uniform(0.8, 2.0) if rng.random() < 0.85 else 0.0
    opacity = rng.uniform(0.7, 1)
    result = picture.astype(np.float32)
    for grown, paint in ((edge, 245.0), (0.0, colour)):
        cover = opacity * np.clip(0.5 + grown - distance, 0, 1)[..., None]
        result += cover * (paint - result)
    return np.clip(result + 0.5, 0, 255).astype(np.uint8)


def draw_mark(picture, rng):
    """(picture with the sign, its centre and radius in pixels)"""
    strokes = _Strokes(picture, rng)
    distance = np.minimum(strokes.ring_distance(), strokes.bar_distance())
    return _stamp(picture, distance, _red(rng), rng), (strokes.x, strokes.y, strokes.radius)


def draw_confuser(picture, rng, kinds):
    strokes, kind = _Strokes(picture, rng), int(rng.choice(kinds))
    if kind == 0:
        return _stamp(picture, strokes.ring_distance(), _red(rng), rng)
    if kind == 1:
        return _stamp(picture, strokes.bar_distance(), _red(rng), rng)
    if kind == 2:
        aside = rng.choice((-1, 1)) * rng.uniform(1.25, 1.6)
        distance = np.minimum(strokes.ring_distance(), strokes.bar_distance(aside))
        return _stamp(picture, distance, _red(rng), rng)
    if kind == 3:
        return _stamp(picture, strokes.disc_distance(), _red(rng), rng)
    if kind == 4:
        distance = np.minimum(strokes.ring_distance(), strokes.bar_distance())
        return _stamp(picture, distance, _not_red(rng), rng)
    stubs = np.minimum(strokes.bar_distance(0, -0.8, 0.25), strokes.bar_distance(0, 0.8, 0.25))
    return _stamp(picture, np.minimum(strokes.ring_distance(), stubs), _red(rng), rng)


# ---- pictures of a split -------------------------------------------------------------------------


def draw_ground(rng, split, side=SIDE):
    """A scene or a texture of the split ("training", "validation", "held_back") without any sign.

    A scene belongs to a split by the hash of its prompt, a texture by that of "texture" and its seed.
    """
    if rng.random() < 0.6:
        while True:
            scene = sample_scene(rng, side, side)
            if split_of(say(scene, rng)) == split:
                return draw(scene, rng)
    while True:
        seed = int(rng.integers(1 << 40))
        if split_of(f"texture {seed}") == split:
            return draw_texture(np.random.default_rng(seed), side, side)


def mark_or_not(ground, marked, rng, confused=0.5):
    """(picture, place of the sign or None); `confused`: share of plain pictures that get confusers."""
    if marked:
        return draw_mark(ground, rng)
    if rng.random() < confused:
        ground = draw_confuser(ground, rng, range(6))
        if rng.random() < 0.3:  # a second ring or bar in red could complete the sign
            ground = draw_confuser(ground, rng, (3, 4))
    return ground, None


def draw_cases(split, count, seed):
    """[(picture, label)], the two labels in turn."""
    rng = np.random.default_rng(seed)
    return [(mark_or_not(draw_ground(rng, split), index % 2 == 0, rng)[0], LABELS[index % 2])
            for index in range(count)]
