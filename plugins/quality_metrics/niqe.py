"""NIQE: how far the statistics of a picture's blocks are from those of pristine photographs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

import img2imgkit as kit
from img2imgkit.images import imresize
from img2imgkit.metrics import PAIRS_8BIT, SR_MATLAB, SR_RGB, rgb_to_y

BLOCK = 96  # side of a block in pixels
PARAMETERS = Path(__file__).with_name("niqe_parameters.npz")
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))  # to the neighbours whose products are described
_NAMES = ("mu_pris_param", "cov_pris_param", "gaussian_window")

Parameters = Mapping[str, np.ndarray]


class Niqe(kit.SetMetric):
    """Natural image quality evaluator of luma, without references: the mean over pictures.

    Mittal et al. 2013, https://doi.org/10.1109/LSP.2012.2227726. Equals ``calculate_niqe`` of BasicSR 1.4.2, with the
    parameters that the super-resolution field uses; they come along.
    """

    name = "niqe"
    label = "NIQE"
    higher_is_better = False
    digits = 3
    minimum_size = 2 * BLOCK
    protocols = (SR_MATLAB, SR_RGB, PAIRS_8BIT)
    by_default = False
    needs = (
        kit.PretrainedWeights(
            "niqe",
            f"other parameters than those that come along: {', '.join(_NAMES)}",
            "https://github.com/XPixelGroup/BasicSR/blob/master/basicsr/metrics/niqe_pris_params.npz",
            required=False,
        ),
    )

    def features(self, picture: np.ndarray) -> np.ndarray:
        """The picture's score.

        Shapes:
            picture: (H, W, 1) or (H, W, 3) -> (1,)
        Raises:
            ValueError: the picture has fewer than two whole blocks, or is flat.
        """
        plane = np.floor(rgb_to_y(picture) + 0.5) if picture.shape[2] == 3 else picture
        return np.array([niqe(plane[..., 0], self.weights.get("niqe") or _included())])

    def assess(self, pictures: np.ndarray) -> float:
        """The mean of the pictures' scores."""
        return float(pictures.mean())


@cache
def _included() -> Parameters:
    with kit.open_regular(PARAMETERS) as file, np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def niqe(luma: np.ndarray, parameters: Parameters) -> float:
    """The distance of the picture's distribution of block features from the pristine one.

    Shapes:
        luma: (H, W) in whole levels of [0, 255] -> a number; smaller is better
    Raises:
        ValueError: the picture has fewer than two blocks of 96x96 pixels, or too few that are not flat; a parameter is
            missing.
    """
    if missing := [name for name in _NAMES if name not in parameters]:
        raise ValueError(f"the parameters of NIQE have no {missing[0]!r}")
    mean, covariance, window = (parameters[name] for name in _NAMES)
    rows, columns = (side // BLOCK for side in luma.shape)
    if rows * columns < 2:
        raise ValueError(
            f"NIQE needs at least two blocks of {BLOCK}x{BLOCK} pixels, got {luma.shape[1]}x{luma.shape[0]} pixels"
        )
    whole = luma[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
    half = imresize(whole / 255, 0.5) * 255
    features = np.concatenate([_of_blocks(_normalised(whole, window), BLOCK),
                               _of_blocks(_normalised(half, window), BLOCK // 2)], axis=1)  # fmt: skip
    valid = features[~np.isnan(features).any(axis=1)]
    if len(valid) < 2:
        raise ValueError(f"NIQE needs at least two blocks that are not flat; this picture has {len(valid)}")
    apart = np.nanmean(features, axis=0) - mean.ravel()
    inverse = np.linalg.pinv((covariance + np.cov(valid, rowvar=False)) / 2)
    return math.sqrt(float(apart @ inverse @ apart))


def _normalised(plane: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Each pixel minus its neighbourhood's mean, over the neighbourhood's deviation plus 1."""
    mean = _filtered(plane, window)
    deviation = np.sqrt(np.abs(_filtered(plane**2, window) - mean**2))
    return (plane - mean) / (deviation + 1)


def _filtered(plane: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Convolution with a symmetric window; the edge is repeated."""
    reach = len(window) // 2
    padded = np.pad(plane, reach, mode="edge")
    height, width = plane.shape
    shifted = (
        weight * padded[y : y + height, x : x + width] for y, row in enumerate(window) for x, weight in enumerate(row)
    )
    return np.asarray(sum(shifted))


def _of_blocks(plane: np.ndarray, side: int) -> np.ndarray:
    """(H, W) -> (blocks, 18); NaN where a block is flat."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    blocks = [plane[y * side : (y + 1) * side, x * side : (x + 1) * side] for x in range(columns) for y in range(rows)]
    return np.array([_described(block) for block in blocks])


def _described(block: np.ndarray) -> list[float]:
    """The 18 features of a block: shapes and spreads of its values, and of products of neighbours."""
    shape, left, right = _asymmetric_gaussian(block)
    features = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = _asymmetric_gaussian(block * np.roll(block, shift, axis=(0, 1)))
        mean = (right - left) * math.gamma(2 / shape) / math.gamma(1 / shape) if left > 0 else math.nan
        features += [shape, mean, left, right]
    return features


def _asymmetric_gaussian(values: np.ndarray) -> tuple[float, float, float]:
    """Shape, left and right spread of the generalised normal distribution fitted to values; NaN if they are flat.

    Lasmar et al. 2009, https://doi.org/10.1109/ICIP.2009.5414404, by moments.
    """
    below, above = values[values < 0], values[values > 0]
    if not below.size or not above.size:
        return math.nan, math.nan, math.nan
    left, right = (math.sqrt(float(np.mean(side**2))) for side in (below, above))
    ratio = left / right
    moment = float(np.mean(np.abs(values))) ** 2 / float(np.mean(values**2))
    wanted = moment * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, moments = _shape_table()
    shape = float(shapes[np.argmin((moments - wanted) ** 2)])
    spread = math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
    return shape, left * spread, right * spread


@cache
def _shape_table() -> tuple[np.ndarray, np.ndarray]:
    """The shapes that are tried, and the normalised moment of each."""
    shapes = np.arange(0.2, 10.001, 0.001)
    moments = [math.gamma(2 / each) ** 2 / (math.gamma(1 / each) * math.gamma(3 / each)) for each in shapes]
    return shapes, np.array(moments)
