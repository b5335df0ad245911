"""Axes of length 1 that are put in, taken out and moved around the others, which changes no number.

The converter to ONNX turns transposes of tensors of one channel, or of one pixel, into these operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from img2imgkit_plugins.ncnn.drawing import Drawing, refused

How = Mapping[str, Any]
UNIT = "1"  # the letter of an axis of length 1 that is none of a picture's four


def transposed(drawing: Drawing, node: Any, how: How) -> None:
    """Only the order of axes changes, which blobs do not have."""
    order = drawing.tensor(node.input[0]).order
    _reordered(drawing, node, "".join(order[axis] for axis in how["perm"]))


def unsqueezed(drawing: Drawing, node: Any, how: How) -> None:
    order = [*drawing.tensor(node.input[0]).order]
    axes = drawing.constant(node, 1).tolist()
    for axis in sorted(axis % (len(order) + len(axes)) for axis in axes):
        order.insert(axis, UNIT)
    _reordered(drawing, node, "".join(order))


def squeezed(drawing: Drawing, node: Any, how: How) -> None:
    order = drawing.tensor(node.input[0]).order
    axes = {axis % len(order) for axis in drawing.constant(node, 1).tolist()}
    if {order[axis] for axis in axes} - _units(drawing, node):
        raise refused(node, f"of the axes {order}")
    _reordered(drawing, node, "".join(letter for axis, letter in enumerate(order) if axis not in axes))


def reshaped(drawing: Drawing, node: Any, how: How) -> None:
    """The axes that are longer than 1 must stay in their order, with their lengths."""
    order, units = drawing.tensor(node.input[0]).order, _units(drawing, node)
    sizes = [int(size) for size in drawing.constant(node, 1)]
    left = [letter for letter in order if letter not in units]
    long = [
        size not in (0, 1) or (size == 0 and order[axis : axis + 1] not in units) for axis, size in enumerate(sizes)
    ]
    if -1 in sizes and sum(long) == len(left) + 1:  # what is left has the length 1
        long[sizes.index(-1)] = False
    if sum(long) != len(left):
        raise refused(node, f"of the axes {order} to {sizes}")
    letters = [left.pop(0) if is_long else UNIT for is_long in long]
    for letter, size in zip(letters, sizes, strict=True):
        if size > 1 and drawing.length(node.input[0], letter) != size:
            raise refused(node, f"of the axes {order} to {sizes}")
    _reordered(drawing, node, "".join(letters))


def _units(drawing: Drawing, node: Any) -> set[str]:
    """The letters of a tensor's axes of length 1."""
    x = drawing.tensor(node.input[0])
    known = {UNIT: True, "N": drawing.alone, "C": x.channels == 1, "H": x.pooled, "W": x.pooled}
    return {letter for letter, is_unit in known.items() if is_unit}


def _reordered(drawing: Drawing, node: Any, order: str) -> None:
    """Tell what the output is: the same blob with its axes in another order.

    Raises:
        ExportError: the axes that are longer than 1 do not keep their places.
    """
    units = _units(drawing, node)
    if len(order) == 4:
        for letter in "NCHW":
            order = order.replace(UNIT, letter, 1) if letter in units and letter not in order else order
    long = "".join(letter for letter in order if letter not in units)
    if long.replace("C", "") != "".join(letter for letter in "NHW" if letter not in units):
        raise refused(node, f"to the axes {order}")
    drawing.set(node, replace(drawing.tensor(node.input[0]), order=order))


AXES: Mapping[str, Callable[[Drawing, Any, How], None]] = {
    "Reshape": reshaped,
    "Squeeze": squeezed,
    "Transpose": transposed,
    "Unsqueeze": unsqueezed,
}
