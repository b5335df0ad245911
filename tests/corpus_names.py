"""Odd file names of the corpus, and other files found among pictures."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from corpus import Case, good, noise
from PIL import Image

NAMES = (
    "two words.png",
    " leading space.png",
    "trailing space .png",
    'it\'s "quoted" `so`.png',
    "r2.image.200.final.png",
    "-rf.png",
    "--help.png",
    "$HOME;rm -rf *&.png",
    "{stem}{index}%s%(name)s.png",
    "[bold]rich[blink].png",
    "#hash?query=1.png",
    "C:\\windows\\style.png",
    "UPPER.PNG",
    "Ärger-日本語-ελληνικά-עברית.png",
    unicodedata.normalize("NFD", "déjà-vu.png"),
    unicodedata.normalize("NFC", "déjà-vécu.png"),
    "🐈‍⬛👍🏽.png",
    "right\u202eot-left.png",
    "zero\u200bwidth.png",
    "new\nline.png",
    "tab\tand\x1b[31mescape.png",
    "picture.jpeg.png",
    "nul.png",
    "0010.png",
    "l" * 251 + ".png",
)
UNLISTED = (
    ".hidden.png",
    ".DS_Store",
    "Thumbs.db",
    "picture.png.bak",
    "picture.png~",
)
OTHER_SUFFIXES = ("notes.txt", "picture", "picture.xcf", "movie.mp4", "page.pdf", "drawing.eps")


def files(folder: Path) -> Iterator[Case]:
    """Pictures with odd names, and files that are not pictures."""
    for number, name in enumerate(NAMES):
        yield _picture(folder / name, number)
    yield _picture(folder / os.fsdecode(b"latin-\xe9\xff.png"), 90)
    for name in OTHER_SUFFIXES:  # the content decides
        yield _picture(folder / name, 92)
    for name in UNLISTED:
        _picture(folder / name, 91)
        yield Case(folder / name, listed=False)
    (folder / "a folder.png").mkdir()
    yield Case(folder / "a folder.png", reason="folder", listed=False)
    (folder / "loop.png").symlink_to("loop.png")
    yield Case(folder / "loop.png", reason="symbolic links")
    (folder / "dangling.png").symlink_to("nowhere.png")
    yield Case(folder / "dangling.png", reason="no such file")
    (folder / "linked.png").symlink_to("two words.png")
    yield good(folder / "linked.png", noise(300, 5, 4))
    os.mkfifo(folder / "pipe.png")
    yield Case(folder / "pipe.png", reason="regular file")
    yield _unreadable(folder)


def _picture(path: Path, number: int) -> Case:
    pixels = noise(300 + number, 5, 4)
    Image.fromarray(pixels).save(path, "PNG")
    return good(path, pixels)


def _unreadable(folder: Path) -> Case:
    """A file without read permission; root can read it anyway."""
    path = folder / "unreadable.png"
    case = _picture(path, 95)
    path.chmod(0)
    return case if os.access(path, os.R_OK) else Case(path, reason="Permission denied")
