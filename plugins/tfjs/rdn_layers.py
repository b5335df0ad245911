"""Recognising RDN among the layers of a model: every layer, its settings and what it reads must be as in ISR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from img2imgkit_plugins.tfjs.layers_model import LayerRecord, LayersModel
from img2imgkit_plugins.tfjs.rdn import HEAD_KERNEL, recognise

import img2imgkit as kit

PLAIN: Mapping[str, Any] = {
    **{"strides": [1, 1], "dilation_rate": [1, 1], "groups": 1, "use_bias": True, "activation": "linear"},
    "data_format": "channels_last",
}
DEFAULTS: Mapping[str, Any] = {**PLAIN, "interpolation": "nearest", "axis": -1, "padding": "valid"}
LAST_AXIS = (-1, 3)


@dataclass(frozen=True)
class Expected:
    """A layer as ISR builds it."""

    kind: str
    reads: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)


def recognise_rdn(model: LayersModel, source: str) -> kit.StateDict:
    """The state dict of an RDN.

    Raises:
        InteropError: it is another network.
    """
    layers, outputs = model.layers()
    state = dict(_renamed(model))
    arguments = recognise(state)
    if arguments is None:
        raise kit.InteropError(f"not an RDN as ISR builds it; its layers are {', '.join(list(layers)[:8])}, ...")
    expected = dict(_layers(arguments))
    if differing := sorted(expected.keys() ^ layers.keys()):
        raise kit.InteropError(f"not an RDN as ISR builds it: the layer {differing[0]!s:.60} is missing or too many")
    for name, wanted in expected.items():
        if problem := _difference(layers[name], wanted):
            raise kit.InteropError(f"not an RDN as ISR builds it: layer {name!r}: {problem}")
    if outputs != ("SR",):
        raise kit.InteropError(f"not an RDN as ISR builds it: its outputs are {', '.join(outputs)!s:.60}")
    return kit.StateDict(state, "rdn", arguments, source=source)


def _renamed(model: LayersModel) -> Iterator[tuple[str, Any]]:
    """The arrays by the names and in the layout of PyTorch, as state dicts have them."""
    for name, array in model.arrays.items():
        module, _, leaf = name.rpartition("/")
        if leaf == "kernel" and array.ndim == 4:
            yield f"{module}.weight", array.transpose(3, 2, 0, 1)
        else:
            yield f"{module}.{leaf}", array


def _layers(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Expected]]:
    """Every layer of the network by its name."""
    yield "LR", Expected("InputLayer", ())
    yield "F_m1", _convolution("LR", arguments["width"])
    yield "F_0", _convolution("F_m1", arguments["width"])
    x, made = "F_0", []
    for block in range(1, arguments["blocks"] + 1):
        dense = x
        for number in range(1, arguments["convolutions"] + 1):
            grown, joined = f"F_{block}_{number}", f"RDB_Concat_{block}_{number}"
            yield grown, _convolution(dense, arguments["growth"])
            yield f"{grown}_Relu", Expected("Activation", (grown,), {"activation": "relu"})
            yield joined, Expected("Concatenate", (dense, f"{grown}_Relu"))
            dense = joined
        yield f"LFF_{block}", _convolution(dense, arguments["width"], 1)
        yield f"LRL_{block}", Expected("Add", (f"LFF_{block}", x))
        x = f"LRL_{block}"
        made.append(x)
    yield "LRLs_Concat", Expected("Concatenate", tuple(made))
    yield from _after_blocks(arguments)


def _after_blocks(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Expected]]:
    channels, scale = arguments["channels"], arguments["scale"]
    yield "GFF_1", _convolution("LRLs_Concat", arguments["width"], 1)
    yield "GFF_2", _convolution("GFF_1", arguments["width"])
    yield "FDF", Expected("Add", ("GFF_2", "F_m1"))
    yield "UPN1", _convolution("FDF", arguments["head"][0], HEAD_KERNEL)
    yield "UPN1_Relu", Expected("Activation", ("UPN1",), {"activation": "relu"})
    yield "UPN2", _convolution("UPN1_Relu", arguments["head"][1])
    yield "UPN2_Relu", Expected("Activation", ("UPN2",), {"activation": "relu"})
    yield "UPN3", _convolution("UPN2_Relu", channels * scale**2)
    yield "UPsample", Expected("UpSampling2D", ("UPN3",), {"size": [scale, scale], "interpolation": "nearest"})
    yield "SR", _convolution("UPsample", channels)


def _convolution(reads: str, filters: int, kernel: int = 3) -> Expected:
    """A convolution that keeps the size; one of 1 x 1 does without padding, too."""
    padding = {} if kernel == 1 else {"padding": "same"}
    return Expected("Conv2D", (reads,), {**PLAIN, "filters": filters, "kernel_size": [kernel] * 2, **padding})


def _difference(found: LayerRecord, wanted: Expected) -> str:
    """What differs in a layer; "" if nothing does."""
    same = set(found.reads) == set(wanted.reads) if wanted.kind == "Add" else found.reads == wanted.reads
    if found.kind != wanted.kind or not same:
        read, expected = (", ".join(each.reads) or "nothing" for each in (found, wanted))
        return f"{found.kind} of {read}, expected {wanted.kind} of {expected}"
    if found.kind == "Concatenate" and found.config.get("axis", -1) not in LAST_AXIS:
        return f"axis is {found.config['axis']}, expected the last"
    for key, value in wanted.config.items():
        stated = found.config.get(key, DEFAULTS.get(key))
        if stated != value:
            return f"{key} is {stated!s:.40}, expected {value}"
    return ""
