"""Draws pictures with the statistics of photographs, numpy only: leaves of all sizes that cover each other
("dead leaves"; Lee, Mumford and Huang 2001), flat, shaded, striped or rough, sharp or out of focus, with
thin lines over them, light that falls off and grain.

They stand in for photographs in the training of the upscaler and the classifier.
"""

import numpy as np


def rough_field(rng, height, width, falloff):
    """[height, width], mean 0, spread 1: amplitudes fall as frequency to the power -falloff."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) / frequency**falloff
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=(height, width))
    return (field / (field.std() + 1e-9)).astype(np.float32)


def _leaf_distance(rng, x, y, radius):
    """Signed distance in pixels, about exact near the edge."""
    angle = rng.uniform(0, 2 * np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    form = rng.random()
    if form < 0.35:
        return np.hypot(x, y) - radius
    if form < 0.65:
        flat = rng.uniform(0.12, 1)
        return np.maximum(np.abs(along) - radius, np.abs(across) - radius * flat)
    if form < 0.75:
        thick = radius * rng.uniform(0.08, 0.3)
        return np.abs(np.hypot(x, y) - (radius - thick)) - thick
    corners = int(rng.integers(3, 8))
    distance = np.full(x.shape, -np.inf, np.float32)
    for corner in range(corners):
        turn = angle + 2 * np.pi * (corner + rng.uniform(-0.3, 0.3)) / corners
        distance = np.maximum(distance, x * np.cos(turn) + y * np.sin(turn)
                              - radius * rng.uniform(0.5, 0.9))
    return distance


def _leaf_fill(rng, x, y, colour, rough):
    """Colours of the leaf's box, [height, width, 3]."""
    fill = np.broadcast_to(colour, (*x.shape, 3))
    kind = rng.random()
    if kind < 0.25:
        return fill
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(5, 60)
    along = x * np.cos(angle) + y * np.sin(angle)
    if kind < 0.5:
        return fill + (along / (np.abs(along).max() + 1) * strength)[..., None]
    if kind < 0.65:
        wave = np.sin(2 * np.pi * along / np.exp(rng.uniform(np.log(2.5), np.log(24))))
        if rng.random() < 0.5:
            wave = np.clip(wave * 4, -1, 1)
        return fill + (wave * strength)[..., None]
    top = int(rng.integers(rough.shape[0] - x.shape[0] + 1))
    left = int(rng.integers(rough.shape[1] - x.shape[1] + 1))
    part = rough[top:top + x.shape[0], left:left + x.shape[1]]
    return fill + (part * strength * 0.5)[..., None] * rng.uniform(0.7, 1.3, 3)


def _paint(picture, distance, softness, fill, opacity=1.0):
    cover = opacity * np.clip(0.5 - distance / softness, 0, 1)[..., None]
    picture += cover * (fill - picture)


def _box(picture, cx, cy, reach):
    """The part of the picture within `reach` of a point, with offsets from it; None where there is none."""
    height, width = picture.shape[:2]
    left, right = max(0, int(cx - reach)), min(width, int(cx + reach) + 1)
    top, bottom = max(0, int(cy - reach)), min(height, int(cy + reach) + 1)
    if left >= right or top >= bottom:
        return None
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    return picture[top:bottom, left:right], x + 0.5 - cx, y + 0.5 - cy


def _colours(rng, count):
    """A picture's own colours, around a few tones."""
    tones = rng.uniform(0, 255, (int(rng.integers(2, 6)), 1)) + rng.normal(0, 45, (1, 3))
    tones = tones + rng.normal(0, rng.uniform(0, 40), (len(tones), 3))
    picked = tones[rng.integers(len(tones), size=count)]
    return np.clip(picked + rng.normal(0, 22, (count, 1)) + rng.normal(0, 8, (count, 3)), 0, 255)


def _paint_leaves(rng, picture, count):
    height, width = picture.shape[:2]
    side = max(height, width)
    rough = rough_field(rng, side, side, rng.uniform(0.4, 1.3))
    smallest = (1.0, 2.5, 5.0)[int(rng.integers(3))]
    largest = side * rng.uniform(0.2, 0.6)
    # Areas are spread as radius to the power -3, so that no size is special.
    share = rng.random(count)
    radii = (share * largest**-2.0 + (1 - share) * smallest**-2.0) ** -0.5
    # Half of them is painted large to small, or the small ones would mostly be covered.
    radii[: count // 2] = np.sort(radii[: count // 2])[::-1]
    focus = 1.0 if rng.random() < 0.7 else rng.uniform(1, 3)
    for radius, colour in zip(radii, _colours(rng, count)):
        softness = focus if rng.random() < 0.8 else rng.uniform(1, 6)
        found = _box(picture, rng.uniform(0, width), rng.uniform(0, height),
                     radius * 1.5 + softness)
        if found:
            part, x, y = found
            fill = _leaf_fill(rng, x, y, colour, rough)
            _paint(part, _leaf_distance(rng, x, y, radius), softness, fill)


def _paint_lines(rng, picture, count):
    """Strokes as of writing, twigs and wires."""
    height, width = picture.shape[:2]
    for _ in range(count):
        length, thick = rng.uniform(3, 40), rng.uniform(0.35, 1.6)
        found = _box(picture, rng.uniform(0, width), rng.uniform(0, height), length + 2)
        if not found:
            continue
        part, x, y = found
        angle = rng.uniform(0, 2 * np.pi)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        bend = rng.uniform(-0.015, 0.015)
        distance = np.maximum(np.abs(across + bend * along * along) - thick,
                              np.abs(along) - length)
        _paint(part, distance, 1.0, rng.uniform(0, 255, 3))


def draw_texture(rng, width, height):
    """[height, width, 3] uint8"""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _colours(rng, 1)
    kind = rng.random()
    if kind < 0.12:
        field = rough_field(rng, height, width, rng.uniform(0.6, 2.2))[..., None]
        picture += field * rng.uniform(10, 60) * rng.uniform(0.6, 1.4, 3)
    else:
        _paint_leaves(rng, picture, int(rng.uniform(0.3, 1) * 0.012 * width * height) + 20)
    if rng.random() < 0.3:
        _paint_lines(rng, picture, int(rng.integers(3, 60)))
    if rng.random() < 0.4:
        light = rough_field(rng, height, width, 2.2)[..., None]
        picture *= 1 + rng.uniform(0.05, 0.3) * light
    middle, contrast = rng.uniform(90, 160), rng.uniform(0.5, 1.1)
    picture = (picture - picture.mean()) * contrast + middle
    if rng.random() < 0.25:
        picture += rng.normal(0, rng.uniform(1, 6), picture.shape)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
