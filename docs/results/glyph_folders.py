"""Folders of two typefaces for training and for scoring: every fifth character is kept back.

    python docs/results/glyph_folders.py GLYPHS SOURCE TARGET FOLDER

GLYPHS holds one folder for each typeface, with a picture CODEPOINT.png for each character. FOLDER gets
``train/source``, ``train/target``, ``test/source`` and ``test/target``, the same names on both sides.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

KEPT_BACK = 5


def main(glyphs: Path, source: str, target: str, folder: Path) -> None:
    """Copy the pictures."""
    names = sorted(path.name for path in (glyphs / source).glob("*.png") if (glyphs / target / path.name).exists())
    for number, name in enumerate(names):
        part = "test" if number % KEPT_BACK == 0 else "train"
        for side, typeface in (("source", source), ("target", target)):
            place = folder / part / side
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(glyphs / typeface / name, place / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
