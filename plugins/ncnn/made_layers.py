"""Layers that are made for a file: merged where ncnn's own tools merge them, then named and put in the file's terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from img2imgkit_plugins.ncnn.graph import Layer
from img2imgkit_plugins.ncnn.parameters import Numbers

CONVOLUTIONS = ("Convolution", "ConvolutionDepthWise", "Deconvolution")
INPUT, OUTPUT = "data", "output"  # the names of the blobs that the programs of Real-ESRGAN and upscayl look for
SIDES = {"left": 4, "right": 15, "top": 14, "bottom": 16}  # keys of a convolution's padding
MAXIMUM, MINIMUM = 4.0, 5.0  # operations of the layer BinaryOp
CROP_AXES = {1: ("top", "bottom"), 2: ("left", "right")}


@dataclass(eq=False)
class MadeLayer:
    """One layer while a graph is made.

    Attributes:
        kind: the type of layer, such as "Convolution"
        reads: input blobs
        gives: output blobs
        stated: parameters by key
        arrays: its weights as ``read_weights`` returns them
    """

    kind: str
    reads: list[str]
    gives: list[str]
    stated: dict[int, Numbers] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def finished(made: Sequence[MadeLayer], output: str) -> tuple[tuple[Layer, ...], dict[str, Mapping[str, np.ndarray]]]:
    """The layers of a file and their weights by name: nothing unread, and each blob read once, as ncnn requires.

    Args:
        output: the blob that becomes ``OUTPUT``
    """
    layers = _read_only(list(made), output)
    for merge in (_activation, _clip, _crop, _shuffle, _unshuffle):
        layers = _merged(layers, output, merge)
    layers = _with_output(layers, output)
    layers = _with_splits(layers)
    names = [f"{layer.kind.lower()}_{number}" for number, layer in enumerate(layers)]
    written = tuple(
        Layer(layer.kind, name, tuple(layer.reads), tuple(layer.gives), layer.stated)
        for name, layer in zip(names, layers, strict=True)
    )
    return written, {name: layer.arrays for name, layer in zip(names, layers, strict=True) if layer.arrays}


def _read_only(layers: Sequence[MadeLayer], output: str) -> list[MadeLayer]:
    """The layers on which the output depends, and the input."""
    wanted, kept = {output}, []
    for layer in reversed(layers):
        if wanted.intersection(layer.gives) or layer.kind == "Input":
            wanted.update(layer.reads)
            kept.append(layer)
    return kept[::-1]


Merge = Callable[[MadeLayer, MadeLayer], bool]


def _merged(layers: Sequence[MadeLayer], output: str, merge: Merge) -> list[MadeLayer]:
    """Merge pairs of layers of which the second alone reads what the first makes; ``merge`` tells whether it did."""
    makers = {blob: layer for layer in layers for blob in layer.gives}
    counts = Counter([output, *(blob for layer in layers for blob in layer.reads)])
    kept = []
    for layer in layers:
        before = makers[layer.reads[0]] if len(layer.reads) == 1 else None
        if before is not None and counts[layer.reads[0]] == 1 and merge(before, layer):
            before.gives = layer.gives
            makers |= dict.fromkeys(layer.gives, before)
        else:
            kept.append(layer)
    return kept


def _activation(before: MadeLayer, layer: MadeLayer) -> bool:
    """A convolution computes its ReLU, too."""
    if layer.kind != "ReLU" or before.kind not in CONVOLUTIONS or 9 in before.stated:
        return False
    (slope,) = layer.stated.get(0, (0.0,))
    before.stated |= {9: (1.0,)} if slope == 0 else {9: (2.0,), 10: (slope,)}
    return True


def _clip(before: MadeLayer, layer: MadeLayer) -> bool:
    """A minimum and a maximum are one layer."""
    operations = [each.kind == "BinaryOp" and (each.stated.get(0), each.stated.get(1)) for each in (before, layer)]
    if operations != [((MINIMUM,), (1.0,)), ((MAXIMUM,), (1.0,))] or layer.stated[2] > before.stated[2]:
        return False
    before.kind, before.stated = "Clip", {0: layer.stated[2], 1: before.stated[2]}
    return True


def _crop(before: MadeLayer, layer: MadeLayer) -> bool:
    """Rows and columns that are cut off behind a transposed convolution are not computed."""
    if layer.kind != "Crop" or before.kind != "Deconvolution":
        return False
    starts, ends, axes = (layer.stated[key] for key in (9, 10, 11))
    cut = dict.fromkeys(SIDES, 0.0)
    for start, end, axis in zip(starts, ends, axes, strict=True):
        if int(axis) not in CROP_AXES or start < 0 or end >= 0:
            return False
        first, last = CROP_AXES[int(axis)]
        cut[first] += start
        cut[last] -= end
    before.stated |= padding(*(before.stated.get(key, (0.0,))[0] + cut[side] for side, key in SIDES.items()))
    return True


def padding(left: float, right: float, top: float, bottom: float) -> dict[int, Numbers]:
    """A convolution's padding as parameters; equal ones are stated once."""
    if left == right == top == bottom:
        return {4: (left,)}
    return dict(zip(SIDES.values(), ((left,), (right,), (top,), (bottom,)), strict=True))


def _shuffle(before: MadeLayer, layer: MadeLayer) -> bool:
    """Put a convolution's filters in PyTorch's order, which all versions of ncnn shuffle. The layer stays."""
    if layer.kind == "PixelShuffle" and 1 in layer.stated and before.kind == "Convolution":
        del layer.stated[1]
        places = _pytorch_order(len(before.arrays["weight"]), int(layer.stated[0][0]))
        before.arrays = {name: array[places] for name, array in before.arrays.items()}
    return False


def _unshuffle(before: MadeLayer, layer: MadeLayer) -> bool:
    """Let a convolution read an unshuffled picture in PyTorch's order. Both layers stay."""
    if before.kind == "Reorg" and 1 in before.stated and layer.kind == "Convolution":
        del before.stated[1]
        places = _pytorch_order(layer.arrays["weight"].shape[1], int(before.stated[0][0]))
        layer.arrays = {**layer.arrays, "weight": layer.arrays["weight"][:, places]}
    return False


def _pytorch_order(count: int, factor: int) -> np.ndarray:
    """The places of channels (i * factor + j) * C + c in the order c * factor^2 + i * factor + j."""
    return np.arange(count).reshape(factor**2, -1).T.ravel()


def _with_output(layers: list[MadeLayer], output: str) -> list[MadeLayer]:
    """Name the output's blob; what other layers read, or is the input itself, gets a layer that copies it."""
    if output == INPUT or any(output in layer.reads for layer in layers):
        return [*layers, MadeLayer("BinaryOp", [output], [OUTPUT], {0: (0.0,), 1: (1.0,), 2: (0.0,)})]
    for layer in layers:
        layer.gives = [OUTPUT if blob == output else blob for blob in layer.gives]
    return layers


def _with_splits(layers: Sequence[MadeLayer]) -> list[MadeLayer]:
    """Give each reader of a blob a blob of its own."""
    readers: dict[str, list[tuple[MadeLayer, int]]] = {}
    for layer in layers:
        for place, blob in enumerate(layer.reads):
            readers.setdefault(blob, []).append((layer, place))
    found = []
    for layer in layers:
        found.append(layer)
        for blob in layer.gives:
            if len(readers.get(blob, ())) > 1:
                copies = [f"{blob}_split_{number}" for number in range(len(readers[blob]))]
                found.append(MadeLayer("Split", [blob], copies))
                for copy, (reader, place) in zip(copies, readers[blob], strict=True):
                    reader.reads[place] = copy
    return found
