"""Scores of translations between typefaces, on characters and typefaces that no training saw.

    python docs/results/typeface_scores.py funit BUNDLE FOLDER SHEET.png
    python docs/results/typeface_scores.py stargan BUNDLE FOLDER SHEET.png

FOLDER is what ``typeface_folders.py`` wrote, or for StarGAN one with ``test/DOMAIN`` for each domain.
Prints L1 in levels of 0 to 255 and SSIM, both at the size of the training, beside baselines; SHEET.png shows some.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
from PIL import Image

from img2imgkit import Catalog, Picture, backend, bundle
from img2imgkit.images import decode, resize
from img2imgkit.inference import Translator
from img2imgkit.metrics import ssim

CONTENTS = ("lato", "gentium", "hack", "urw-bookman")  # typefaces of the training whose other characters are given
COUNTS, DRAWS = (1, 5, 10), 3
Scores = dict[str, list[tuple[float, float]]]


def main(task: str, reference: Path, folder: Path, sheet: Path) -> None:
    """Score a bundle."""
    backend.load()
    catalog = Catalog.installed()
    loaded = bundle.load(bundle.locate(str(reference), Path.cwd(), catalog), catalog)
    translator = Translator(loaded, device="cpu")
    size = loaded.task.options.size
    score = {"funit": of_funit, "stargan": of_stargan}[task]
    scores, rows = score(translator, folder, size)
    print("| | L1 | SSIM |\n|---|---:|---:|")
    for name, values in scores.items():
        l1, similarity = np.mean(values, axis=0)
        print(f"| {name} | {l1:.2f} | {similarity:.3f} |")
    Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in rows])).save(sheet)


def of_funit(translator: Translator, folder: Path, size: int) -> tuple[Scores, list[list[np.ndarray]]]:
    """Characters of typefaces, both unseen, from K other characters of the typeface."""
    scores: Scores = {}
    rows = []
    for number, typeface in enumerate(sorted(path.name for path in (folder / "test").iterdir())):
        known = [small(path, size) for path in sorted((folder / "known" / typeface).iterdir())]
        row: list[np.ndarray] = []
        for draw in range(DRAWS):
            chosen = np.random.default_rng((number, draw)).permutation(len(known))
            for count in COUNTS:
                given = [known[place] for place in chosen[:count]]
                code = translator.encode("class", given)
                mean = np.mean([picture.color[..., 0] for picture in given], axis=0)
                for content, truth, name in pairs(folder, typeface, size):
                    made = translator.translate(content, {"class": code}).picture
                    add(scores, f"FUNIT, K = {count}", made.color[..., 0], truth)
                    add(scores, f"mean of the class pictures, K = {count}", mean, truth)
                    if count == COUNTS[0] and draw == 0:
                        add(scores, "copy", content.color[..., 0], truth)
                    if draw == 0 and name in ("lato/0041", "lato/0065", "lato/0074"):
                        row += [content.color[..., 0]] * (count == 1) + [made.color[..., 0]]
                        row += [truth] * (count == COUNTS[-1])
        if number % 4 == 0:
            rows.append([image for character in range(3) for image in ordered(row, character)])
    return dict(sorted(scores.items(), key=lambda item: order(item[0]))), rows


def ordered(row: Sequence[np.ndarray], character: int) -> list[np.ndarray]:
    """Of a row by counts and characters: what was given of one character, its translations, and the truth."""
    first, middle, last = row[:6], row[6:-6], row[-6:]
    made = [first[2 * character + 1], *middle[character::3], last[2 * character]]
    return [first[2 * character], *made, last[2 * character + 1], np.full_like(made[0], 255)[:, :6]]


def order(name: str) -> tuple[int, int]:
    """Baselines first, then by K."""
    kind = ("copy", "mean", "FUNIT").index(next(kind for kind in ("copy", "mean", "FUNIT") if name.startswith(kind)))
    return kind, int(name.rpartition(" ")[2]) if "=" in name else 0


def pairs(folder: Path, typeface: str, size: int) -> Iterator[tuple[Picture, np.ndarray, str]]:
    """The same unseen character in a typeface of the training, and in this one."""
    for content in CONTENTS:
        for path in sorted((folder / "test" / typeface).iterdir()):
            truth = small(path, size).color[..., 0]
            yield small(folder / "content" / content / path.name, size), truth, f"{content}/{path.stem}"


def of_stargan(translator: Translator, folder: Path, size: int) -> tuple[Scores, list[list[np.ndarray]]]:
    """Unseen characters from each typeface to each other one."""
    scores: Scores = {}
    names = [name for each in translator.bundle.task.options.labels for name in each.names]
    for source, target in permutations(names, 2):
        for path in sorted((folder / "test" / source).iterdir()):
            given, truth = small(path, size), small(folder / "test" / target / path.name, size).color[..., 0]
            made = translator.translate(given, {"domain": translator.bundle.task.conditions()["domain"].parse(target)})
            add(scores, "copy, all pairs", given.color[..., 0], truth)
            add(scores, "StarGAN, all pairs", made.picture.color[..., 0], truth)
            add(scores, f"copy, to {target}", given.color[..., 0], truth)
            add(scores, f"StarGAN, to {target}", made.picture.color[..., 0], truth)
    rows = []
    for source in names:
        for stem in ("0041", "0065", "006f"):
            given = small(folder / "test" / source / f"{stem}.png", size)
            row = [given.color[..., 0], np.full((size, 6), 255, np.uint8)]
            for target in names:
                made = translator.translate(
                    given, {"domain": translator.bundle.task.conditions()["domain"].parse(target)}
                )
                row.append(made.picture.color[..., 0])
                row.append(small(folder / "test" / target / f"{stem}.png", size).color[..., 0])
                row.append(np.full((size, 6), 255, np.uint8))
            rows.append(row)
    return scores, rows


def add(scores: Scores, name: str, made: np.ndarray, truth: np.ndarray) -> None:
    """Score one picture."""
    rounded = np.rint(made).astype(np.uint8)
    l1 = float(np.abs(rounded.astype(float) - truth).mean())
    scores.setdefault(name, []).append((l1, ssim(truth[..., None], rounded[..., None])))


def small(path: Path, size: int) -> Picture:
    """A picture at the size of the training, by the filter that its data were resized with."""
    return resize(decode(path), size, size, "bilinear")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
