"""Make the pictures of the gallery from the repository's own pictures, with the bundled models.

    python docs/gallery.py [FOLDER]

Writes to ``docs/images/gallery`` without a folder; ``docs/gallery.md`` shows them and says what each is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import img2imgkit as kit

ROOT = Path(__file__).parents[1]
PHOTOS, CHARACTERS = ROOT / "pipelines" / "pictures", ROOT / "pipelines" / "characters"
GAP, STRIP = 8, 26  # pixels between pictures, and below them for their names
Box = tuple[int, int, int, int]


@cache
def model(name: str) -> kit.LoadedModel:
    """A bundled model, loaded once."""
    return kit.load(name)


def photograph(name: str, box: Box) -> Image.Image:
    """A part of one of the quickstart's photographs."""
    with Image.open(PHOTOS / name) as picture:
        return picture.convert("RGB").crop(box)


def enlarged_four_times() -> Image.Image:
    """A small part of a photograph, repeated, interpolated, and by the model for 4 times."""
    small = photograph("dogs.jpg", (140, 60, 230, 150))
    size = (4 * small.width, 4 * small.height)
    return sheet(
        {
            "pixels": small.resize(size, Image.Resampling.NEAREST),
            "bicubic": small.resize(size, Image.Resampling.BICUBIC),
            "sr-compact-x4": model("sr-compact-x4")(small),
        }
    )


def with_its_original() -> Image.Image:
    """A photograph at half its size, enlarged again, beside what was there."""
    original = photograph("still-life.jpg", (96, 120, 206, 230))
    half = original.resize((original.width // 2, original.height // 2), Image.Resampling.BICUBIC)
    shown = {
        "half the size": half.resize(original.size, Image.Resampling.NEAREST),
        "bicubic": half.resize(original.size, Image.Resampling.BICUBIC),
        "sr-compact-x2": model("sr-compact-x2")(half),
        "original": original,
    }
    return sheet({name: each.resize((330, 330), Image.Resampling.NEAREST) for name, each in shown.items()})


def without_fringes() -> Image.Image:
    """A cut-out whose hidden pixels are black: enlarged with its alpha, on a light and on a dark ground."""
    photo = photograph("drum.jpg", (165, 135, 345, 315))
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((14, 18, 172, 170), fill=255)
    cut_out = Image.composite(photo, Image.new("RGB", photo.size), mask)
    cut_out.putalpha(mask)
    size = (2 * photo.width, 2 * photo.height)
    each = {
        "bicubic, colours alone": Image.merge("RGBA", (*_resized(cut_out.convert("RGB"), size), mask.resize(size))),
        "sr-compact-x2": model("sr-compact-x2")(cut_out),
    }
    edge = (150, 20, 210, 80)  # where the two grounds meet, shown five times as large
    grounds = {name: _on_ground(picture) for name, picture in each.items()}
    return sheet({name: each.crop(edge).resize((300, 300), Image.Resampling.NEAREST) for name, each in grounds.items()})


def _resized(picture: Image.Image, size: tuple[int, int]) -> Sequence[Image.Image]:
    return picture.resize(size, Image.Resampling.BICUBIC).split()


def _on_ground(picture: Image.Image) -> Image.Image:
    ground = Image.new("RGB", picture.size, "#f4efe4")
    ground.paste("#20343a", (picture.width // 2, 0, *picture.size))
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def four_typefaces() -> Image.Image:
    """Characters, each in four typefaces by one network, and enlarged by another."""
    faces, larger = model("stargan-typefaces"), model("sr-compact-x2")
    characters = [Image.open(path).convert("L") for path in sorted(CHARACTERS.glob("*.png"))]
    rows = {"source": [larger(each) for each in characters]}
    for domain in ("sans", "black", "serif", "mono"):
        rows[domain] = [larger(faces(each, domain=domain)) for each in characters]
    return sheet({name: _column(row) for name, row in rows.items()})


def _column(pictures: Sequence[Image.Image]) -> Image.Image:
    column = Image.new("L", (pictures[0].width, sum(each.height for each in pictures)), 255)
    for number, each in enumerate(pictures):
        column.paste(each, (0, number * each.height))
    return column


def sheet(pictures: Mapping[str, Image.Image]) -> Image.Image:
    """Pictures of one size beside each other, with their names below."""
    width, height = next(iter(pictures.values())).size
    made = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height + STRIP), "white")
    draw, font = ImageDraw.Draw(made), ImageFont.load_default(16)
    for number, (name, picture) in enumerate(pictures.items()):
        left = number * (width + GAP)
        made.paste(picture.convert("RGB"), (left, 0))
        draw.text((left + 2, height + 4), name, "black", font)
    return made


PICTURES: Mapping[str, Callable[[], Image.Image]] = {
    "enlarged-four-times.jpg": enlarged_four_times,
    "with-its-original.jpg": with_its_original,
    "without-fringes.jpg": without_fringes,
    "four-typefaces.png": four_typefaces,
}


def main(folder: Path) -> None:
    """Make every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        make().save(folder / name, **({"quality": 90} if name.endswith(".jpg") else {"optimize": True}))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images" / "gallery")
