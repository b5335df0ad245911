"""Convert floating-point levels, which have no natural white, to 16 bits by a stated white point."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Config


class FloatLevels(Config):
    """How to read pictures whose levels are floating-point numbers: EXR, and some TIFF and JPEG XL files.

    Levels above the white point and below 0 are clipped, with a note. Linear levels are encoded as sRGB (IEC
    61966-2-1).
    """

    UNSTATED: ClassVar[str] = (
        "has floating-point levels, whose white point is not stated: state it by the option 'float' of the read step, "
        "such as float: {white: 1.0}; for training and evaluation, first convert it to 16 bits by such a pipeline"
    )

    white: float = Field(gt=0, allow_inf_nan=False, description="The level that becomes white.")
    curve: Literal["format", "linear", "srgb"] = Field(
        "format",
        description="What levels are proportional to: 'linear' to light, 'srgb' to encoded levels; 'format': linear in "
        "EXR, encoded in other formats that do not state it.",
    )

    def levels(self, pixels: np.ndarray, *, alpha: bool, linear: bool) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return 16-bit levels, and notes on what was clipped.

        Args:
            alpha: whether the last channel is alpha, from 0 to 1
            linear: whether the format states that levels are linear

        Shapes:
            pixels: (H, W, C) float -> (H, W, C) uint16
        """
        color, rest = (pixels[..., :-1], [pixels[..., -1:]]) if alpha else (pixels, [])
        color = color.astype(np.float64) / self.white
        notes = _clipped(color)
        color = np.clip(np.nan_to_num(color, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
        if self.curve == "linear" or (self.curve == "format" and linear):
            color = np.where(color <= 0.0031308, color * 12.92, 1.055 * color ** (1 / 2.4) - 0.055)
        parts = [color, *(np.clip(np.nan_to_num(each.astype(np.float64)), 0.0, 1.0) for each in rest)]
        return np.rint(np.concatenate(parts, axis=2) * 65535).astype(np.uint16), notes


def _clipped(color: np.ndarray) -> tuple[str, ...]:
    """Notes on levels outside 0 to 1."""
    shares = {
        "levels above the white point were clipped": float(np.mean(color > 1)),
        "negative levels were clipped": float(np.mean(color < 0)),
        "levels that are not numbers became black": float(np.mean(np.isnan(color))),
    }
    return tuple(f"{what}: {100 * share:.2g} % of them" for what, share in shares.items() if share)
