"""Protocols of pretrained networks: pictures resized to the side that a network expects, as published scores did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from img2imgkit.metrics import Protocol


@dataclass(frozen=True)
class Resized(Protocol):
    """Whole pictures in 8-bit levels of three channels, resized to a square.

    Attributes:
        side: height and width in pixels
        method: see ``clean_resize`` and ``tensorflow_resize``
    """

    side: int = 299
    method: Literal["clean", "tensorflow"] = "clean"

    def view(self, levels: np.ndarray, scale: int = 1) -> np.ndarray:
        """See ``Protocol.view``; grey pictures become colour, and values are no longer whole.

        Shapes:
            levels: (H, W, 1) or (H, W, 3) in [0, 255] -> (side, side, 3) float64 in [0, 255]
        """
        planes = super().view(levels, scale)
        resize = clean_resize if self.method == "clean" else tensorflow_resize
        resized = resize(planes, self.side, self.side)
        return np.broadcast_to(resized, (self.side, self.side, 3))


CLEAN_299 = Resized("clean-299", "299x299 by an antialiased bicubic filter, unrounded: clean-fid's mode 'clean'")
LEGACY_299 = Resized(
    "legacy-tensorflow-299",
    "299x299 by TensorFlow 1's bilinear interpolation without antialiasing: the first code of FID, torch-fidelity",
    method="tensorflow",
)
CLEAN_224 = Resized("clean-224", "224x224 by the same filter as clean-299", side=224)


def clean_resize(
    levels: np.ndarray, height: int, width: int, kernel: Image.Resampling = Image.Resampling.BICUBIC
) -> np.ndarray:
    """Antialiased resize of each channel in float32, clipped but not rounded.

    Parmar et al. 2022, https://arxiv.org/abs/2104.11222, section 3. Equals ``make_resizer("PIL", False, ...)`` of
    clean-fid 0.1.35.

    Shapes:
        levels: (H, W, C) in [0, 255] -> (height, width, C) float64 in [0, 255]

    >>> clean_resize(np.full((9, 7, 1), 200.0), 2, 1).ravel()
    array([200., 200.])
    """
    channels = np.moveaxis(levels.astype(np.float32), -1, 0)
    resized = [np.asarray(Image.fromarray(channel).resize((width, height), kernel)) for channel in channels]
    return np.clip(np.stack(resized, -1), 0, 255).astype(np.float64)


def tensorflow_resize(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resize as in TensorFlow 1: no antialiasing, and pixel i of the result lies at ``i * old / new``.

    Shapes:
        levels: (H, W, C) -> (height, width, C) float64

    >>> tensorflow_resize(np.array([[[0.0], [10.0]]]), 1, 4).ravel()
    array([ 0.,  5., 10., 10.])
    """
    rows = _interpolated(levels.astype(np.float64), height)
    return _interpolated(rows.swapaxes(0, 1), width).swapaxes(0, 1)


def _interpolated(values: np.ndarray, size: int) -> np.ndarray:
    """(H, ...) -> (size, ...)."""
    at = np.arange(size) * (len(values) / size)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    part = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    return values[low] * (1 - part) + values[high] * part
