"""The contract of metrics: what they compare, which direction is better, how they are displayed, and their weights."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from img2imgkit.metrics.protocol import PAIRS_8BIT, Protocol

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights or parameters that a metric needs; ``img2imgkit.evaluation`` reads the file for it.

    Attributes:
        name: the key in ``Metric.weights``; metrics that share weights use the same name
        description: what the weights are
        source: how to get the file: a URL or a command
        required: whether the metric cannot be computed without them
    """

    name: str
    description: str
    source: str
    required: bool = True


class Metric(ABC):
    """A score of picture quality. Derive from PairMetric, SetsMetric or SetMetric.

    A metric receives pictures prepared by its protocol, (H, W, 1) or (H, W, 3) in [0, 255], and opens no file.

    Attributes:
        of: the input: a "pair" of pictures, two "sets", or one "set"
        name: the name in reports, bundles and training files
        label: the name in tables and curves, such as "PSNR"; defaults to ``name``
        higher_is_better: whether higher values are better
        unit: the unit of the score, such as "dB"
        digits: decimal places to display
        ceiling: the largest value that a training records; must be finite if equal pictures score infinity, as in PSNR
        protocols: the supported protocols, the preferred one first
        by_default: whether evaluations under one of its protocols, and the probe of a training, include it unless
            metrics are named; not for metrics that are slow or refuse small pictures
        needs: the weights that its constructor expects
    """

    of: ClassVar[Literal["pair", "sets", "set"]]
    name: ClassVar[str]
    label: ClassVar[str] = ""
    higher_is_better: ClassVar[bool]
    unit: ClassVar[str] = ""
    digits: ClassVar[int] = 4
    ceiling: ClassVar[float] = math.inf
    protocols: ClassVar[tuple[Protocol, ...]] = (PAIRS_8BIT,)
    by_default: ClassVar[bool] = True
    needs: ClassVar[tuple[PretrainedWeights, ...]] = ()

    def __init__(self, weights: Mapping[str, Arrays] | None = None) -> None:
        """Store the arrays of each of ``needs``, by its name, in ``self.weights``.

        Raises:
            ValueError: required weights are missing.
        """
        self.weights = dict(weights or {})
        missing = [need for need in self.needs if need.required and need.name not in self.weights]
        if missing:
            listed = "; ".join(f"{need.name!r}: {need.description} (get it: {need.source})" for need in missing)
            raise ValueError(f"metric {self.name!r} needs weights that are missing: {listed}")

    def __init_subclass__(cls) -> None:
        ours = cls.__module__ == __name__
        if not ours and not isinstance(getattr(cls, "higher_is_better", None), bool):
            raise TypeError(f"{cls.__name__} must state its direction: higher_is_better = True or False")
        if not cls.protocols or not all(isinstance(each, Protocol) for each in cls.protocols):
            raise TypeError(f"{cls.__name__}.protocols must be a non-empty tuple of Protocols, got {cls.protocols!r}")

    @classmethod
    def title(cls) -> str:
        """The label for people."""
        return cls.label or cls.name

    @classmethod
    def axis(cls) -> str:
        """The axis title of a curve: "PSNR (dB, more is better)"."""
        which = f"{'more' if cls.higher_is_better else 'less'} is better"
        return f"{cls.title()} ({cls.unit}, {which})" if cls.unit else f"{cls.title()} ({which})"

    @classmethod
    def shown(cls, value: float) -> str:
        """Format a value for people: "PSNR 31.23 dB"."""
        return f"{cls.title()} {value:.{cls.digits}f} {cls.unit}".rstrip()

    @classmethod
    def is_better(cls, value: float, other: float) -> bool:
        """Whether the first value is strictly better."""
        return value > other if cls.higher_is_better else value < other

    @classmethod
    def applies_without_weights(cls) -> bool:
        """Whether it needs no weights file."""
        return not any(need.required for need in cls.needs)

    def _number(self, value: float) -> float:
        number = float(value)
        if math.isnan(number):
            raise ValueError(f"metric {self.name!r} returned {number}, which is not a valid score")
        return number


