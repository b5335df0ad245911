"""Axes of length 1 that are put in, taken out and moved around a tensor of one channel, which changes no number.

The converter to ONNX turns transposes of such tensors into these operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from img2imgkit_plugins.ncnn.drawing import Drawing, Tensor, refused

How = Mapping[str, Any]
REST = "-"
UNIT = "1"  # the letter of an axis of length 1; so is the axis of channels if there is one


def transposed(drawing: Drawing, node: Any, how: How) -> None:
    """Only the order of axes changes, which blobs do not have."""
    order = drawing.tensor(node.input[0]).order
    _reordered(drawing, node, "".join(order[axis] for axis in how["perm"]))


def unsqueezed(drawing: Drawing, node: Any, how: How) -> None:
    order = [*_with_units(drawing, node)]
    axes = drawing.constant(node, 1).tolist()
    for axis in sorted(axis % (len(order) + len(axes)) for axis in axes):
        order.insert(axis, UNIT)
    _reordered(drawing, node, "".join(order))


def squeezed(drawing: Drawing, node: Any, how: How) -> None:
    order = _with_units(drawing, node)
    axes = {axis % len(order) for axis in drawing.constant(node, 1).tolist()}
    if any(order[axis] != UNIT for axis in axes):
        raise refused(node, f"of the axes {order}")
    _reordered(drawing, node, "".join(letter for axis, letter in enumerate(order) if axis not in axes))


def reshaped(drawing: Drawing, node: Any, how: How) -> None:
    """Each stated size is 1, that of the axis at its place (0), that of the channels, or the only one left (-1)."""
    order, sizes = _with_units(drawing, node), drawing.constant(node, 1).tolist()
    channels = drawing.tensor(node.input[0]).channels
    letters = [_letter(size, order[axis : axis + 1], channels) for axis, size in enumerate(sizes)]
    left = [letter for letter in order if letter != UNIT and letter not in letters]
    if letters.count(REST) == 1 and len(left) == 1:
        letters[letters.index(REST)] = left[0]
    _reordered(drawing, node, "".join(letters))


def _letter(size: int, here: str, channels: int) -> str:
    """The letter of an axis by its stated size."""
    return {channels: "C", 1: UNIT, 0: here, -1: REST}.get(size, "?")


def _with_units(drawing: Drawing, node: Any) -> str:
    x = drawing.tensor(node.input[0])
    order = x.order.replace("C", UNIT) if x.channels == 1 else x.order
    return order.replace("H", UNIT).replace("W", UNIT) if x.pooled else order


def _reordered(drawing: Drawing, node: Any, order: str) -> None:
    """Tell what the output is: the same blob with its axes in another order.

    Raises:
        ExportError: the axes that are longer than 1 do not keep their places.
    """
    x = drawing.tensor(node.input[0])
    if len(order) == 4:
        order = _named(order, x)
    kept = "NHW" if not x.pooled else "N"
    letters = "".join(letter for letter in order if letter in kept)
    if letters != kept or order.count("C") > 1 or ("C" not in order and x.channels > 1) or set(order) - {*"NCHW", UNIT}:
        raise refused(node, f"to the axes {order}")
    drawing.set(node, replace(x, order=order))


def _named(order: str, x: Tensor) -> str:
    """Four axes with the letters of those that have the length 1."""
    if x.channels == 1 and not x.pooled:
        return order.replace(UNIT, "C")
    for letter in "HW" if x.pooled else "":
        order = order.replace(UNIT, letter, 1)
    return order


AXES: Mapping[str, Callable[[Drawing, Any, How], None]] = {
    "Reshape": reshaped,
    "Squeeze": squeezed,
    "Transpose": transposed,
    "Unsqueeze": unsqueezed,
}
