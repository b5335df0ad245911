"""Metrics of whole pictures without a network: MS-SSIM, colourfulness, sliced Wasserstein distance."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

import img2imgkit as kit
from img2imgkit.metrics import MS_SSIM_SIDE, PAIRS_8BIT, SR_BASICSR_Y, SR_MATLAB, SR_RGB, ms_ssim

PATCH = 7  # side of a descriptor in pixels
PATCHES = 128  # descriptors of each picture and scale
COARSEST = 16  # least side of a scale
REPEATS, DIRECTIONS = 4, 128
SEED = 0  # of the directions

_KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16


class MsSsim(kit.PairMetric):
    """Multi-scale structural similarity, mean over channels (Wang et al. 2003, https://doi.org/10.1109/ACSSC.2003.1292216)."""

    name = "ms_ssim"
    label = "MS-SSIM"
    higher_is_better = True
    minimum_size = MS_SSIM_SIDE
    protocols = (PAIRS_8BIT, SR_RGB)
    by_default = False

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """See ``img2imgkit.metrics.ms_ssim``."""
        return ms_ssim(reference, picture)


class MsSsimY(MsSsim):
    """Multi-scale structural similarity of luma (Wang et al. 2003, https://doi.org/10.1109/ACSSC.2003.1292216)."""

    name = "ms_ssim_y"
    label = "MS-SSIM(Y)"
    protocols = (SR_MATLAB, SR_BASICSR_Y)


class Colourfulness(kit.SetMetric):
    """Spread and strength of opponent colours, mean over pictures; grey ones have 0.

    Hasler and Süsstrunk 2003, https://doi.org/10.1117/12.477378, eq. 11: the measure for sRGB levels.
    """

    name = "colourfulness"
    label = "Colourfulness"
    higher_is_better = True
    digits = 2
    protocols = (PAIRS_8BIT, SR_RGB)
    by_default = False

    def features(self, picture: np.ndarray) -> np.ndarray:
        """The picture's score, (1,)."""
        return np.array([colourfulness(picture)])

    def assess(self, pictures: np.ndarray) -> float:
        """The mean of the pictures' scores."""
        return float(pictures.mean())


class SlicedWasserstein(kit.SetsMetric):
    """Sliced Wasserstein distance of patches on Laplacian pyramids, times 1,000, mean over scales down to 16 pixels.

    Karras et al. 2018, https://arxiv.org/abs/1710.10196, section 5: 128 patches of 7x7 pixels of each picture and
    scale, 512 directions. The official code draws other patches in every run; here a picture's contents seed its own.
    """

    name = "sliced-wasserstein"
    label = "SWD x1000"
    higher_is_better = False
    digits = 2
    by_default = False

    def features(self, picture: np.ndarray) -> np.ndarray:
        """Patches of each scale, (scales, 128, 147) float32. Raises ValueError: a side is below 16 pixels."""
        rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(picture).tobytes()))
        levels = laplacian_pyramid(np.broadcast_to(picture, (*picture.shape[:2], 3)))
        return np.stack([patches(level, *_centres(level, rng)) for level in levels])

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """Shapes: (N, scales, 128, 147) each. Raises ValueError: the sets differ in size."""
        if references.shape != pictures.shape:
            raise ValueError(
                f"{self.title()} needs two sets of the same size, got {len(references)} and {len(pictures)} pictures"
            )
        rng = np.random.RandomState(SEED)
        length = references.shape[-1]
        distances = []
        for first, second in zip(references.swapaxes(0, 1), pictures.swapaxes(0, 1), strict=True):
            directions = [rng.randn(length, DIRECTIONS) for _ in range(REPEATS)]
            sets = [normalised(each.reshape(-1, length)) for each in (first, second)]
            distances.append(sliced_wasserstein(sets[0], sets[1], directions))
        return 1000 * float(np.mean(distances))


