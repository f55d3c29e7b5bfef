"""The analyser of tests/starter/picture_check.cpp, called from Python (build: see README.md)."""

import ctypes
from pathlib import Path

import numpy as np

from palette import COLOURS, SHAPES

COLOUR_NAMES = list(COLOURS)
PLACE_NAMES = ["", "left", "right", "top", "bottom", "top left", "top right", "bottom left",
               "bottom right", "centre"]
RELATION_NAMES = ["", "left of", "right of", "above", "below"]
# "A ring and a cross", "a ring next to a cross" do not say which is where.
_RELATION_WORDS = ("left of", "right of", " above ", " over ", " below ", " under ", " beneath ",
                   " at the ", " on the ", " near the ")
PARTS = ("background", "count", "colours", "shapes", "places", "relation")


class PictureCheck:
    def __init__(self, library: Path):
        self._judge = ctypes.CDLL(str(library)).atelier_judge

    def judge(self, picture, expect):
        """picture: [height, width, 3] uint8; expect: the facts of facts_of().

        Returns (all right, the parts that are wrong, what was seen in words).
        """
        numbers = [COLOUR_NAMES.index(expect["background"]) if expect.get("background") else -1,
                   RELATION_NAMES.index(expect.get("relation", "")), len(expect["objects"])]
        for thing in expect["objects"]:
            numbers += [SHAPES.index(thing["shape"]), COLOUR_NAMES.index(thing["colour"]),
                        PLACE_NAMES.index(thing.get("place", ""))]
        picture = np.ascontiguousarray(picture, np.uint8)
        words = ctypes.create_string_buffer(400)
        bits = self._judge(picture.ctypes.data_as(ctypes.c_char_p), picture.shape[1],
                           picture.shape[0], (ctypes.c_int * len(numbers))(*numbers), words, 400)
        wrong = [part for bit, part in enumerate(PARTS) if not bits >> bit & 1]
        return not wrong, wrong, words.value.decode()


def facts_of(scene, prompt):
    """What the prompt states about the scene: no background unless it names one, and so on."""
    text = prompt.lower().replace("grey", "gray").rstrip(".")
    objects = [{"shape": p["shape"], "colour": p["colour"]} for p in scene["parts"]]
    facts = {"objects": objects, "relation": ""}
    spoken = any(form in text for form in (f"{scene['background']} background",
                                           f" on {scene['background']}"))
    if spoken:
        facts["background"] = scene["background"]
    if scene["kind"] == "single":
        if scene["place"]:
            objects[0]["place"] = scene["place"]
    elif scene["relation"] == "corners":
        for thing, place in zip(objects, scene["places"]):
            thing["place"] = place
    elif any(words in text for words in _RELATION_WORDS):
        facts["relation"] = scene["relation"]
    return facts
