"""What runs of a third-party ONNX file on small pictures show besides sizes: receptive radius, minimum, range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from img2imgkit.inference.engines.image_arrays import as_nhwc, enlarged
from img2imgkit.inference.engines.interface import Interface, Values
from img2imgkit.inference.exported.onnx_sizes import TrialRuns
from img2imgkit.inference.tiles.grid import padded, round_up

SIDES = (96, 192, 384)  # pixels, of the pictures on which the radius is measured, until one is large enough
LARGE = 8.0  # in place of values in [-1, 1], so that small weights show as well
PHASES = 8  # positions within a multiple, at most
SMALLEST = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48)  # in multiples
RANGES: tuple[Values, ...] = ("unit", "signed", "levels")


@dataclass(frozen=True)
class Bare:
    """A model without what the Translator adds: no margin made up for.

    Attributes:
        whole: its interface as described
    """

    runs: TrialRuns
    whole: Interface

    @property
    def interface(self) -> Interface:
        """The interface that gives pictures as they are."""
        return replace(self.whole, margin=0)

    def failure(self) -> str:
        """Why the model does not run as described; "" if it does."""
        side = padded(SIDES[0], self.whole.geometry)
        height, width = self.whole.size or (side, side)
        made = self.runs.output(self.whole, np.zeros((1, height, width, self.whole.geometry.channels), np.float32))
        return self.runs.failure if made is None else ""

    def image(self, source: np.ndarray, values: Values | None = None) -> np.ndarray | None:
        """The output as (H, W, C) in the model's own range; None if it fails. Shapes: source: (1, H, W, C)."""
        interface = replace(self.interface, values=values) if values else self.interface
        made = self.runs.output(interface, source)
        return None if made is None else as_nhwc(made, interface.output_axes)[0].astype(np.float32)


def minimum_of(model: Bare) -> int | None:
    """The smallest height and width that runs, a multiple; None if none of the tried ones does."""
    interface = model.whole
    scale, margin = interface.geometry.scale, interface.margin
    for side in (interface.multiple * times for times in SMALLEST):
        made = model.image(np.zeros((1, side, side, interface.geometry.channels), np.float32))
        expected = scale * side - 2 * margin
        if made is not None and expected > 0 and made.shape[:2] == (expected, expected):
            return side
    return None


def radius_of(model: Bare) -> int | None:
    """How far a changed pixel was seen to reach, in input pixels; None if it reaches the border of the largest picture.

    Influences that rounding hides are not seen, and do not matter to tiles either.
    """
    multiple = model.whole.multiple
    if model.whole.size is not None:
        return _reach(model, _canvas(model))
    for side in SIDES:
        length = round_up(side, multiple)
        reach = _reach(model, (length, length))
        if reach is not None:
            return reach
    return None


def range_of(model: Bare) -> tuple[float, float]:
    """The least and largest value of the output for a fixed picture with all levels."""
    made = model.image(_smooth(*_canvas(model), model.whole.geometry.channels))
    return (0.0, 0.0) if made is None else (float(made.min()), float(made.max()))


def likeness(model: Bare) -> dict[Values, float]:
    """By range, the mean difference of output and enlarged input, in units of [0, 1]; empty if they do not compare."""
    interface = model.whole
    channels, scale = interface.geometry.channels, interface.geometry.scale
    if interface.channels == "y" or interface.geometry.written != channels or interface.dtype == "uint8":
        return {}
    source = _smooth(*_canvas(model), channels)
    wanted = enlarged(source, scale)[0]
    cut = interface.margin
    wanted = wanted[cut : len(wanted) - cut, cut : wanted.shape[1] - cut]
    found: dict[Values, float] = {}
    for values in RANGES:
        made = model.image(source, values)
        if made is None or made.shape != wanted.shape or not np.isfinite(made).all():
            continue
        made = {"unit": 2 * made - 1, "signed": made, "levels": made / np.float32(127.5) - 1}[values]
        found[values] = float(np.abs(made.clip(-4, 4) - wanted).mean() / 2)
    return found


def _reach(model: Bare, size: tuple[int, int]) -> int | None:
    scale, margin, channels = model.whole.geometry.scale, model.whole.margin, model.whole.geometry.channels
    base = np.random.default_rng(0).uniform(-1, 1, (1, *size, channels)).astype(np.float32)
    before = model.image(base)
    if before is None:
        return None
    reach = 0
    for row, column, value in _changes(size, model.whole.multiple):
        other = base.copy()
        other[0, row, column] = value
        after = model.image(other)
        if after is None:
            return None
        changed = (after != before).any(axis=2)
        for place, axis in ((row, 1), (column, 0)):
            touched = np.flatnonzero(changed.any(axis=axis))
            if not len(touched):
                continue
            if touched[0] == 0 or touched[-1] == changed.shape[1 - axis] - 1:
                return None
            reach = max(reach, *(abs((int(each) + margin) // scale - place) for each in touched[[0, -1]]))
    return reach


def _changes(size: tuple[int, int], multiple: int) -> Iterator[tuple[int, int, float]]:
    """Places of pixels near the middle, at different phases of a multiple, and their new values."""
    middle = [side // 2 // multiple * multiple for side in size]
    phases = sorted({round(each) for each in np.linspace(0, multiple - 1, min(multiple, PHASES))})
    for phase in phases:
        for value in (LARGE, -LARGE):
            yield middle[0] + phase, middle[1] + phase, value


def _canvas(model: Bare) -> tuple[int, int]:
    """The size of a picture that the model reads."""
    if model.whole.fit is not None:
        return model.whole.fit.reads
    if model.whole.size is not None:
        return model.whole.read_size(*model.whole.size)
    side = round_up(SIDES[0], model.whole.multiple)
    return side, side


def _smooth(height: int, width: int, channels: int) -> np.ndarray:
    """A picture of slow waves over all levels. Shapes: -> (1, height, width, channels), float32 in [-1, 1]."""
    y, x = np.mgrid[:height, :width] / 17
    return np.stack([np.sin(x * (1 + k / 4) + y / (1 + k) + k) for k in range(channels)], -1)[None].astype(np.float32)