def colourfulness(picture: np.ndarray) -> float:
    """Hasler and Süsstrunk 2003, https://doi.org/10.1117/12.477378, eq. 11.

    Shapes:
        picture: (H, W, 1) or (H, W, 3) in [0, 255]

    Half red, half green: the opponent red minus green spreads by 255, yellow minus blue is 127.5 everywhere.

    >>> picture = np.array([[[255.0, 0, 0], [0, 255, 0]]])
    >>> colourfulness(picture) == 255 + 0.3 * 127.5, colourfulness(np.full((2, 2, 1), 9.0))
    (True, 0.0)
    """
    red, green, blue = np.moveaxis(np.broadcast_to(picture, (*picture.shape[:2], 3)).astype(np.float64), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread, strength = (np.linalg.norm(each) for each in (opponents.std(axis=(1, 2)), opponents.mean(axis=(1, 2))))
    return float(spread + 0.3 * strength)


def laplacian_pyramid(picture: np.ndarray) -> list[np.ndarray]:
    """Band-pass versions of a picture, the finest first, the last one low-pass.

    Burt and Adelson 1983, https://doi.org/10.1109/TCOM.1983.1095851.

    Shapes:
        picture: (H, W, C) -> (h, w, C) float32 each, down to the last with a side of at least 16
    Raises:
        ValueError: a side is shorter than 16 pixels.

    >>> [level.shape for level in laplacian_pyramid(np.zeros((64, 80, 3)))]
    [(64, 80, 3), (32, 40, 3), (16, 20, 3)]
    """
    if min(picture.shape[:2]) < COARSEST:
        raise ValueError(f"a pyramid needs at least {COARSEST}x{COARSEST} pixels, got shape {picture.shape}")
    levels = [picture.astype(np.float32)]
    while min(levels[-1].shape[:2]) >= 2 * COARSEST:
        finer = levels[-1]
        coarser = _smoothed(finer)[::2, ::2]
        enlarged = np.zeros_like(finer)
        enlarged[::2, ::2] = coarser
        levels[-1] = finer - 4 * _smoothed(enlarged)
        levels.append(coarser)
    return levels


def _smoothed(values: np.ndarray) -> np.ndarray:
    """The binomial filter of five taps along both axes; edges are mirrored."""
    for axis in (0, 1):
        padding = [(2, 2) if axis == each else (0, 0) for each in range(3)]
        padded = np.moveaxis(np.pad(values, padding, mode="reflect"), axis, 0)
        taps = (weight * padded[at : len(padded) - 4 + at] for at, weight in enumerate(_KERNEL))
        values = np.moveaxis(np.asarray(sum(taps)), 0, axis)
    return values


def _centres(level: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of patches that lie in the picture."""
    reach = PATCH // 2
    height, width = level.shape[:2]
    return rng.integers(reach, height - reach, PATCHES), rng.integers(reach, width - reach, PATCHES)


def patches(level: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The 7x7 pixels around each centre, channel by channel, (H, W, 3) -> (centres, 147)."""
    around = np.arange(PATCH) - PATCH // 2
    found = level[rows[:, None, None] + around, columns[:, None, None] + around[:, None]]  # (centres, 7, 7, 3)
    return np.moveaxis(found, -1, 1).reshape(len(rows), -1)


def normalised(descriptors: np.ndarray) -> np.ndarray:
    """Each channel with mean 0 and deviation 1 over all descriptors, (N, 147); a constant channel stays 0."""
    channels = descriptors.reshape(len(descriptors), 3, -1)
    channels = channels - channels.mean(axis=(0, 2), keepdims=True)
    deviations = channels.std(axis=(0, 2), keepdims=True)
    return (channels / np.where(deviations > 0, deviations, 1)).reshape(descriptors.shape)


def sliced_wasserstein(first: np.ndarray, second: np.ndarray, repeats: Sequence[np.ndarray]) -> float:
    """The mean distance of sorted projections on random directions (Rabin et al. 2011, https://doi.org/10.1007/978-3-642-24785-9_37).

    Shapes:
        first, second: (N, D) each; repeats: (D, directions) each, of any length

    >>> sliced_wasserstein(np.array([[0.0], [1.0]]), np.array([[4.0], [3.0]]), [np.array([[2.0]])])
    3.0
    """
    found = []
    for directions in repeats:
        unit = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
        projections = [np.sort(each @ unit, axis=0) for each in (first, second)]
        found.append(np.mean(np.abs(projections[0] - projections[1])))
    return float(np.mean(found))
