"""The limits under which this process decodes pictures.

They belong to the process, as those of the operating system do: whatever reads a picture, a plugin too, is bound by
them.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from img2imgkit.errors import DecodeError
from img2imgkit.places import Limits


class _Process:
    """Process-wide state."""

    limits = Limits()


def limits() -> Limits:
    """Return the limits of this process."""
    return _Process.limits


def set_limits(new: Limits) -> None:
    """Set the limits of this process."""
    _Process.limits = new


def most_pixels(max_pixels: int | None) -> int | None:
    """Return the smaller of a limit of pixels and the limit of this process; None: neither limits them."""
    both = [limit for limit in (max_pixels, limits().pixels) if limit is not None]
    return min(both, default=None)


def is_allowed(format: str) -> bool:
    """Whether the limits of this process allow a format."""
    allowed = limits().formats
    return not allowed or format in allowed


def check_format(format: str) -> None:
    """Raise DecodeError if the limits of this process do not allow a format."""
    if not is_allowed(format):
        raise DecodeError(f"is a {format} file; `limits.formats` allows only {', '.join(limits().formats)}")


def check_bytes(file: BinaryIO) -> None:
    """Raise DecodeError if a file is larger than the limits of this process allow."""
    size, most = os.fstat(file.fileno()).st_size, limits().bytes
    if size > most:
        raise DecodeError(f"has {size:,} bytes, more than `limits.bytes`, {most:,}; raise it if you trust the file")
