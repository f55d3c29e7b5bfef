"""Samples scenes and says them in words.

A scene is a dict with width, height, background, parts (what draw.py paints) and the facts that its
prompts may state. `say` returns one prompt of many for a scene. A prompt belongs to a split by the
hash of its normalised text: held-back prompts are never seen in training nor in model selection.
"""

import hashlib
import re

from palette import COLOURS, PAIR_RADIUS, PLACES, SHAPES, SINGLE_RADIUS, far_apart

_COLOUR_NAMES = tuple(COLOURS)
_PREFIXES = ("a picture of ", "a drawing of ", "an image of ", "a simple drawing of ",
             "an illustration of ")
_SYNONYMS = {"circle": ("disc", "dot", "ball"), "square": ("box",), "ring": ("donut", "hoop"),
             "cross": ("plus sign",), "star": (), "triangle": ()}
_SIZE_WORDS = {"small": ("small", "small", "tiny", "little"), "big": ("big", "large"),
               "huge": ("huge", "giant"), "": ("",)}


def normalise(prompt):
    return re.sub(r"\s+", " ", prompt.strip().lower())


def split_of(prompt):
    digest = hashlib.sha256(normalise(prompt).encode()).digest()
    return {0: "held_back", 1: "validation"}.get(int.from_bytes(digest, "big") % 10, "training")


def _pick(rng, options):
    return options[int(rng.integers(len(options)))]


def _article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def _colour_word(rng, colour):
    return "grey" if colour == "gray" and rng.random() < 0.4 else colour


# ---- sampling ------------------------------------------------------------------------------------


def _shape_part(rng, shape, colour, size, radii, place, jitter, scene):
    radius = rng.uniform(*radii[size])
    side = min(scene["width"], scene["height"])
    reach_x, reach_y = radius * 1.1 * side / scene["width"], radius * 1.1 * side / scene["height"]
    x = min(max(place[0] + rng.uniform(-jitter, jitter), reach_x), 1 - reach_x)
    y = min(max(place[1] + rng.uniform(-jitter, jitter), reach_y), 1 - reach_y)
    return {"kind": "shape", "shape": shape, "colour": colour, "size": size, "x": x, "y": y,
            "radius": radius}


def _sample_single(rng, scene):
    shape = _pick(rng, SHAPES)
    colour = _pick(rng, [c for c in _COLOUR_NAMES if far_apart(c, scene["background"])])
    place = _pick(rng, tuple(PLACES)) if rng.random() < 0.5 else ""
    sizes = ("", "", "", "small", "big", "huge") if place in ("", "centre") else ("", "", "small")
    size = _pick(rng, sizes)
    part = _shape_part(rng, shape, colour, size, SINGLE_RADIUS, PLACES[place or "centre"], 0.03,
                       scene)
    scene.update(kind="single", place=place, parts=[part])


def _sample_pair(rng, scene):
    colours = [c for c in _COLOUR_NAMES if far_apart(c, scene["background"])]
    horizontal = rng.random() < 0.5
    if rng.random() < 0.12:
        places, relation = _pick(rng, ((("top left", "bottom right"), "corners"),
                                       (("top right", "bottom left"), "corners"),
                                       (("bottom left", "top right"), "corners"),
                                       (("bottom right", "top left"), "corners"))), ""
        (first_place, second_place), relation = places
    elif horizontal:
        first_place, second_place, relation = "left", "right", "left of"
    else:
        first_place, second_place, relation = "top", "bottom", "above"
    if relation != "corners" and rng.random() < 0.5:
        first_place, second_place = second_place, first_place
        relation = {"left of": "right of", "above": "below"}[relation]
    parts = []
    for place in (first_place, second_place):
        size = _pick(rng, ("", "", "", "", "small", "big"))
        parts.append(_shape_part(rng, _pick(rng, SHAPES), _pick(rng, colours), size, PAIR_RADIUS,
                                 PLACES[place], 0.025, scene))
    scene.update(kind="pair", relation=relation, places=(first_place, second_place), parts=parts)


