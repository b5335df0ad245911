"""Fixed pictures that show and measure how far a training has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from img2imgkit.data import Arrays, Reader
from img2imgkit.errors import TrainingError
from img2imgkit.images import to_levels
from img2imgkit.inference.padding import region
from img2imgkit.metrics import psnr, ssim
from img2imgkit.task import Geometry, Networks, Task
from img2imgkit.training.sheet import row, stacked

MAX_ROWS = 8
CEILING = 99.0  # decibels that stand for equal pictures, because JSON has no infinity
_GRID = 32  # points a side at which pictures of any size are compared with each other
_WINDOW = 11  # pixels a side that SSIM needs at least
Metric = Literal["psnr", "ssim", "l1"]
Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Look:
    """What one look at the probe gives.

    Attributes:
        scores: by metric, then by picture, with their "mean"; only pictures whose truth is known count. PSNR and SSIM
            over all channels of 8-bit pictures, L1 in their levels
        sheet: (H, W, 3) uint8, a row for each picture: source | output | target
        variety: how much the outputs differ from each other, as a share of how much the truth, or else the sources do;
            None for fewer than two pictures, or where those do not differ
        flat: whether every output is one colour
    """

    scores: Scores
    sheet: np.ndarray
    variety: float | None
    flat: bool


class Probe:
    """The pictures of the probe folder, translated again and again as training goes on, as the default choices say."""

    def __init__(self, reader: Reader, folder: Path, task: Task, nets: Networks) -> None:
        self._batches, self._geometry = reader.probe(folder), task.geometry()
        for name, batch in self._batches:
            _prove_size(folder, name, batch, self._geometry)
        self._translate = tf.function(
            lambda inputs: task.translate(nets, inputs), reduce_retracing=True, autograph=False
        )

    @property
    def metrics(self) -> frozenset[Metric]:
        """What can be scored: nothing without truth, and SSIM only where a picture is as large as its window."""
        known = [batch["target"] for _, batch in self._batches if "target" in batch]
        large = any(min(target.shape[1:3]) >= _WINDOW for target in known)
        return frozenset(("psnr", "l1", *(("ssim",) if large else ()))) if known else frozenset()

    def look(self) -> Look:
        """Translate the pictures and measure."""
        values = [self._output(batch) for _, batch in self._batches]
        outputs = [to_levels(value, np.uint8) for value in values]
        sources = [batch["source"][0] for _, batch in self._batches]
        truths = [batch["target"][0] if "target" in batch else None for _, batch in self._batches]
        targets = [None if truth is None else to_levels(truth, np.uint8) for truth in truths]
        known = [truth for truth in truths if truth is not None]
        rows = [row(*pictures) for pictures in zip(sources, outputs, targets, strict=True)]
        return Look(
            _scores([name for name, _ in self._batches], outputs, targets),
            stacked(rows[:MAX_ROWS]),
            _variety(values, known if len(known) == len(truths) else sources),
            all(np.ptp(output, axis=(0, 1)).max() <= 1 for output in outputs),
        )

    def _output(self, batch: Arrays) -> np.ndarray:
        """The output of one picture, whose sides are continued to what the networks need."""
        inputs: Mapping[str, Any] = {
            key: tf.constant(self._fitting(value) if value.ndim == 4 else value)
            for key, value in batch.items()
            if key != "target"
        }
        height, width = (side * self._geometry.scale for side in batch["source"].shape[1:3])
        output: np.ndarray = np.asarray(self._translate(inputs).numpy())[0, :height, :width]
        return output.astype(np.float32)

    def _fitting(self, value: np.ndarray) -> np.ndarray:
        multiple = self._geometry.multiple
        height, width = (-(-max(side, self._geometry.minimum) // multiple) * multiple for side in value.shape[1:3])
        return region(value[0], (0, height), (0, width))[None]


def _prove_size(folder: Path, name: str, batch: Arrays, geometry: Geometry) -> None:
    if "target" not in batch:
        return
    (height, width), found = (batch[key].shape[1:3] for key in ("source", "target"))
    if found != (height * geometry.scale, width * geometry.scale):
        wanted = f"{width * geometry.scale}x{height * geometry.scale}"
        raise TrainingError(
            f"probe {folder}: the target of {name!r} is {found[1]}x{found[0]}, the task's output for it {wanted}"
        )


def _scores(names: Sequence[str], outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray | None]) -> Scores:
    found: dict[str, dict[str, float]] = {}
    for name, output, target in zip(names, outputs, targets, strict=True):
        if target is None:
            continue
        pair = {"psnr": min(CEILING, psnr(target, output)), "l1": float(np.abs(target - output.astype(float)).mean())}
        if min(target.shape[:2]) >= _WINDOW:
            pair["ssim"] = ssim(target, output)
        for metric, value in pair.items():
            found.setdefault(metric, {})[name] = value
    return {metric: {"mean": float(np.mean(list(by.values()))), **by} for metric, by in found.items()}


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
