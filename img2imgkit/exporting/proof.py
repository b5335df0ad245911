"""Verify an export: run the written file and compare its outputs with those of the networks at several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Precision, Program
from img2imgkit.exporting.export_options import Size, legal_size
from img2imgkit.formats.converting import quietly
from img2imgkit.task import Geometry

BATCHES = (1, 3)
SIZES = 3
ALLOWED: Mapping[Precision, float] = {"float32": 1e-4, "float16": 2e-2, "int8": np.inf}
LEVELS: Mapping[Precision, int] = {"float32": 1, "float16": 3, "int8": 255}

Run = Callable[[str, Arrays], Arrays]


@dataclass(frozen=True)
class Case:
    """One test of a program: a batch of pictures of one size."""

    program: Program
    batch: int
    size: Size

    def __str__(self) -> str:
        height, width = self.size
        return f"{self.program.name} of {self.batch} x {height}x{width}"


def cases(program: Program) -> Iterator[Case]:
    """Batches of one and three pictures, in three sizes, unless the batch or the size is fixed."""
    geometry = Geometry(multiple=program.multiple, minimum=program.minimum)
    sizes = [program.size] if program.size else [legal_size(geometry, number) for number in range(SIZES)]
    fixed = program.inputs[0].shape[0]
    for size in sizes:
        for batch in (fixed,) if fixed else BATCHES:
            yield Case(program, batch, size)


def prove(original: Program, precision: Precision, *runs: Run) -> float:
    """The largest difference between the written program and the original, relative to the range of its output.

    Args:
        runs: the written program in each software that will run it

    8-bit levels may differ by one because of rounding; their difference is divided by 255.

    Raises:
        ExportError: the output differs by more than ``ALLOWED`` or ``LEVELS``, differs in shape, contains NaN or
            infinity, or the written program fails.
    """
    random = np.random.default_rng(0)
    return max(_difference(case, runs, precision, random) for case in cases(original))


def called(program: Program, arrays: Arrays) -> Arrays:
    """Run the original program."""
    import tensorflow as tf

    found = program.call({name: tf.constant(array) for name, array in arrays.items()})
    return {name: np.asarray(tensor) for name, tensor in found.items()}


def _difference(case: Case, runs: Sequence[Run], precision: Precision, random: np.random.Generator) -> float:
    arrays = case.program.sample(random, case.batch, *case.size)
    expected = called(case.program, arrays)
    found = [_found(case, run, arrays) for run in runs]
    return max(_compared(case, name, each.get(name), expected[name], precision) for each in found for name in expected)


def _found(case: Case, run: Run, arrays: Arrays) -> Arrays:
    with quietly():
        try:
            return run(case.program.name, arrays)
        except Exception as error:
            raise ExportError(f"{case}: the written model fails: {_short(error)}") from error


def _compared(case: Case, name: str, found: Any, expected: np.ndarray, precision: Precision) -> float:
    if found is None:
        raise ExportError(f"{case}: the written model has no output {name!r}")
    if found.shape != expected.shape or found.dtype != expected.dtype:
        written = f"{name!r} is {found.dtype} {found.shape}"
        raise ExportError(f"{case}: {written}, but the networks return {expected.dtype} {expected.shape}")
    if not np.isfinite(expected).all():
        raise ExportError(f"{case}: the networks themselves return NaN or infinity")
    if not np.isfinite(found).all():
        raise ExportError(f"{case}: {name!r} contains NaN or infinity, but the networks' output does not")
    difference = float(np.abs(found.astype(np.float64) - expected).max(initial=0))
    if expected.dtype == np.uint8:
        if difference > LEVELS[precision]:
            raise ExportError(f"{case}: {name!r} differs by {difference:.0f} levels from the networks' output")
        return difference / 255
    difference /= max(1.0, float(np.abs(expected).max(initial=0)))
    if difference > ALLOWED[precision]:
        allowed = f"{ALLOWED[precision]:g} is allowed"
        raise ExportError(f"{case}: {name!r} differs by {difference:.2g} from the networks' output; {allowed}")
    return difference


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