def _sample_view(rng, scene):
    """A simple scene: house on a hill, sun over the sea, tree."""
    view = _pick(rng, ("house", "house hill", "sun sea", "tree", "tree hill", "house tree"))
    night = rng.random() < 0.2
    scene["background"] = "black" if night else _pick(rng, ("cyan", "cyan", "blue"))
    parts = []
    if view == "sun sea":
        sunset = not night and rng.random() < 0.4
        scene["background"] = "orange" if sunset else scene["background"]
        if scene["background"] == "blue":
            scene["background"] = "cyan"
        sun = "white" if night else ("red" if sunset and rng.random() < 0.5 else "yellow")
        parts = [{"kind": "shape", "shape": "circle", "colour": sun, "size": "",
                  "x": 0.5 + rng.uniform(-0.04, 0.04), "y": 0.33 + rng.uniform(-0.04, 0.04),
                  "radius": rng.uniform(0.14, 0.18)},
                 {"kind": "sea", "colour": "blue", "level": rng.uniform(0.6, 0.68)}]
        scene.update(kind="view", view=view, night=night, sunset=sunset, parts=parts)
        return
    hill = "hill" in view
    ground = 0.66 if hill else 0.76
    parts.append({"kind": "hill", "colour": "green", "crest": ground + rng.uniform(-0.02, 0.02),
                  "spread": 1.1 if hill else 0.0})
    foot = parts[0]["crest"] + 0.02
    wall = _pick(rng, ("red", "white", "yellow", "gray", "pink", "blue"))
    if wall == scene["background"]:
        wall = "white"
    roof = _pick(rng, [c for c in ("red", "brown", "orange") if c != wall])
    crown = "green"
    if view.startswith("house"):
        parts.append({"kind": "house", "x": (0.33 if view == "house tree" else 0.5)
                      + rng.uniform(-0.03, 0.03), "y": foot, "size": rng.uniform(0.15, 0.18),
                      "wall": wall, "roof": roof})
    if "tree" in view:
        parts.append({"kind": "tree", "x": (0.74 if view == "house tree" else 0.5)
                      + rng.uniform(-0.03, 0.03), "y": foot, "size": rng.uniform(0.12, 0.15),
                      "crown": crown})
    scene.update(kind="view", view=view, night=night, sunset=False, wall=wall, roof=roof, parts=parts)


def sample_scene(rng, width=128, height=128):
    scene = {"width": width, "height": height, "background": _pick(rng, _COLOUR_NAMES)}
    choice = rng.random()
    if choice < 0.45:
        _sample_single(rng, scene)
    elif choice < 0.88:
        _sample_pair(rng, scene)
    else:
        _sample_view(rng, scene)
    return scene


# ---- words ---------------------------------------------------------------------------------------


def _thing(rng, part, with_article=True):
    shape = part["shape"]
    if _SYNONYMS[shape] and rng.random() < 0.08:
        shape = _pick(rng, _SYNONYMS[shape])
    size = _pick(rng, _SIZE_WORDS[part["size"]])
    words = " ".join(w for w in (size, _colour_word(rng, part["colour"]), shape) if w)
    return _article(words) if with_article else words


def _ground(rng, colour):
    return _article(_colour_word(rng, colour) + " background")


def _with_background(rng, subject, colour, chance_of_none=0.12):
    if rng.random() < chance_of_none:
        return subject
    ground = _ground(rng, colour)
    form = rng.random()
    if form < 0.6:
        return f"{subject} on {ground}"
    if form < 0.7:
        return f"{subject} against {ground}"
    if form < 0.75:
        return f"{subject} in front of {ground}"
    if form < 0.82:
        return f"{subject}, {ground[ground.index(' ') + 1:]}"
    if form < 0.87:
        return f"{subject} on {_colour_word(rng, colour)}"
    if form < 0.94:
        return f"on {ground}, {subject}"
    return f"{ground} with {subject}"


