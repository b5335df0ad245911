"""Networks for super-resolution that read and write different numbers of channels, such as colours and grey."""

from __future__ import annotations

import math

from img2imgkit.architectures.contract import NetworkSpec
from img2imgkit.geometry import Geometry

COUNTS = (3, 1, 4)  # channels of pictures, the likeliest first


def written_before_shuffle(filters: int, read: int) -> tuple[int, int] | None:
    """Output channels and scale of a network that ends in ``filters`` filters and a pixel shuffle.

    As many channels as it reads, if that is possible; otherwise 3, 1 or 4.

    Example:
        >>> written_before_shuffle(48, 3)
        (3, 4)
        >>> written_before_shuffle(16, 3)
        (1, 4)
    """
    for channels in (read, *COUNTS):
        scale = math.isqrt(filters // channels) if channels else 0
        if scale and channels * scale**2 == filters and are_possible(read, channels):
            return channels, scale
    return None


def are_possible(read: int, written: int) -> bool:
    """Whether a network may have so many input and output channels: as many, or those of pictures."""
    return read == written or {read, written} <= {*COUNTS}


def sum_problem(spec: NetworkSpec) -> str:
    """Why a network whose output is a residual of its enlarged input cannot be built; empty if it can."""
    if spec.channels in (1, spec.written):
        return ""
    return f"{spec.channels} input channels cannot be added to {spec.written} output channels: expected 1, or as many"


def enlarging_geometry(spec: NetworkSpec, radius: int | None, multiple: int = 1) -> Geometry:
    """The geometry of a network that enlarges images of sizes that are multiples of ``multiple``."""
    written = None if spec.written == spec.channels else spec.written
    return Geometry(spec.scale, multiple, radius, spec.channels, written, minimum=multiple)
