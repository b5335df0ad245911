"""Metrics of sets over a pretrained network's features: one class for each measure and network."""

from __future__ import annotations

import numpy as np
from img2imgkit_plugins.quality_metrics.classifiers import LOGITS
from img2imgkit_plugins.quality_metrics.distributions import inception_score
from img2imgkit_plugins.quality_metrics.feature_networks import (
    Coverage,
    Density,
    Frechet,
    Kernel,
    OfHed,
    OfInception,
    OfLite0,
    Precision,
    Recall,
)
from img2imgkit_plugins.quality_metrics.layers import stored

import img2imgkit as kit


class Fid(OfInception, Frechet):
    """Fréchet inception distance (Heusel et al. 2017, https://arxiv.org/abs/1706.08500), in float64.

    Its size depends on the number of pictures: compare scores of equally many, 10,000 or more.
    """

    name = "fid"
    label = "FID"


class Kid(OfInception, Kernel):
    """Kernel inception distance, mean over 100 subsets (Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401).

    Unbiased, so that few pictures suffice and small values may be negative.
    """

    name = "kid"
    label = "KID"


class InceptionScore(OfInception, kit.SetMetric):
    """How certain and how varied the classes of a set are (Salimans et al. 2016, https://arxiv.org/abs/1606.03498).

    Mean over 10 splits.
    """

    name = "inception-score"
    label = "IS"
    higher_is_better = True
    digits = 2

    def assess(self, pictures: np.ndarray) -> float:
        """See ``inception_score``."""
        return inception_score(pictures @ stored(self.weights["inception-2015"], *LOGITS))[0]


class PrecisionInception(OfInception, Precision):
    """The share of pictures that lie among the references, 3 neighbours, over the network of FID.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991.
    """

    name = "precision-inception"


class RecallInception(OfInception, Recall):
    """The share of references that lie among the pictures, 3 neighbours, over the network of FID.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991.
    """

    name = "recall-inception"


class DensityInception(OfInception, Density):
    """How densely references surround each picture, 5 neighbours, over the network of FID.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797.
    """

    name = "density-inception"


class CoverageInception(OfInception, Coverage):
    """The share of references with a picture nearby, 5 neighbours, over the network of FID.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797.
    """

    name = "coverage-inception"


class FdLite0(OfLite0, Frechet):
    """The Fréchet distance of FID over EfficientNet-Lite0. Not comparable with FID.

    Heusel et al. 2017, https://arxiv.org/abs/1706.08500; Tan and Le 2019, https://arxiv.org/abs/1905.11946.
    """

    name = "fd-efficientnet-lite0"


class KdLite0(OfLite0, Kernel):
    """The kernel distance of KID over EfficientNet-Lite0. Not comparable with KID.

    Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401; Tan and Le 2019, https://arxiv.org/abs/1905.11946.
    """

    name = "kid-efficientnet-lite0"


class PrecisionLite0(OfLite0, Precision):
    """The share of pictures that lie among the references, 3 neighbours, over EfficientNet-Lite0.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991; Tan and Le 2019, https://arxiv.org/abs/1905.11946.
    """

    name = "precision-efficientnet-lite0"


class RecallLite0(OfLite0, Recall):
    """The share of references that lie among the pictures, 3 neighbours, over EfficientNet-Lite0.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991; Tan and Le 2019, https://arxiv.org/abs/1905.11946.
    """

    name = "recall-efficientnet-lite0"


class DensityLite0(OfLite0, Density):
    """How densely references surround each picture, 5 neighbours, over EfficientNet-Lite0.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797; Tan and Le 2019, https://arxiv.org/abs/1905.11946.
    """

    name = "density-efficientnet-lite0"


class CoverageLite0(OfLite0, Coverage):
    """The share of references with a picture nearby, 5 neighbours, over EfficientNet-Lite0.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797; Tan and Le 2019, https://arxiv.org/abs/1905.11946.
    """

    name = "coverage-efficientnet-lite0"


class FdHed(OfHed, Frechet):
    """The Fréchet distance of FID over an edge detector's VGG16. Not comparable with FID.

    Heusel et al. 2017, https://arxiv.org/abs/1706.08500; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "fd-vgg16-hed"


class KdHed(OfHed, Kernel):
    """The kernel distance of KID over an edge detector's VGG16. Not comparable with KID.

    Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "kid-vgg16-hed"


class PrecisionHed(OfHed, Precision):
    """The share of pictures that lie among the references, 3 neighbours, over an edge detector's VGG16.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "precision-vgg16-hed"


class RecallHed(OfHed, Recall):
    """The share of references that lie among the pictures, 3 neighbours, over an edge detector's VGG16.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "recall-vgg16-hed"


class DensityHed(OfHed, Density):
    """How densely references surround each picture, 5 neighbours, over an edge detector's VGG16.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "density-vgg16-hed"


class CoverageHed(OfHed, Coverage):
    """The share of references with a picture nearby, 5 neighbours, over an edge detector's VGG16.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797; Xie and Tu 2015, https://arxiv.org/abs/1504.06375.
    """

    name = "coverage-vgg16-hed"


FEATURE_METRICS: tuple[type[kit.Metric], ...] = (
    Fid,
    Kid,
    InceptionScore,
    PrecisionInception,
    RecallInception,
    DensityInception,
    CoverageInception,
    FdLite0,
    KdLite0,
    PrecisionLite0,
    RecallLite0,
    DensityLite0,
    CoverageLite0,
    FdHed,
    KdHed,
    PrecisionHed,
    RecallHed,
    DensityHed,
    CoverageHed,
)
