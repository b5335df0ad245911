"""Folders of many typefaces for few-shot training and scoring: whole families, and every fifth character, kept back.

    python docs/results/typeface_folders.py GLYPHS FOLDER

GLYPHS holds one folder for each typeface, with a picture CODEPOINT.png for each character. FOLDER gets
``train/TYPEFACE``, and ``content/TYPEFACE`` with its other characters; of the typefaces that are kept back,
``known/TYPEFACE`` with the characters of the training, to draw class pictures from, and ``test/TYPEFACE`` with the
others, to score by.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

KEPT_BACK = 5  # every fifth character
FAMILIES_KEPT_BACK = 4  # every fourth family
NO_ALPHABETS = {"d050000l", "linux-biolinum-keyboard-o", "standard-symbols-ps"}
INCOMPLETE = {"balker", "marked-fool", "progenisis", "winks"}  # boxes in place of some characters


def family(name: str, names: list[str]) -> str:
    """The shortest first word that other typefaces' first words go on from: "ocra" of "ocrabold"."""
    first = name.split("-", maxsplit=1)[0]
    return min((other.split("-")[0] for other in names if first.startswith(other.split("-")[0])), key=len)


def main(glyphs: Path, folder: Path) -> None:
    """Copy the pictures."""
    there = sorted(path.name for path in glyphs.iterdir() if path.is_dir())
    names = [name for name in there if name not in NO_ALPHABETS | INCOMPLETE]
    families = sorted({family(name, names) for name in names})
    unseen = {each for number, each in enumerate(families) if number % FAMILIES_KEPT_BACK == 1}
    for name in names:
        for number, path in enumerate(sorted((glyphs / name).glob("*.png"))):
            kept_back = number % KEPT_BACK == 0
            if family(name, names) in unseen:
                part = "test" if kept_back else "known"
            elif kept_back:
                part = "content"
            else:
                part = "train"
            place = folder / part / name
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
