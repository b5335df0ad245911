"""Fixed pictures that show and measure how far a training has come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from img2imgkit.data import Arrays, Reader
from img2imgkit.images import to_levels
from img2imgkit.metrics import psnr
from img2imgkit.task import Networks, Task

SHEET_SIDE = 192  # of a cell, in pixels
MAX_ROWS = 8
GAP = 4
CEILING = 99.0  # decibels that stand for equal pictures, because JSON has no infinity


class Probe:
    """The pictures of the probe folder, translated again and again as training goes on."""

    def __init__(self, reader: Reader, folder: Path, task: Task, nets: Networks) -> None:
        self._batches = reader.probe(folder)
        self._translate = tf.function(
            lambda inputs: task.translate(nets, inputs), reduce_retracing=True, autograph=False
        )

    def look(self) -> tuple[dict[str, float], np.ndarray]:
        """PSNR over all channels of 8-bit pictures, mean and by name, and the sheet: source | output | target.

        Shapes:
            sheet: (H, W, 3) uint8
        """
        scores: dict[str, float] = {}
        rows: list[np.ndarray] = []
        for name, batch in self._batches:
            output = self._output(batch)
            target = to_levels(batch["target"][0], np.uint8)
            scores[name] = min(CEILING, psnr(target, output))
            if len(rows) < MAX_ROWS:
                rows.append(_row(to_levels(batch["source"][0], np.uint8), output, target))
        return {"mean": float(np.mean(list(scores.values()))), **scores}, _stacked(rows)

    def _output(self, batch: Arrays) -> np.ndarray:
        inputs: Mapping[str, Any] = {key: tf.constant(value) for key, value in batch.items() if key != "target"}
        return to_levels(self._translate(inputs).numpy()[0], np.uint8)


def _row(source: np.ndarray, output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The middle of the three pictures side by side; the source enlarged by repeating its pixels."""
    factor = max(1, output.shape[0] // source.shape[0])
    repeated = source.repeat(factor, axis=0).repeat(factor, axis=1)
    cells = [_middle(pixels) for pixels in (repeated, output, target)]
    return np.concatenate([cells[0], _white(GAP), cells[1], _white(GAP), cells[2]], axis=1)


def _middle(pixels: np.ndarray) -> np.ndarray:
    """A cell of the sheet with the middle of the picture in it; a small picture is set on white."""
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    top, left = (max(0, (size - SHEET_SIDE) // 2) for size in rgb.shape[:2])
    part = rgb[top : top + SHEET_SIDE, left : left + SHEET_SIDE]
    cell = np.full((SHEET_SIDE, SHEET_SIDE, 3), 255, np.uint8)
    cell[: part.shape[0], : part.shape[1]] = part
    return cell


def _white(width: int) -> np.ndarray:
    return np.full((SHEET_SIDE, width, 3), 255, np.uint8)


def _stacked(rows: list[np.ndarray]) -> np.ndarray:
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    spaced = [part for row in rows for part in (row, gap)]
    return np.concatenate(spaced[:-1])
