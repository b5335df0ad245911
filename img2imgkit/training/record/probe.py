"""The probe: fixed pictures that show and measure the progress of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from img2imgkit.data_kind import Arrays, Reader
from img2imgkit.errors import ToolkitError, TrainingError
from img2imgkit.images import to_levels
from img2imgkit.inference import Conditioning, conditioning, conditions_of, encode_pictures, parse_condition
from img2imgkit.inference.inputs.conditions import LABEL
from img2imgkit.inference.tiles.grid import region
from img2imgkit.metrics import PAIRS_8BIT, Metric, PairMetric
from img2imgkit.task import Geometry, Networks, Task
from img2imgkit.training.record.sheet import row, stacked

MAX_ROWS = 8
MAX_VARIANTS = 6  # values of a condition that a sheet shows
_GRID = 32  # points per side at which pictures of any size are compared
Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Evaluated:
    """The result of evaluating the probe.

    Attributes:
        scores: by metric, then by picture and "mean"; of pictures with a target that is large enough
        sheet: (H, W, 3) uint8, one row per picture: source | pictures of other conditions | outputs | target
        variety: how much the outputs differ from each other, relative to the targets, or to the sources if a target is
            missing; None for fewer than two pictures, or if all of those are equal
        flat: whether every output is a single colour
    """

    scores: Scores
    sheet: np.ndarray
    variety: float | None
    flat: bool


def probe_metrics(installed: Mapping[str, type[Metric]], best: str | None = None) -> tuple[PairMetric, ...]:
    """Return the metrics of a probe: all default ones of 8-bit pairs that need no weights, and ``best``."""
    return tuple(
        metric()
        for name, metric in installed.items()
        if issubclass(metric, PairMetric)
        and metric.applies_without_weights()
        and ((metric.by_default and metric.protocols[0] == PAIRS_8BIT) or name == best)
    )


class Probe:
    """The pictures of the probe folder, translated repeatedly during training, with the task's default choices.

    If a condition has a list of values, such as domains, the sheet shows an output for each; everything else uses the
    first.
    """

    def __init__(
        self, reader: Reader, folder: Path, task: Task, nets: Networks, metrics: Sequence[PairMetric] = ()
    ) -> None:
        """Read the pictures. Each metric is measured under its first protocol.

        Raises:
            DataError: a picture cannot be used.
            TrainingError: a target and its output differ in size, or a condition is missing.
        """
        self._batches, self._geometry = reader.probe(folder), task.geometry()
        self._task, self._nets, self._conditions, self._metrics = task, nets, conditions_of(task), metrics
        self._variants = _variants(task)
        for name, batch in self._batches:
            _prove_size(folder, name, batch, self._geometry)
            try:
                self._conditioning(batch, self._variants[0])
            except ToolkitError as error:
                raise TrainingError(f"probe {folder}: {name!r}: {error}") from None
        self._translate = tf.function(
            lambda inputs: task.translate(nets, inputs), reduce_retracing=True, autograph=False
        )

    @property
    def metrics(self) -> frozenset[str]:
        """The names of the metrics that can be measured: those with a target that is large enough."""
        known = [batch["target"].shape[1:3] for _, batch in self._batches if "target" in batch]
        return frozenset(metric.name for metric in self._metrics if any(self._suits(metric, size) for size in known))

    def evaluate(self, most: int | None = None) -> Evaluated:
        """Translate the pictures, or as many as ``most``, and measure the outputs.

        Raises:
            TrainingError: an output has the wrong size, or cannot be scored.
        """
        batches = self._batches[:most]
        made = [[self._output(name, batch, variant) for variant in self._variants] for name, batch in batches]
        values = [each[0] for each in made]
        outputs = [[to_levels(value, np.uint8) for value in each] for each in made]
        sources = [batch["source"][0] for _, batch in batches]
        truths = [batch["target"][0] if "target" in batch else None for _, batch in batches]
        targets = [None if truth is None else to_levels(truth, np.uint8) for truth in truths]
        known = [truth for truth in truths if truth is not None]
        given = [self._pictures(batch) for _, batch in batches]
        rows = [row(*pictures) for pictures in zip(sources, given, outputs, targets, strict=True)]
        return Evaluated(
            self._scores([each[0] for each in outputs], targets),
            stacked(rows[:MAX_ROWS]),
            _variety(values, known if len(known) == len(truths) else sources),
            all(np.ptp(each[0], axis=(0, 1)).max() <= 1 for each in outputs),
        )

    def _scores(self, outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray | None]) -> Scores:
        found: dict[str, dict[str, float]] = {}
        for (name, _), output, target in zip(self._batches, outputs, targets, strict=False):
            for metric in self._metrics:
                if target is not None and self._suits(metric, target.shape[:2]):
                    found.setdefault(metric.name, {})[name] = self._score(metric, name, target, output)
        return {metric: {"mean": float(np.mean(list(by.values()))), **by} for metric, by in found.items()}

    def _score(self, metric: PairMetric, name: str, target: np.ndarray, output: np.ndarray) -> float:
        first, second = (metric.protocols[0].view(each, self._geometry.scale) for each in (target, output))
        try:
            return min(metric.ceiling, metric.measure(first, second))
        except ValueError as error:
            raise TrainingError(f"probe: cannot score {name!r}: {error}") from error

    def _suits(self, metric: PairMetric, size: Sequence[int]) -> bool:
        """Whether a picture of this height and width is large enough for a metric."""
        border = metric.protocols[0].border(self._geometry.scale)
        return min(size) - 2 * border >= metric.minimum_size

    def _output(self, name: str, batch: Arrays, variant: Mapping[str, Any]) -> np.ndarray:
        """Translate one picture, padded to the size that the networks need and cropped back."""
        more = self._conditioning(batch, variant)
        arrays = {"source": batch["source"][0], **more.maps}
        inputs = {name: tf.constant(self._padded(array), tf.float32) for name, array in arrays.items()}
        inputs |= {name: tf.constant(vector[None], tf.float32) for name, vector in more.vectors.items()}
        height, width = (side * self._geometry.scale for side in batch["source"].shape[1:3])
        output: np.ndarray = np.asarray(self._translate(inputs).numpy())[0, :height, :width]
        if output.shape[:2] != (height, width):
            found = f"{output.shape[1]}x{output.shape[0]}"
            raise TrainingError(f"probe: the output of {name!r} is {found}, but its geometry states {width}x{height}")
        return output.astype(np.float32)

    def _conditioning(self, batch: Arrays, variant: Mapping[str, Any]) -> Conditioning:
        """Return a picture's conditioning, from the maps and pictures in the probe's folder."""
        given = dict(variant)
        for name, condition in self._conditions.items():
            key = "source" if name == LABEL else name
            if condition.kind == "map" and key in batch:
                given[name] = batch[key][0].astype(np.int32)
            if condition.kind == "pictures" and name in batch:
                given[name] = np.asarray(encode_pictures(self._task, self._nets, name, tf.constant(batch[name])))[0]
        return conditioning(self._task, given, batch["source"].shape[1:3])

    def _pictures(self, batch: Arrays) -> list[np.ndarray]:
        names = [name for name, condition in self._conditions.items() if condition.kind == "pictures" and name in batch]
        return [to_levels(batch[name][0], np.uint8) for name in names]

    def _padded(self, value: np.ndarray) -> np.ndarray:
        multiple = self._geometry.multiple
        height, width = (-(-max(side, self._geometry.minimum) // multiple) * multiple for side in value.shape[:2])
        return region(value, (0, height), (0, width))[None]


def _variants(task: Task) -> list[dict[str, Any]]:
    """Return each value of the first condition that lists its values."""
    name = next((name for name, condition in conditions_of(task).items() if condition.values), None)
    if name is None:
        return [{}]
    return [{name: parse_condition(task, name, value)} for value in conditions_of(task)[name].values[:MAX_VARIANTS]]


def _prove_size(folder: Path, name: str, batch: Arrays, geometry: Geometry) -> None:
    if "target" not in batch:
        return
    (height, width), found = (batch[key].shape[1:3] for key in ("source", "target"))
    if found != (height * geometry.scale, width * geometry.scale):
        expected = f"{width * geometry.scale}x{height * geometry.scale}"
        raise TrainingError(
            f"probe {folder}: the target of {name!r} is {found[1]}x{found[0]}, but the task's output is {expected}"
        )


def _variety(outputs: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float | None:
    ours, theirs = _difference(outputs), _difference(references)
    return ours / theirs if len(outputs) > 1 and theirs > 0 else None


def _difference(pictures: Sequence[np.ndarray]) -> float:
    """Return the standard deviation between pictures, on a grid, relative to that of all their values."""
    grid = np.stack([picture[_places(picture.shape[0])][:, _places(picture.shape[1])] for picture in pictures])
    values = grid.mean(axis=-1, dtype=np.float64)
    whole = float(values.std())
    return float(values.std(axis=0).mean()) / whole if whole else 0.0


def _places(length: int) -> np.ndarray:
    return np.arange(_GRID) * length // _GRID
