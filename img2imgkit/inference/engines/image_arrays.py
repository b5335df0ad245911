"""Batches of images as arrays: their axes arranged, their sizes, luma, and red and blue exchanged."""

from __future__ import annotations

import numpy as np
from PIL import Image

BT601 = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: weights of R, G and B in luma


def arranged(image: np.ndarray, axes: str) -> np.ndarray:
    """Arrange axes by their letters; those that are left out have length 1. Shapes: (N, H, W, C) -> ``axes``."""
    kept = [letter for letter in "nhwc" if letter in axes]
    image = image[tuple(slice(None) if letter in axes else 0 for letter in "nhwc")]
    return image.transpose([kept.index(letter) for letter in axes])


def as_nhwc(made: np.ndarray, axes: str) -> np.ndarray:
    """The inverse of ``arranged``; an array with another number of axes is returned as it is."""
    if made.ndim != len(axes):
        return made
    made = made[tuple(0 if letter == "1" else slice(None) for letter in axes)]
    letters = axes.replace("1", "")
    made = made.transpose([letters.index(letter) for letter in "nhwc" if letter in letters])
    return np.expand_dims(made, tuple(at for at, letter in enumerate("nhwc") if letter not in letters))


def enlarged(image: np.ndarray, scale: int) -> np.ndarray:
    """Bicubic interpolation, channel by channel. Shapes: (N, H, W, C) -> (N, scale * H, scale * W, C), float32."""
    if scale == 1:
        return image
    return resampled(image, scale * image.shape[1], scale * image.shape[2], Image.Resampling.BICUBIC)


def resampled(image: np.ndarray, height: int, width: int, method: Image.Resampling) -> np.ndarray:
    """Resize channel by channel; filters grow where it shrinks. Shapes: (N, H, W, C) -> (N, height, width, C)."""
    if image.shape[1:3] == (height, width):
        return image
    count, _, _, channels = image.shape
    made = np.empty((count, height, width, channels), np.float32)
    for number in range(count):
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(image[number, ..., channel], np.float32))
            made[number, ..., channel] = np.asarray(plane.resize((width, height), method))
    return made


def swapped(image: np.ndarray) -> np.ndarray:
    """Red and blue exchanged; alpha stays the last, and one channel stays."""
    if image.shape[-1] == 4:
        return image[..., [2, 1, 0, 3]]
    return image[..., ::-1]


def stretched(image: np.ndarray) -> np.ndarray:
    """Each image from its least to its largest value; a constant one is black."""
    low, high = (extreme(image, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
    span = np.where(high > low, high - low, 1)
    return np.asarray((image - low) * (np.float32(2) / span) - np.float32(1), np.float32)


def with_luma(image: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """The image with its luma replaced and its chroma kept."""
    return np.asarray(image + (luma - (image @ BT601)[..., None]), np.float32)
