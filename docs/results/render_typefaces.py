"""Pictures of characters from font files: 64x64, grey, black on white, every fifth character kept back.

    python docs/results/render_typefaces.py FOLDER NAME=FONT.ttf [NAME=FONT.ttf ...]

Letters with and without accents, and digits: those that every font has. FOLDER gets ``train/NAME/CODEPOINT.png`` and
``test/NAME/CODEPOINT.png``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE, HEIGHT, BASELINE = 64, 44, 46
KEPT_BACK = 5
CODEPOINTS = [n for n in range(0x30, 0x180) if chr(n).isalpha() or 0x30 <= n <= 0x39]


def main(folder: Path, fonts: dict[str, Path]) -> None:
    """Draw all."""
    loaded = {name: ImageFont.truetype(str(path), HEIGHT) for name, path in fonts.items()}
    there = [point for point in CODEPOINTS if all(_has(font, point) for font in loaded.values())]
    for name, font in loaded.items():
        for number, point in enumerate(there):
            place = folder / ("train" if number % KEPT_BACK else "test") / name
            place.mkdir(parents=True, exist_ok=True)
            picture = Image.new("L", (SIDE, SIDE), 255)
            ImageDraw.Draw(picture).text((SIDE // 2, BASELINE), chr(point), 0, font, anchor="ms")
            picture.save(place / f"{point:04x}.png")


def _has(font: ImageFont.FreeTypeFont, point: int) -> bool:
    """Whether it draws the character as anything but the box for those it lacks."""
    character, lacking = (np.asarray(font.getmask(text)) for text in (chr(point), "\uffff"))
    return character.size > 0 and not np.array_equal(character, lacking)


if __name__ == "__main__":
    main(Path(sys.argv[1]), {name: Path(path) for name, _, path in (word.partition("=") for word in sys.argv[2:])})
