"""Decode a picture file of any format: upright pixels at full depth, and its metadata."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from img2imgkit.errors import DecodeError
from img2imgkit.files import open_regular
from img2imgkit.images import bounds, decoder_pool, decoders, other_formats, png_rows, scratch
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.limits import check_bytes, most_pixels
from img2imgkit.images.picture import Picture
from img2imgkit.images.pillow_warnings import captured_warnings

DEFAULT_MAX_PIXELS = 178_956_970  # Pillow's own limit for decompression bombs


def decode(
    path: Path | str,
    *,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    salvage: bool = False,
    float_levels: FloatLevels | None = None,
) -> Picture:
    """Decode a picture. Its format is determined by its content, but that of camera raw files by their suffix.

    Args:
        salvage: whether damaged files are read
        float_levels: how to read floating-point levels; None: pictures that have them are refused

    A file is damaged if pixels are missing or were invented by the decoder. With ``salvage`` it is read with a note;
    those pixels have any value. A file that only lacks its end marker is read in any case, with a note. A file whose
    header does not bound the work of decoding it is decoded in another process, under the limits of time and memory of
    this process (``images.limits``).

    Raises:
        DecodeError: the file cannot be read, is not a picture, is damaged, or exceeds ``max_pixels`` or another limit.
        DamagedError: it is damaged, and ``salvage`` would read it.
    """
    path, wanted = Path(path), decoders.Wanted(max_pixels, salvage, float_levels)
    with reasons(path), open_regular(path) as file:
        check_bytes(file)
        other = other_formats.recognised(file, path)
        if (bounds.check(file) or (not salvage and png_rows.is_supported(file))) and not other:
            return _picture(file, path, wanted)
    try:
        return decoder_pool.pool().decode(path, wanted)
    except decoder_pool.Lost as lost:
        raise DecodeError(f"{shown(path)}: {lost}") from lost


def decode_here(path: Path, wanted: decoders.Wanted | None = None) -> Picture:
    """Decode a picture in this process, whatever time and memory it needs; otherwise like ``decode``."""
    with reasons(path), open_regular(path) as file:
        return _picture(file, path, wanted or decoders.Wanted(DEFAULT_MAX_PIXELS))


def _picture(file: BinaryIO, path: Path, wanted: decoders.Wanted) -> Picture:
    file.seek(0)
    with captured_warnings() as warned:
        picture = decoders.read(file, path, wanted._replace(max_pixels=most_pixels(wanted.max_pixels)))
    return replace(picture, notes=tuple(dict.fromkeys((*picture.notes, *warned))))


@contextlib.contextmanager
def reasons(path: Path) -> Iterator[None]:
    """Turn any exception into a DecodeError of one line that names the file: decoders may raise anything."""
    try:
        yield
    except DecodeError as error:
        raise type(error)(f"{shown(path)}: {error}") from error.__cause__
    except scratch.NoRoom as error:
        raise DecodeError(f"{shown(path)}: {error}") from error
    except MemoryError as error:
        raise DecodeError(f"{shown(path)}: not enough memory to decode it") from error
    except Exception as error:
        raise DecodeError(f"{shown(path)}: {decoders.reason_of(error)}") from error


def shown(path: Path) -> str:
    """Return a path as one line that any terminal can print."""
    printable = str(path).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in printable)
