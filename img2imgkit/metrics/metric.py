"""The contract of metrics: what one compares, which way is better, how it is shown, and which weights it needs."""

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
    """Weights or parameters that a metric needs and does not open itself: ``img2imgkit.evaluation`` reads the file.

    Attributes:
        name: the key under which the metric finds them; metrics that need the same ones use the same name
        description: what they are
        source: how to get the file: an address, or a command
        required: whether the metric gives no number without them
    """

    name: str
    description: str
    source: str
    required: bool = True


class Metric(ABC):
    """A number that says how good pictures are. Derive from PairMetric, SetsMetric or SetMetric.

    A metric sees pictures as its protocol shows them, (H, W, 1) or (H, W, 3) in [0, 255], and opens no file.

    Attributes:
        of: what it measures: a "pair" of pictures, two "sets", or one "set"
        name: in reports, bundles and training files
        label: in tables and curves, such as "PSNR"; the name, if there is none
        higher_is_better: whether more is better
        unit: of the number, such as "dB"
        digits: shown behind the point
        ceiling: the largest number that a training records; finite where equal pictures give infinity, as with PSNR
        protocols: those under which it is measured, its usual one first; ``img2img eval`` measures it by default under
            these
        needs: weights that it is constructed with
    """

    of: ClassVar[Literal["pair", "sets", "set"]]
    name: ClassVar[str]
    label: ClassVar[str] = ""
    higher_is_better: ClassVar[bool]
    unit: ClassVar[str] = ""
    digits: ClassVar[int] = 4
    ceiling: ClassVar[float] = math.inf
    protocols: ClassVar[tuple[Protocol, ...]] = (PAIRS_8BIT,)
    needs: ClassVar[tuple[PretrainedWeights, ...]] = ()

    def __init__(self, weights: Mapping[str, Arrays] | None = None) -> None:
        """Keep the arrays of each of ``needs``, by its name, in ``self.weights``.

        Raises:
            ValueError: required ones are missing.
        """
        self.weights = dict(weights or {})
        missing = [need for need in self.needs if need.required and need.name not in self.weights]
        if missing:
            listed = "; ".join(f"{need.name!r}: {need.description} (get it: {need.source})" for need in missing)
            raise ValueError(f"metric {self.name!r} needs weights that were not given: {listed}")

    def __init_subclass__(cls) -> None:
        ours = cls.__module__ == __name__
        if not ours and not isinstance(getattr(cls, "higher_is_better", None), bool):
            raise TypeError(f"{cls.__name__} must say which way is better: higher_is_better = True, or False")
        if not cls.protocols or not all(isinstance(each, Protocol) for each in cls.protocols):
            raise TypeError(f"{cls.__name__}.protocols must be a tuple of one Protocol at least, got {cls.protocols!r}")

    @classmethod
    def title(cls) -> str:
        """Its label, for people."""
        return cls.label or cls.name

    @classmethod
    def axis(cls) -> str:
        """The title of its curve: "PSNR (dB, more is better)"."""
        which = f"{'more' if cls.higher_is_better else 'less'} is better"
        return f"{cls.title()} ({cls.unit}, {which})" if cls.unit else f"{cls.title()} ({which})"

    @classmethod
    def shown(cls, value: float) -> str:
        """A value for people: "PSNR 31.23 dB"."""
        return f"{cls.title()} {value:.{cls.digits}f} {cls.unit}".rstrip()

    @classmethod
    def is_better(cls, value: float, other: float) -> bool:
        """Whether the first of two values is the better one; equal ones are not."""
        return value > other if cls.higher_is_better else value < other

    @classmethod
    def applies_without_weights(cls) -> bool:
        """Whether it needs no file."""
        return not any(need.required for need in cls.needs)

    def _number(self, value: float) -> float:
        number = float(value)
        if math.isnan(number):
            raise ValueError(f"metric {self.name!r} gave {number}, which is no score")
        return number


class PairMetric(Metric):
    """How near a picture is to its reference.

    Attributes:
        minimum_size: pixels that each side needs at least
    """

    of = "pair"
    minimum_size: ClassVar[int] = 1

    @abstractmethod
    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """The number, for arrays that ``measure`` has checked.

        Shapes:
            reference, picture: the same, (H, W, 1) or (H, W, 3) float64 in [0, 255]
        """

    def measure(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """The number for a picture and its reference.

        Shapes:
            reference, picture: the same, (H, W, 1) or (H, W, 3) in [0, 255]
        Raises:
            ValueError: the shapes differ, a side is too short, or there is no number.
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
    """A metric of many pictures, of each of which it keeps some numbers, so that sets need not fit into memory."""

    @abstractmethod
    def features(self, picture: np.ndarray) -> np.ndarray:
        """What is kept of one picture.

        Shapes:
            picture: (H, W, 1) or (H, W, 3) float64 in [0, 255] -> an array of the same shape for every picture
        """

    def _stacked(self, features: Sequence[np.ndarray]) -> np.ndarray:
        shapes = sorted({np.shape(each) for each in features})
        if len(shapes) != 1:
            said = f"features of shapes {', '.join(map(str, shapes))}" if shapes else "an empty set"
            raise ValueError(f"{self.title()} needs one picture at least, and features of one shape, got {said}")
        return np.stack([np.asarray(each) for each in features])


class SetsMetric(_OfFeatures):
    """How near a set of pictures is to a set of references, which need not be of the same number."""

    of = "sets"

    @abstractmethod
    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        """The number, from the features of both sets.

        Shapes:
            references: (N, ...); pictures: (M, ...), the features of each
        """

    def measure(self, references: Sequence[np.ndarray], pictures: Sequence[np.ndarray]) -> float:
        """The number, from what ``features`` gave of every picture of both sets.

        Raises:
            ValueError: a set is empty, features differ in shape, or there is no number.
        """
        first, second = self._stacked(references), self._stacked(pictures)
        if first.shape[1:] != second.shape[1:]:
            raise ValueError(f"cannot compare features of shapes {first.shape[1:]} and {second.shape[1:]}")
        return self._number(self.compare(first, second))


class SetMetric(_OfFeatures):
    """How good, or how varied, a set of pictures is, without a reference."""

    of = "set"

    @abstractmethod
    def assess(self, pictures: np.ndarray) -> float:
        """The number, from the features of the set.

        Shapes:
            pictures: (N, ...), the features of each
        """

    def measure(self, pictures: Sequence[np.ndarray]) -> float:
        """The number, from what ``features`` gave of every picture.

        Raises:
            ValueError: the set is empty, features differ in shape, or there is no number.
        """
        return self._number(self.assess(self._stacked(pictures)))


def protocols_of(metrics: Iterable[type[Metric]]) -> dict[str, Protocol]:
    """Every protocol that these metrics are measured under, by its label.

    Raises:
        ValueError: two metrics mean different protocols by one label.

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
                    f"metrics {stated_by[label]!r} and {metric.name!r} mean different protocols by {label!r}; "
                    "a protocol that was changed needs a higher version"
                )
            stated_by.setdefault(label, metric.name)
    return found
