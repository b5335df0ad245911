"""Layouts of streets that nobody photographed, painted with polygons: label maps in Cityscapes' colours, and objects.

    python docs/results/street_layouts.py FOLDER

FOLDER gets ``layouts/NAME.png`` in the colours of ``pipelines/palettes/cityscapes.yaml``, and ``instances/NAME.png``
with ids of 16 bits. ``pipelines/layouts`` and ``pipelines/instances`` were made so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZE = (256, 128)
COLOURS = {
    **{"road": (128, 64, 128), "sidewalk": (244, 35, 232), "building": (70, 70, 70), "pole": (153, 153, 153)},
    **{"vegetation": (107, 142, 35), "terrain": (152, 251, 152), "sky": (70, 130, 180), "person": (220, 20, 60)},
    **{"car": (0, 0, 142), "traffic sign": (220, 220, 0)},
}
IDS = {"person": 24, "car": 26}  # of the classes whose objects are told apart
Shape = tuple[str, list[tuple[int, int]]]


def car(x: int, y: int, width: int) -> Shape:
    """From behind, standing on y."""
    w, h = width, round(0.7 * width)
    corners = ((0, 0), (0, 0.5), (0.15, 0.55), (0.25, 1), (0.75, 1), (0.85, 0.55), (1, 0.5), (1, 0))
    return "car", [(x + round(w * a), y - round(h * b)) for a, b in corners]


def person(x: int, y: int, height: int) -> Shape:
    """Standing on y."""
    corners = ((-0.12, 0), (-0.16, 0.6), (-0.06, 0.85), (-0.06, 1), (0.06, 1), (0.06, 0.85), (0.16, 0.6), (0.12, 0))
    return "person", [(x + round(height * a), y - round(height * b)) for a, b in corners]


def box(name: str, left: int, top: int, right: int, bottom: int) -> Shape:
    """A rectangle."""
    return name, [(left, top), (right, top), (right, bottom), (left, bottom)]


SCENES: dict[str, list[Shape]] = {
    "avenue": [
        box("sky", 0, 0, 255, 70),
        ("building", [(0, 0), (70, 0), (104, 40), (104, 66), (0, 80)]),
        ("vegetation", [(255, 0), (190, 6), (160, 34), (148, 64), (255, 80)]),
        ("sidewalk", [(0, 76), (104, 62), (120, 64), (30, 128), (0, 128)]),
        ("road", [(118, 62), (144, 62), (255, 112), (255, 128), (20, 128)]),
        ("sidewalk", [(146, 62), (255, 78), (255, 114)]),
        box("pole", 60, 20, 63, 88),
        box("traffic sign", 56, 20, 68, 34),
        car(150, 96, 54),
        car(118, 72, 18),
        person(48, 104, 36),
    ],
    "crossing": [
        box("sky", 0, 0, 255, 60),
        box("building", 0, 8, 120, 70),
        box("building", 150, 0, 255, 70),
        box("vegetation", 112, 30, 158, 66),
        box("road", 0, 66, 255, 127),
        ("sidewalk", [(0, 66), (90, 66), (0, 84)]),
        box("pole", 200, 10, 203, 76),
        car(20, 92, 60),
        car(96, 80, 30),
        car(196, 110, 58),
    ],
    "park": [
        box("sky", 0, 0, 255, 50),
        ("vegetation", [(0, 10), (60, 0), (110, 30), (130, 60), (0, 76)]),
        ("vegetation", [(255, 4), (180, 14), (140, 58), (255, 74)]),
        ("terrain", [(0, 72), (126, 58), (60, 128), (0, 128)]),
        ("road", [(128, 58), (140, 58), (255, 128), (56, 128)]),
        ("sidewalk", [(142, 58), (255, 72), (255, 122)]),
        car(70, 110, 50),
        person(212, 106, 34),
        person(230, 104, 32),
    ],
}


def main(folder: Path) -> None:
    """Paint all."""
    for name, shapes in SCENES.items():
        layout = Image.new("RGB", SIZE, COLOURS["road"])
        objects = Image.new("I", SIZE, 7)
        counts = dict.fromkeys(IDS, 0)
        for kind, corners in shapes:
            ImageDraw.Draw(layout).polygon(corners, fill=COLOURS[kind])
            if kind in IDS:
                ImageDraw.Draw(objects).polygon(corners, fill=IDS[kind] * 1000 + counts[kind])
                counts[kind] += 1
        plain = np.asarray(objects)
        labels = np.asarray(layout).astype(np.int32)
        stuff = (labels[..., 0] + 7 * labels[..., 1] + 31 * labels[..., 2]) % 1000  # another number for each colour
        written = Image.fromarray(np.where(plain >= min(IDS.values()) * 1000, plain, stuff).astype(np.uint16))
        for part, picture in (("layouts", layout), ("instances", written)):
            (folder / part).mkdir(parents=True, exist_ok=True)
            picture.save(folder / part / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
