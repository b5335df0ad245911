"""Scale and margin from the sizes of inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from img2imgkit.inference.exported.onnx_ports import layout_of, output_axes
from img2imgkit.inference.exported.onnx_sizes import line_through

SIDES = (48, 50, 54, 60)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda side: side, (1, 0)),
        (lambda side: 2 * side - 12, (2, 6)),
        (lambda side: 4 * side, (4, 0)),
        (lambda side: side - 28, (1, 14)),
        (lambda side: 2 * side - 1, None),  # no side knows which pixel is missing
        (lambda side: side + 2, None),
        (lambda side: side // 2, None),
        (lambda side: side // 4 * 4, None),
        (lambda side: 48, None),
        (lambda side: 32 * side, None),
    ],
)
def test_outputs_lie_on_a_line(made: Callable[[int], int], expected: tuple[int, int] | None) -> None:
    assert line_through({side: made(side) for side in SIDES}) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 3, 48, 50), "nchw"),
        ((1, 48, 50, 3), "nhwc"),
        ((1, 48, 50), "nhw"),
        ((3, 48, 50), "chw"),
        ((48, 50, 1), "hwc"),
        ((48, 50), "hw"),
        ((1, 1, 1, 48, 50), "n1chw"),
        ((1, 3, 1, 48, 50), "nc1hw"),
        ((1, 7, 48, 50), "nchw"),
        ((7,), ""),
        ((1, 7, 5, 48, 50), ""),
    ],
)
def test_axes_of_outputs_are_found_by_their_lengths(shape: tuple[int, ...], expected: str) -> None:
    assert output_axes(shape, 1, "nchw") == expected


def test_axes_of_inputs_that_do_not_tell_are_unknown() -> None:
    assert layout_of((None, None, None, None)) is None
    assert layout_of((1, 3, 8, 3)) is None
    assert layout_of((3, 8, 3)) is None
