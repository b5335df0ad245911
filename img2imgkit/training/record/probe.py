"""Fixed pictures that show and measure how far a training has come."""

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
from img2imgkit.inference.tiles.padding import region
from img2imgkit.metrics import PAIRS_8BIT, Metric, PairMetric
from img2imgkit.task import Geometry, Networks, Task
from img2imgkit.training.record.sheet import row, stacked

MAX_ROWS = 8
MAX_VARIANTS = 6  # values of an input that a sheet shows
_GRID = 32  # points a side at which pictures of any size are compared with each other
Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Look:
    """What one look at the probe gives.

    Attributes:
        scores: by metric, then by picture, with their "mean"; only pictures of 8 bits whose truth is known and large
            enough count
        sheet: (H, W, 3) uint8, a row for each picture: source | other pictures that were given | outputs | target
        variety: how much the outputs differ from each other, as a share of how much the truth, or else the sources do;
            None for fewer than two pictures, or where those do not differ
        flat: whether every output is one colour
    """

    scores: Scores
    sheet: np.ndarray
    variety: float | None
    flat: bool


def probe_metrics(installed: Mapping[str, type[Metric]], best: str | None = None) -> tuple[PairMetric, ...]:
    """What a probe measures: each metric of 8-bit pairs that needs no weights, and the one that decides the best."""
    return tuple(
        metric()
        for name, metric in installed.items()
        if issubclass(metric, PairMetric)
        and metric.applies_without_weights()
        and (metric.protocols[0] == PAIRS_8BIT or name == best)
    )


class Probe:
    """The pictures of the probe folder, translated again and again as training goes on, as the default choices say.

    Where the task takes one of several values, such as a domain, the sheet shows one output for each; the first counts
    for everything else.
    """

    def __init__(
        self, reader: Reader, folder: Path, task: Task, nets: Networks, metrics: Sequence[PairMetric] = ()
    ) -> None:
        """Read the pictures; each metric measures them under the first of its protocols.

        Raises:
            DataError: a picture there cannot be used.
            TrainingError: a truth of another size than the output, or an input that is missing.
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
        """What can be scored: nothing without truth, and a metric only where a picture is large enough for it."""
        known = [batch["target"].shape[1:3] for _, batch in self._batches if "target" in batch]
        return frozenset(metric.name for metric in self._metrics if any(self._suits(metric, size) for size in known))

    def look(self) -> Look:
        """Translate the pictures and measure."""
        made = [[self._output(batch, variant) for variant in self._variants] for _, batch in self._batches]
        values = [each[0] for each in made]
        outputs = [[to_levels(value, np.uint8) for value in each] for each in made]
        sources = [batch["source"][0] for _, batch in self._batches]
        truths = [batch["target"][0] if "target" in batch else None for _, batch in self._batches]
        targets = [None if truth is None else to_levels(truth, np.uint8) for truth in truths]
        known = [truth for truth in truths if truth is not None]
        given = [self._pictures(batch) for _, batch in self._batches]
        rows = [row(*pictures) for pictures in zip(sources, given, outputs, targets, strict=True)]
        return Look(
            self._scores([each[0] for each in outputs], targets),
            stacked(rows[:MAX_ROWS]),
            _variety(values, known if len(known) == len(truths) else sources),
            all(np.ptp(each[0], axis=(0, 1)).max() <= 1 for each in outputs),
        )

    def _scores(self, outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray | None]) -> Scores:
        found: dict[str, dict[str, float]] = {}
        for (name, _), output, target in zip(self._batches, outputs, targets, strict=True):
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
        """Whether a picture of this height and width is large enough."""
        border = metric.protocols[0].border(self._geometry.scale)
        return min(size) - 2 * border >= metric.minimum_size

    def _output(self, batch: Arrays, variant: Mapping[str, Any]) -> np.ndarray:
        """The output of one picture, whose sides are continued to what the networks need."""
        more = self._conditioning(batch, variant)
        arrays = {"source": batch["source"][0], **more.maps}
        inputs = {name: tf.constant(self._fitting(array), tf.float32) for name, array in arrays.items()}
        inputs |= {name: tf.constant(vector[None], tf.float32) for name, vector in more.vectors.items()}
        height, width = (side * self._geometry.scale for side in batch["source"].shape[1:3])
        output: np.ndarray = np.asarray(self._translate(inputs).numpy())[0, :height, :width]
        return output.astype(np.float32)

    def _conditioning(self, batch: Arrays, variant: Mapping[str, Any]) -> Conditioning:
        """What goes in with a picture: the maps and pictures that the probe's folder has of it."""
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

    def _fitting(self, value: np.ndarray) -> np.ndarray:
        multiple = self._geometry.multiple
        height, width = (-(-max(side, self._geometry.minimum) // multiple) * multiple for side in value.shape[:2])
        return region(value, (0, height), (0, width))[None]


def _variants(task: Task) -> list[dict[str, Any]]:
    """The first input that has a list of all its values, with each of them."""
    name = next((name for name, condition in conditions_of(task).items() if condition.values), None)
    if name is None:
        return [{}]
    return [{name: parse_condition(task, name, value)} for value in conditions_of(task)[name].values[:MAX_VARIANTS]]


def _prove_size(folder: Path, name: str, batch: Arrays, geometry: Geometry) -> None:
    if "target" not in batch:
        return
    (height, width), found = (batch[key].shape[1:3] for key in ("source", "target"))
    if found != (height * geometry.scale, width * geometry.scale):
        wanted = f"{width * geometry.scale}x{height * geometry.scale}"
        raise TrainingError(
            f"probe {folder}: the target of {name!r} is {found[1]}x{found[0]}, the task's output for it {wanted}"
        )


def _variety(outputs: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float | None:
    ours, theirs = _difference(outputs), _difference(references)
    return ours / theirs if len(outputs) > 1 and theirs > 0 else None


def _difference(pictures: Sequence[np.ndarray]) -> float:
    """Deviation of pictures from each other, at places of a grid, over the deviation of all their values."""
    grid = np.stack([picture[_places(picture.shape[0])][:, _places(picture.shape[1])] for picture in pictures])
    values = grid.mean(axis=-1, dtype=np.float64)
    whole = float(values.std())
    return float(values.std(axis=0).mean()) / whole if whole else 0.0


def _places(length: int) -> np.ndarray:
    return np.arange(_GRID) * length // _GRID
