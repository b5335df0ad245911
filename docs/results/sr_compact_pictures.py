"""Make the training pictures of `sr-compact-x2` and `sr-compact-x4` from freely licensed photographs and drawings.

    apt-get download lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 ukui-wallpapers gnome-backgrounds
    for package in *.deb; do dpkg -x "$package" debian; done
    pip download --no-deps scikit-image scikit-learn && for wheel in *.whl; do unzip -o "$wheel" -d wheels; done
    python docs/results/sr_compact_pictures.py debian wheels pictures probe

Each picture is shrunk by Lanczos to some longest sides: shrunk photographs are sharp at the pixel, and small
ones are as dense in detail as what people enlarge.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

PHOTOGRAPHS = (
    "Bridge_by_Sander_Klootwijk",
    "Dragonfly_by_Bolly",
    "Infinite-Sea_by_Aury88",
    "Kleiber_by_Lukas_Baubkus",
    "Picture_0B_by_freespace",
    "Picture_1A_by_freespace",
    "aitzgorri_by_Aitzol_Berasategi",
    "free_by_Peter_Nerlich",
    "greentock_by_Peter_Nerlich",
    "life_by_Aitzol_Berasategi",
    "picosdeeuropa_by_Aitzol_Berasategi",
    "seeding_by_Clements_Engelhardt",
    "sunset_by_Aitzol_Berasategi",
)
HELD_OUT = ("Wine_by_Jakkub_Mede", "friends_by_Aitzol_Berasategi")
DRAWINGS = {
    700: ("truchet-l", "licorice-l", "grid-l"),
    600: ("calla", "firstgeneration", "focal-ubuntukylin", "the-mouse", "string", "city", "goldfish"),
}
SMALL = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "china.jpg", "flower.jpg")


def shrink(path: Path, longest: int, folder: Path) -> None:
    """Write the picture with that longest side."""
    image = Image.open(path).convert("RGB")
    factor = longest / max(image.size)
    size = (round(image.width * factor), round(image.height * factor))
    image.resize(size, Image.Resampling.LANCZOS).save(folder / f"{path.stem}-{longest}.png")


def find(folder: Path, stem: str) -> Path:
    """The picture of that name below a folder."""
    return next(path for path in sorted(folder.rglob(f"{stem}.*")) if path.suffix in (".jpg", ".png", ".webp"))


def main(debian: Path, wheels: Path, pictures: Path, probe: Path) -> None:
    """Make both folders."""
    Image.MAX_IMAGE_PIXELS = None
    pictures.mkdir(parents=True)
    probe.mkdir(parents=True)
    for name in PHOTOGRAPHS:
        for longest in (1200, 720, 430):
            shrink(find(debian, name), longest, pictures)
    for longest, names in DRAWINGS.items():
        for name in names:
            shrink(find(debian, name), longest, pictures)
    for name in SMALL:
        path = find(wheels, Path(name).stem)
        whole = max(Image.open(path).size)
        for longest in (whole, round(whole * 0.7), round(whole * 0.5)):
            shrink(path, longest, pictures)
    for name in HELD_OUT:
        shrink(find(debian, name), 720, probe)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
