"""Recognising ISR's networks among the layers of a model: every layer, its settings and what it reads must be as there.

ISR: https://github.com/idealo/image-super-resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from img2imgkit_plugins.tfjs.layers_model import LayerRecord, LayersModel
from img2imgkit_plugins.tfjs.rdn import HEAD_KERNEL
from img2imgkit_plugins.tfjs.rdn import recognise as as_rdn
from img2imgkit_plugins.tfjs.rrdn import recognise as as_rrdn

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


def recognise_network(model: LayersModel, source: str) -> kit.StateDict:
    """The state dict of an RDN or RRDN.

    Raises:
        InteropError: it is another network.
    """
    found, outputs = model.layers()
    layers = _with_own_names(found)
    state = dict(_renamed(model))
    for kind, recognise, expected in NETWORKS:
        arguments = recognise(state)
        if arguments is None:
            continue
        if problem := _problem(layers, outputs, dict(expected(arguments))):
            raise kit.InteropError(f"not an {kind.upper()} as ISR builds it: {problem}")
        return kit.StateDict(state, kind, arguments, source=source)
    listed = ", ".join(list(found)[:8])
    raise kit.InteropError(f"neither an RDN nor an RRDN as ISR builds them; its layers are {listed}, ...")


def _problem(layers: Mapping[str, LayerRecord], outputs: tuple[str, ...], expected: Mapping[str, Expected]) -> str:
    """What differs from the expected layers; "" if nothing does."""
    if differing := sorted(expected.keys() ^ layers.keys()):
        return f"the layer {differing[0]!s:.60} is missing or too many"
    for name, wanted in expected.items():
        if problem := _difference(layers[name], wanted):
            return f"layer {name!r}: {problem}"
    return "" if outputs == ("SR",) else f"its outputs are {', '.join(outputs)!s:.60}"


def _with_own_names(layers: Mapping[str, LayerRecord]) -> dict[str, LayerRecord]:
    """The layers, of which those that Keras numbered are named by what they do: ``Beta_LFF_1_1``, ``Shuffle``."""
    names = {name: name for name in layers}
    for name, layer in layers.items():
        if layer.kind == "MultiplyBeta" and len(layer.reads) == 1:
            names[name] = f"Beta_{layer.reads[0]}"
        elif layer.kind.startswith("PixelShuffle"):
            names[name] = "Shuffle"
    if len(set(names.values())) < len(names):
        raise kit.InteropError("two layers do the same")
    return {
        names[name]: replace(
            layer,
            kind="PixelShuffle" if names[name] == "Shuffle" else layer.kind,
            reads=tuple(names.get(each, each) for each in layer.reads),
        )
        for name, layer in layers.items()
    }


def _renamed(model: LayersModel) -> Iterator[tuple[str, Any]]:
    """The arrays by the names and in the layout of PyTorch, as state dicts have them."""
    for name, array in model.arrays.items():
        module, _, leaf = name.rpartition("/")
        if leaf == "kernel" and array.ndim == 4:
            yield f"{module}.weight", array.transpose(3, 2, 0, 1)
        else:
            yield f"{module}.{leaf}", array


def _rdn(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Expected]]:
    """Every layer of an RDN by its name."""
    yield "LR", Expected("InputLayer", ())
    yield "F_m1", _convolution("LR", arguments["width"])
    yield "F_0", _convolution("F_m1", arguments["width"])
    x, made = "F_0", []
    for block in range(1, arguments["blocks"] + 1):
        dense, layers = _dense(f"{block}", x, arguments)
        yield from layers
        yield f"LFF_{block}", _convolution(dense, arguments["width"], 1)
        yield f"LRL_{block}", Expected("Add", (f"LFF_{block}", x))
        x = f"LRL_{block}"
        made.append(x)
    yield "LRLs_Concat", Expected("Concatenate", tuple(made))
    yield from _after_blocks(arguments)


def _dense(place: str, x: str, arguments: Mapping[str, Any]) -> tuple[str, list[tuple[str, Expected]]]:
    """The layers of a dense block that reads ``x``, and the last of them."""
    made: list[tuple[str, Expected]] = []
    for number in range(1, arguments["convolutions"] + 1):
        grown, joined = f"F_{place}_{number}", f"RDB_Concat_{place}_{number}"
        made += [
            (grown, _convolution(x, arguments["growth"])),
            (f"{grown}_Relu", Expected("Activation", (grown,), {"activation": "relu"})),
            (joined, Expected("Concatenate", (x, f"{grown}_Relu"))),
        ]
        x = joined
    return x, made


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


def _rrdn(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Expected]]:
    """Every layer of an RRDN by its name."""
    width, scale = arguments["width"], arguments["scale"]
    yield "LR_input", Expected("InputLayer", ())
    yield "Pre_blocks_conv", _convolution("LR_input", width)
    x = "Pre_blocks_conv"
    for block in range(1, arguments["blocks"] + 1):
        before = x
        for number in range(1, arguments["dense_blocks"] + 1):
            fused, residual = f"LFF_{block}_{number}", f"LRL_{block}_{number}"
            dense, layers = _dense(f"{block}_{number}", x, arguments)
            yield from layers
            yield fused, _convolution(dense, width)
            yield f"Beta_{fused}", Expected("MultiplyBeta", (fused,))
            yield residual, Expected("Add", (x, f"Beta_{fused}"))
            x = residual
        yield f"Beta_{x}", Expected("MultiplyBeta", (x,))
        yield f"RRDB_{block}_out", Expected("Add", (before, f"Beta_{x}"))
        x = f"RRDB_{block}_out"
    yield "post_blocks_conv", _convolution(x, width)
    yield "GRL", Expected("Add", ("post_blocks_conv", "Pre_blocks_conv"))
    yield "PreShuffle", _convolution("GRL", arguments["channels"] * scale**2)
    yield "Shuffle", Expected("PixelShuffle", ("PreShuffle",), {"scale": scale})
    yield "SR", _convolution("Shuffle", arguments["channels"])


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


Layers = Callable[[Mapping[str, Any]], Iterator[tuple[str, Expected]]]
NETWORKS: tuple[tuple[str, Callable[[Any], dict[str, Any] | None], Layers], ...] = (
    ("rdn", as_rdn, _rdn),
    ("rrdn", as_rrdn, _rrdn),
)
