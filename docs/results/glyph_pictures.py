"""Strips of characters that were kept back: as given, as translated, as they should be.

    python docs/results/glyph_pictures.py BUNDLE PAIRS OUT.png [--back]

PAIRS holds ``source`` and ``target``; ``--back`` translates targets to sources, in the direction b_to_a.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from img2imgkit import Catalog, bundle, images
from img2imgkit.inference import TranslateOptions, Translator

GAP = 2


def strip(pictures: list[np.ndarray]) -> np.ndarray:
    """Side by side. Shapes: (H, W, 1) each -> (H, all W, 1)."""
    return np.concatenate(pictures, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--back", action="store_true")
    given = parser.parse_args()
    choices = {"direction": "b_to_a"} if given.back else {}
    translator = Translator(bundle.load(given.bundle, Catalog.installed()), TranslateOptions(choices=choices), "cpu")
    sides = ("target", "source") if given.back else ("source", "target")
    names = sorted(path.name for path in (given.pairs / "source").iterdir())
    sources, targets = ([images.decode(given.pairs / side / name) for name in names] for side in sides)
    made = [translator.translate(source).picture for source in sources]
    rows = [strip([picture.color for picture in row]) for row in (sources, made, targets)]
    gap = np.full((GAP, *rows[0].shape[1:]), 160, np.uint8)
    sheet = np.concatenate([rows[0], gap, rows[1], gap, rows[2]])
    given.out.write_bytes(images.encode(images.Picture(sheet, None, "grey"), "PNG").data)


if __name__ == "__main__":
    main()
