"""How a third-party ONNX file maps sizes: scale, margin and multiple, by its graph, or by runs on small pictures.

The output's height and width must be scale * side - 2 * margin for each side that is a multiple of some number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.engine import OutOfMemory, Session
from img2imgkit.errors import BundleError, ConfigError, TranslateError
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines import BUILT_IN, devices
from img2imgkit.inference.engines.interface import Interface, Size
from img2imgkit.inference.engines.selection import Wanted, facts_of, select
from img2imgkit.inference.exported.describe import LARGEST_SCALE, LARGEST_SIDE, Describe
from img2imgkit.inference.exported.onnx_file import FOREIGN
from img2imgkit.inference.exported.onnx_ports import length, output_axes, shown
from img2imgkit.inference.tiles.grid import round_up

MULTIPLES = (1, 2, 3, 4, 6, 7, 8, 12, 14, 16, 24, 28, 32, 48, 64, 128)
LEAST_SIDES = (48, 192)  # pixels, of the first tries and, where networks need more, the last ones
PLAUSIBLE = 64  # a picture of one size is not translated to one that is smaller by more than this factor
Shape = tuple[int, ...]
ShapeAt = Callable[[Size], "Shape | None"]


@dataclass(frozen=True)
class Sizes:
    """How sizes are mapped.

    Attributes:
        axes: the axes of the output, see ``onnx_ports.output_axes``
        written: channels of the output
        size: height and width of the output if pictures are resized to the one size of the input
        measured: whether the model was run to know it
    """

    scale: int
    margin: int
    multiple: int
    axes: str
    written: int
    size: Size | None = None
    measured: bool = False


class TrialRuns:
    """Runs a model on small pictures on the CPU.

    Attributes:
        failure: why the last run failed
    """

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._path = path
        self._session: Session | None = None
        self._refused = False
        self.failure = ""

    def shape(self, interface: Interface, size: Size) -> Shape | None:
        """The shape of the output for a picture of that size; None if the model fails."""
        made = self.output(interface, np.zeros((1, *size, interface.geometry.channels), np.float32))
        return None if made is None else made.shape

    def output(self, interface: Interface, source: np.ndarray) -> np.ndarray | None:
        """The model's own output for a picture, repeated for a fixed batch; None if the model fails.

        Shapes:
            source: (1, H, W, C), float32 in [-1, 1]
        """
        if self._refused:
            return None
        source = np.repeat(source, interface.batch or 1, axis=0)
        try:
            self._session = self._session or self._opened()
            return self._session(interface.feeds({"source": source}))[interface.output]
        except (BundleError, ConfigError, TranslateError, OutOfMemory, MemoryError) as error:
            self._refused = self._session is None
            self.failure = str(error) or type(error).__name__
            return None

    def close(self) -> None:
        """Release the model."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def _opened(self) -> Session:
        selected = select(Wanted(device="cpu"), FOREIGN, facts_of(BUILT_IN))
        engine = BUILT_IN[selected.name]()
        return engine.open(self._path, devices.chosen("cpu", "cpu", engine.devices())[0])


def sizes_of(path: Path, model: Any, start: Interface, stated: Describe) -> Sizes:
    """Find out how sizes are mapped; what is stated is checked.

    Args:
        start: the inputs and the output, without scale and margin

    Raises:
        ConfigError: the description contradicts the model, or its sizes are no multiples of anything.
    """
    runs = TrialRuns(path)
    try:
        return _Search(path, start, stated, _by_graph(path, model, start), runs).found()
    finally:
        runs.close()


