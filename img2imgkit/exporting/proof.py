"""The proof that what was written does what the networks do: opened again, and compared at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Precision, Program
from img2imgkit.exporting.image_io import Size, legal_size
from img2imgkit.formats.converter_output import quietly
from img2imgkit.task import Geometry

BATCHES = (1, 3)
SIZES = 3
ALLOWED: Mapping[Precision, float] = {"float32": 1e-4, "float16": 2e-2, "int8": np.inf}
LEVELS: Mapping[Precision, int] = {"float32": 1, "float16": 3, "int8": 255}

Run = Callable[[str, Arrays], Arrays]


@dataclass(frozen=True)
class Case:
    """What a program is tried with."""

    program: Program
    batch: int
    size: Size

    def __str__(self) -> str:
        height, width = self.size
        return f"{self.program.name} of {self.batch} x {height}x{width}"


def cases(program: Program) -> Iterator[Case]:
    """One and three pictures, of three sizes if sizes may vary."""
    geometry = Geometry(multiple=program.multiple, minimum=program.minimum)
    sizes = [program.size] if program.size else [legal_size(geometry, number) for number in range(SIZES)]
    for size in sizes:
        for batch in BATCHES:
            yield Case(program, batch, size)


def prove(original: Program, run: Run, precision: Precision) -> float:
    """The largest difference of what was written from the original, over the range of its output; 0.0 if there is none.

    Levels differ by whole ones, which rounding explains; of these the difference is told over 255.

    Raises:
        ExportError: it differs by more than ``ALLOWED``, or in shape, or holds NaN or infinity, or cannot be run.
    """
    random = np.random.default_rng(0)
    return max(_difference(case, run, precision, random) for case in cases(original))


def called(program: Program, arrays: Arrays) -> Arrays:
    """What the original makes of arrays."""
    import tensorflow as tf

    found = program.call({name: tf.constant(array) for name, array in arrays.items()})
    return {name: np.asarray(tensor) for name, tensor in found.items()}


def _difference(case: Case, run: Run, precision: Precision, random: np.random.Generator) -> float:
    arrays = case.program.sample(random, case.batch, *case.size)
    expected = called(case.program, arrays)
    with quietly():
        try:
            found = run(case.program.name, arrays)
        except Exception as error:
            raise ExportError(f"{case}: what was written fails: {_short(error)}") from error
    return max(_compared(case, name, found.get(name), expected[name], precision) for name in expected)


def _compared(case: Case, name: str, found: Any, expected: np.ndarray, precision: Precision) -> float:
    if found is None:
        raise ExportError(f"{case}: what was written gives no {name!r}")
    if found.shape != expected.shape or found.dtype != expected.dtype:
        made = f"{name!r} is {found.dtype} {found.shape}"
        raise ExportError(f"{case}: {made}, the networks make {expected.dtype} {expected.shape}")
    if not np.isfinite(expected).all():
        raise ExportError(f"{case}: the networks themselves make NaN or infinity")
    if not np.isfinite(found).all():
        raise ExportError(f"{case}: {name!r} holds NaN or infinity, what the networks make does not")
    difference = float(np.abs(found.astype(np.float64) - expected).max(initial=0))
    if expected.dtype == np.uint8:
        if difference > LEVELS[precision]:
            raise ExportError(f"{case}: {name!r} differs by {difference:.0f} levels from what the networks make")
        return difference / 255
    difference /= max(1.0, float(np.abs(expected).max(initial=0)))
    if difference > ALLOWED[precision]:
        allowed = f"{ALLOWED[precision]:g} is allowed"
        raise ExportError(f"{case}: {name!r} differs by {difference:.2g} from what the networks make; {allowed}")
    return difference


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
