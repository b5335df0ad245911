"""Picture formats, by suffix and by content, as supported by the installed Pillow and other decoders."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO

from PIL import Image, ImageFile

from img2imgkit.errors import DecodeError
from img2imgkit.files import open_regular
from img2imgkit.images.format_support import FORMATS
from img2imgkit.images.limits import is_allowed
from img2imgkit.images.tiff_pages import main_first, pages

# Pillow registers these, but they are not supported here: stubs without a decoder, documents rendered by a program that
# Pillow starts (Ghostscript), video headers without pixels, and formats that need a Windows library.
EXCLUDED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"})

_COMMON = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "AVIF")  # identified unambiguously by their first bytes


@dataclass(frozen=True)
class OtherDecoder:
    """A format that Pillow does not read: its suffixes, the module that decodes it, and how to install that."""

    suffixes: tuple[str, ...]
    module: str
    install: str

    @property
    def installed(self) -> bool:
        """Whether its module is installed; it is not imported."""
        return find_spec(self.module) is not None


_RAW_SUFFIXES = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 "
    ".rwl .sr2 .srf .srw .x3f"
)
OTHER_DECODERS: Mapping[str, OtherDecoder] = MappingProxyType(
    {
        "JPEGXL": OtherDecoder((".jxl",), "imagecodecs", "imagecodecs"),
        "HEIF": OtherDecoder((".heic", ".heif", ".hif"), "pi_heif", "pi-heif"),
        "EXR": OtherDecoder((".exr",), "OpenEXR", "img2imgkit[exr]"),
        "RAW": OtherDecoder(tuple(_RAW_SUFFIXES.split()), "rawpy", "img2imgkit[raw]"),
    }
)
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "$recycle.bin", "__macosx"})
LEFTOVERS = frozenset({".bak", ".crdownload", ".download", ".old", ".orig", ".part", ".partial", ".tmp"})
# Pictures that people keep in folders, but that nothing here reads.
_UNREADABLE = ".afphoto .ai .bpg .djvu .emf .eps .flif .jxr .kra .psb .svg .svgz .wdp .wmf .xcf"


@cache
def readable() -> frozenset[str]:
    """Return the names of the formats that ``decode`` reads; Pillow's names for those that Pillow reads."""
    Image.init()
    others = {name for name, decoder in OTHER_DECODERS.items() if decoder.installed}
    return (frozenset(Image.OPEN) - EXCLUDED) | others


@cache
def writable() -> frozenset[str]:
    """Return Pillow's names of the formats that ``encode`` writes."""
    Image.init()
    return frozenset(Image.SAVE) & frozenset(FORMATS)


@cache
def suffixes() -> Mapping[str, str]:
    """Map suffixes, in lower case with the dot, to the formats that ``decode`` reads."""
    names = readable()
    known = {suffix: format for suffix, format in Image.EXTENSION.items() if format in names}
    others = {suffix: name for name, each in OTHER_DECODERS.items() if name in names for suffix in each.suffixes}
    return MappingProxyType({**known, ".mpo": "JPEG", **others})


@cache
def unreadable_suffixes() -> Mapping[str, str]:
    """Map suffixes of pictures that ``decode`` does not read to what would read them, or to "" if nothing would."""
    names = readable()
    missing = {
        suffix: f"install {decoder.install}"
        for name, decoder in OTHER_DECODERS.items()
        if name not in names
        for suffix in decoder.suffixes
    }
    return MappingProxyType({**dict.fromkeys(_UNREADABLE.split(), ""), **missing})


def format_of(path: PurePath | str) -> str | None:
    """Return the format of a path by its suffix, or None. Nothing is opened."""
    return suffixes().get(suffix_of(path))


def is_image(path: PurePath | str) -> bool:
    """Whether a path has the suffix of a format that ``decode`` reads. Nothing is opened."""
    return suffix_of(path) in suffixes()


def suffix_of(path: PurePath | str) -> str:
    """Return the suffix of a path as ``PurePath.suffix`` does, in lower case. Plans ask it of a million names."""
    text = os.fspath(path)
    at = text.rfind(".")
    suffix = text[at:]
    if at < 1 or len(suffix) == 1 or text[at - 1] in _SEPARATORS or not _SEPARATORS.isdisjoint(suffix):
        return ""
    return suffix.lower()


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or one that systems leave in folders of pictures."""
    return name.startswith(".") or name.casefold() in _SYSTEM_FILES


def is_picture(path: Path) -> bool:
    """Whether a file has the suffix of a picture that ``decode`` reads, or else the content of one.

    Files that programs leave behind, such as downloads that are not complete, have neither.
    """
    leftover = path.suffix.lower() in LEFTOVERS or path.name.endswith("~")
    return is_image(path) or (not leftover and format_of_content(path) is not None)


def suffix_for(format: str) -> str:
    """Return the usual suffix of a format, such as ``.jpg`` for JPEG."""
    usual = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "PPM": ".ppm"}
    return usual.get(format, f".{format.lower()}")


_SEPARATORS = frozenset({"/", os.sep})
START = 32  # bytes that tell a format
_STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEGXL",
    b"\xff\x0a": "JPEGXL",
    b"\x76\x2f\x31\x01": "EXR",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}


def format_of_start(start: bytes) -> str | None:
    """Return the format of a file by its first ``START`` bytes, if they are unmistakable.

    Camera raw files that are built like TIFF are TIFF here.
    """
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        brands = {start[at : at + 4] for at in range(8, len(start) - 3, 4)}
        return "AVIF" if brands & {b"avif", b"avis"} else "HEIF" if brands & _HEIF_BRANDS else None
    return next((format for magic, format in _STARTS.items() if start.startswith(magic)), None)


def format_of_content(path: Path) -> str | None:
    """Return the format of a regular file by its first bytes: one that ``decode`` reads, or None."""
    try:
        with open_regular(path) as file:
            found = format_of_start(file.read(START))
    except (OSError, ValueError):
        return None
    by_suffix = path.suffix.lower()
    if found in (None, "TIFF") and by_suffix in OTHER_DECODERS["RAW"].suffixes:
        found = "RAW"
    return found if found in readable() else None


def open_header(file: BinaryIO) -> ImageFile.ImageFile | None:
    """Read a picture's header, identifying the format by content; None if no allowed format recognises it.

    ``Image.open`` is not used because its size limit is global to the process.

    Raises:
        DecodeError: a format recognises the file but cannot read it.
    """
    file.seek(0)
    prefix = file.read(16)
    for format in filter(is_allowed, _by_commonness()):
        factory, accept = Image.OPEN[format]
        try:
            claimed = accept is None or accept(prefix)
            if not claimed or isinstance(claimed, str):  # a string states that support for the format is not installed
                continue
            if format == "TIFF":
                file = main_first(file, pages(file).main)
            file.seek(0)
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, KeyError, EOFError, ValueError, struct.error) as error:
            if format in _COMMON:
                reason = str(error) or type(error).__name__
                raise DecodeError(f"is damaged or an unsupported kind of {format}: {reason}") from error
    return None


@cache
def _by_commonness() -> tuple[str, ...]:
    names = readable() - set(OTHER_DECODERS)
    return tuple(name for name in _COMMON if name in names) + tuple(sorted(names.difference(_COMMON)))