@dataclass(frozen=True)
class _Search:
    path: Path
    start: Interface
    stated: Describe
    by_graph: ShapeAt
    runs: TrialRuns

    def by_run(self, size: Size) -> Shape | None:
        """The shape of the output by a run; None if the model fails."""
        return self.runs.shape(self.start, size)

    def found(self) -> Sizes:
        """The mapping that holds for the smallest multiple."""
        if self.start.size is not None:
            return self._fixed(self.start.size)
        own = (self.stated.multiple,) if self.stated.multiple else MULTIPLES[:1]
        sizes = self._by(self.by_graph, own, measured=False)
        if sizes is None:
            sizes = self._by(self.by_run, (self.stated.multiple,) if self.stated.multiple else MULTIPLES)
        return sizes or self._not_run()

    def _by(self, shape_at: ShapeAt, multiples: Sequence[int], measured: bool = True) -> Sizes | None:
        for least in LEAST_SIDES:
            for multiple in multiples:
                sizes = self._at(shape_at, multiple, max(least, self.stated.minimum), measured)
                if sizes is not None:
                    return sizes
        return None

    def _at(self, shape_at: ShapeAt, multiple: int, least: int, measured: bool) -> Sizes | None:
        """The mapping of four lengths that are multiples of no larger number; None if they are not mapped alike."""
        sides: dict[int, int] = {}
        axes = ""
        written: int | None = None
        for size in _trial_sizes(multiple, least):
            shape = shape_at(size)
            axes = output_axes(shape, self.start.batch or 1, self.start.layout) if shape else ""
            if shape is None or not axes:
                return None
            sides |= zip(size, self._sides(shape, axes), strict=True)
            written = length(shape, axes, "c")
        line = line_through(sides)
        if line is None or written is None:
            return None
        return Sizes(*line, multiple, axes, written, None, measured)

    def _fixed(self, size: Size) -> Sizes:
        """The mapping of the only size: the least scale that leaves a margin, or none."""
        shape = self.by_graph(size)
        measured = shape is None
        shape = shape or self.by_run(size)
        if shape is None:
            return self._not_run()
        axes = output_axes(shape, self.start.batch or 1, self.start.layout)
        if not axes or any(PLAUSIBLE * own < given for own, given in zip(self._sides(shape, axes), size, strict=True)):
            raise ConfigError(
                f"{self.path}: its output {self.start.output!r} is {shown(shape)}, which is no picture: state another "
                "one as 'output' under 'describe'"
            )
        made, written = self._sides(shape, axes), length(shape, axes, "c") or 1
        scale, missing = self._scale_and_missing(size, made)
        multiple = self.stated.multiple or 1
        if self._resizes(written):
            scale = self.stated.scale or (scale if missing == 0 else 1)
            return Sizes(scale, 0, multiple, axes, written, made, measured)
        if missing is None or missing < 0 or missing % 2 or scale > LARGEST_SCALE:
            maps = f"maps {size[0]}x{size[1]} to {made[0]}x{made[1]} pixels, which is not an integer scale"
            raise ConfigError(f"{self.path}: {maps}; 'fit: resize' under 'describe' allows it")
        return Sizes(scale, missing // 2, multiple, axes, written, None, measured)

    def _scale_and_missing(self, size: Size, made: Size) -> tuple[int, int | None]:
        """The exact ratio if there is one, otherwise what is stated, or the least scale with pixels to spare.

        The second number is what both sides lack; None if they lack different numbers.
        """
        scale = max(1, -(-made[0] // size[0]))
        exact = all(scale * side == other for side, other in zip(size, made, strict=True))
        if self.stated.scale and (not exact or self.stated.margin):
            scale = self.stated.scale
        missing = {scale * side - other for side, other in zip(size, made, strict=True)}
        return scale, missing.pop() if len(missing) == 1 else None

    def _resizes(self, written: int) -> bool:
        """Whether pictures are resized: as stated, to a size that is stated, or to one channel out of colours."""
        if self.stated.fit is not None:
            return self.stated.fit == "resize"
        return self.stated.size is not None or (written == 1 and self.start.channels not in ("grey", "y"))

    def _sides(self, shape: Shape, axes: str) -> Size:
        height, width = (length(shape, axes, letter) or 0 for letter in "hw")
        return height, width

    def _not_run(self) -> Sizes:
        """What is stated has to do where the model does not run on small pictures. Raises ConfigError: it does not."""
        size = self.start.size or next(_trial_sizes(self.stated.multiple or 1, max(48, self.stated.minimum)))
        shape = self.by_graph(size) or self.by_run(size)
        maps = f"fails on {size[0]}x{size[1]} pixels: {' '.join(self.runs.failure.split())[:300]}"
        if shape is not None:
            axes = output_axes(shape, self.start.batch or 1, self.start.layout)
            if not axes:
                raise ConfigError(
                    f"{self.path}: its output {self.start.output!r} is {shown(shape)}, which is no picture"
                )
            high, wide = self._sides(shape, axes)
            maps = f"maps {size[0]}x{size[1]} to {high}x{wide} pixels, which is not an integer scale"
        if self.stated.scale is None or shape is not None:
            ways = "state the supported sizes with 'multiple' and 'minimum' under 'describe'"
            raise ConfigError(f"{self.path}: {maps}; {ways}, or 'size', to resize pictures to it")
        written = 1 if self.start.channels in ("grey", "y") else 4 if self.start.reads_alpha else 3
        scale, multiple = self.stated.scale, self.stated.multiple or 1
        return Sizes(scale, self.stated.margin or 0, multiple, self.start.layout, written)


def line_through(sides: Mapping[int, int]) -> tuple[int, int] | None:
    """Scale and margin of outputs by length of the input; None if there are none.

    >>> line_through({48: 84, 50: 88, 60: 108})
    (2, 6)
    """
    (first, made), (second, other) = sorted(sides.items())[:2]
    scale, left = divmod(other - made, second - first)
    missing = scale * first - made
    if left or not 1 <= scale <= LARGEST_SCALE or missing < 0 or missing % 2:
        return None
    alike = all(scale * side - each == missing for side, each in sides.items())
    return (scale, missing // 2) if alike else None


def _trial_sizes(multiple: int, least: int) -> Iterator[Size]:
    """Two sizes of four lengths, of which some are odd multiples."""
    first = round_up(least, multiple) // multiple
    first += 1 - first % 2
    yield first * multiple, (first + 1) * multiple
    yield (first + 3) * multiple, (first + 2) * multiple


def _by_graph(path: Path, model: Any, start: Interface) -> ShapeAt:
    """The shape of the output by the graph; None if the graph does not determine all of it."""

    def shape_at(size: Size) -> Shape | None:
        if max(size) > LARGEST_SIDE:
            return None
        given = start.feeds({"source": np.zeros((start.batch or 1, *size, start.geometry.channels), np.float32)})
        try:
            known = onnx_reader.inferred(path, model, {name: array.shape for name, array in given.items()})
        except BundleError:  # lengths that do not fit together
            return None
        value = known.get(start.output)
        shape = None if value is None else onnx_reader.shape_of(value)
        if shape is None or any(side is None for side in shape):
            return None
        return tuple(side or 0 for side in shape)

    return shape_at