def _place_words(rng, place):
    if place == "centre":
        return _pick(rng, ("in the centre", "in the center", "in the middle", "at the centre"))
    if place in ("left", "right"):
        return _pick(rng, (f"on the {place}", f"at the {place}", f"on the {place} side"))
    if place in ("top", "bottom"):
        return _pick(rng, (f"at the {place}", f"at the {place}", f"near the {place}"))
    return _pick(rng, (f"at the {place}", f"in the {place} corner", f"in the {place}"))


def _say_single(rng, scene):
    thing = _thing(rng, scene["parts"][0], with_article=rng.random() < 0.85)
    if not scene["place"]:
        return _with_background(rng, thing, scene["background"])
    where = _place_words(rng, scene["place"])
    if rng.random() < 0.4:
        return f"{thing} {where} of {_ground(rng, scene['background'])}"
    return _with_background(rng, f"{thing} {where}", scene["background"])


def _say_pair(rng, scene):
    first, second = (_thing(rng, part) for part in scene["parts"])
    relation, places = scene["relation"], scene["places"]
    form = rng.random()
    if relation == "corners" or form < 0.2:
        subject = (f"{first} {_place_words(rng, places[0])} and "
                   f"{second} {_place_words(rng, places[1])}")
    elif form < 0.3 and relation in ("left of", "above"):
        subject = f"{first} and {second}"
    elif form < 0.36 and relation in ("left of", "right of"):
        subject = f"{first} {_pick(rng, ('next to', 'beside'))} {second}"
    else:
        words = {"left of": ("to the left of", "to the left of", "left of"),
                 "right of": ("to the right of", "to the right of", "right of"),
                 "above": ("above", "above", "over"),
                 "below": ("below", "below", "under", "beneath")}[relation]
        subject = f"{first} {_pick(rng, words)} {second}"
    return _with_background(rng, subject, scene["background"])


def _say_view(rng, scene):
    view = scene["view"]
    if view == "sun sea":
        if scene["night"]:
            subject = _pick(rng, ("the moon over the sea", "a moon over the sea",
                                  "the moon above the sea"))
        elif scene["sunset"]:
            sun = _colour_word(rng, scene["parts"][0]["colour"])
            subject = _pick(rng, ("a sunset over the sea", "sunset over the sea",
                                  f"a {sun} sun over the sea under an orange sky"))
            return subject
        else:
            subject = _pick(rng, ("a sun over the sea", "the sun over the sea",
                                  "a yellow sun above the sea", "a sun over the blue sea",
                                  "the sun above the ocean"))
    else:
        house = _article(_pick(rng, ("house", f"{scene['wall']} house",
                                     f"{scene['wall']} house with {_article(scene['roof'])} roof")))
        tree = _pick(rng, ("a tree", "a green tree"))
        subject = {"house": house, "house hill": f"{house} on a {_pick(rng, ('hill', 'green hill'))}",
                   "tree": tree, "tree hill": f"{tree} on a {_pick(rng, ('hill', 'green hill'))}",
                   "house tree": _pick(rng, (f"{house} and {tree}", f"{house} next to {tree}",
                                             f"{house} beside {tree}"))}[view]
    if scene["night"]:
        return subject + _pick(rng, (" at night", " at night", " under a black sky"))
    if rng.random() < 0.3:
        sky = "blue" if scene["background"] == "blue" else _pick(rng, ("cyan", "light blue"))
        subject += f" under a {sky} sky"
    return subject


def say(scene, rng):
    prompt = {"single": _say_single, "pair": _say_pair, "view": _say_view}[scene["kind"]](rng, scene)
    if rng.random() < 0.12:
        prompt = _pick(rng, _PREFIXES) + prompt
    if rng.random() < 0.08:
        prompt += "."
    return prompt


def say_for_training(scene, rng):
    while True:
        prompt = say(scene, rng)
        if split_of(prompt) == "training":
            return prompt