class PairMetric(Metric):
    """A full-reference metric: the similarity or distance of a picture and its reference.

    Attributes:
        minimum_size: minimum height and width in pixels
    """

    of = "pair"
    minimum_size: ClassVar[int] = 1

    @abstractmethod
    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """Compute the score; ``measure`` has validated the arrays.

        Shapes:
            reference, picture: the same, (H, W, 1) or (H, W, 3) float64 in [0, 255]
        """

    def measure(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """Validate the arrays and compute the score of a picture and its reference.

        Shapes:
            reference, picture: the same, (H, W, 1) or (H, W, 3) in [0, 255]
        Raises:
            ValueError: the shapes differ, a side is too short, or the score is NaN.
        """
        if reference.shape != picture.shape:
            raise ValueError(f"cannot compare shapes {reference.shape} and {picture.shape}")
        least = self.minimum_size
        if reference.ndim != 3 or min(reference.shape[:2]) < least:
            raise ValueError(
                f"{self.title()} needs (H, W, C) of at least {least}x{least} pixels, got shape {reference.shape}"
            )
        return self._number(self.compare(reference, picture))


class _OfFeatures(Metric):
    """A metric of picture sets. It stores only features of each picture, so that sets need not fit into memory.

    Attributes:
        features_of: names what computes the features, such as a network; metrics that state the same have equal
            features, which are computed once for all of them. Empty if they are the metric's own
    """

    features_of: ClassVar[str] = ""

    @abstractmethod
    def features(self, picture: np.ndarray) -> np.ndarray:
        """Compute the features of one picture.

        Shapes:
            picture: (H, W, 1) or (H, W, 3) float64 in [0, 255] -> an array of the same shape for every picture
        """

    def _stacked(self, features: Sequence[np.ndarray]) -> np.ndarray:
        shapes = sorted({np.shape(each) for each in features})
        if len(shapes) != 1:
            got = f"features of shapes {', '.join(map(str, shapes))}" if shapes else "an empty set"
            raise ValueError(f"{self.title()} needs at least one picture, and features of one shape; got {got}")
        return np.stack([np.asarray(each) for each in features])


class SetsMetric(_OfFeatures):
    """The distance of a set of pictures from a set of references; the sets may differ in size."""

    of = "sets"

    @abstractmethod
    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """Compute the score from the features of both sets.

        Shapes:
            references: (N, ...); pictures: (M, ...), the features of each
        """

    def measure(self, references: Sequence[np.ndarray], pictures: Sequence[np.ndarray]) -> float:
        """Validate the features of both sets and compute the score.

        Raises:
            ValueError: a set is empty, features differ in shape, or the score is NaN.
        """
        first, second = self._stacked(references), self._stacked(pictures)
        if first.shape[1:] != second.shape[1:]:
            raise ValueError(f"cannot compare features of shapes {first.shape[1:]} and {second.shape[1:]}")
        return self._number(self.compare(first, second))


class SetMetric(_OfFeatures):
    """The quality or diversity of a set of pictures, without references."""

    of = "set"

    @abstractmethod
    def assess(self, pictures: np.ndarray) -> float:
        """Compute the score from the features of the set.

        Shapes:
            pictures: (N, ...), the features of each
        """

    def measure(self, pictures: Sequence[np.ndarray]) -> float:
        """Validate the features and compute the score.

        Raises:
            ValueError: the set is empty, features differ in shape, or the score is NaN.
        """
        return self._number(self.assess(self._stacked(pictures)))


def protocols_of(metrics: Iterable[type[Metric]]) -> dict[str, Protocol]:
    """All protocols of these metrics, by label.

    Raises:
        ValueError: two metrics have different protocols with the same label.

    >>> from img2imgkit.metrics import L1, PsnrY
    >>> sorted(protocols_of([L1, PsnrY]))
    ['pairs-8bit', 'sr-basicsr-y', 'sr-matlab']
    """
    found: dict[str, Protocol] = {}
    stated_by: dict[str, str] = {}
    for metric in metrics:
        for protocol in metric.protocols:
            label = protocol.label
            if found.setdefault(label, protocol) != protocol:
                raise ValueError(
                    f"metrics {stated_by[label]!r} and {metric.name!r} have different protocols labelled {label!r}; "
                    "a changed protocol needs a higher version"
                )
            stated_by.setdefault(label, metric.name)
    return found
