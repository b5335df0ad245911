"""The networks that a graph may compute, each followed by its own function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from img2imgkit_plugins.ncnn.unets import follow_cunet
from img2imgkit_plugins.ncnn.values import Values, total
from img2imgkit_plugins.ncnn.walk import Differs, Recognised, Walk

import img2imgkit as kit

DENSE_LEAK, RESIDUAL = 0.2, 0.2  # of RRDBNet: slope of its activations, residual scaling
UNPADDED, UNPADDED_LEAK = 6, 0.1  # of UpConv7: convolutions before the last layer, slope of their activations
ACTIVATIONS = {0.1: "leaky_relu", 0.0: "relu"}  # of SRVGGNetCompact by slope, in addition to PReLU


def recognise(values: Values) -> Recognised:
    """Recognise the network that a graph computes.

    Raises:
        InteropError: the network is not supported.
    """
    differing = []
    for network, (official, follow) in NETWORKS.items():
        walk = Walk(values)
        try:
            end, options = follow(walk)
            return Recognised(network, options, walk.visited, walk.folded, walk.finish(end))
        except Differs as error:
            differing.append(f"not {official}: {error}")
    raise kit.InteropError("; ".join(differing))


def _follow_rrdb(walk: Walk) -> tuple[int, dict[str, Any]]:
    """RRDBNet of ESRGAN and Real-ESRGAN (https://arxiv.org/abs/1809.00219, https://arxiv.org/abs/2107.10833)."""
    factor = next((each for each in (2, 4) if walk.values.find("unshuffled", each, 0) is not None), 1)
    first = walk.layer("convolution", walk.value("unshuffled", factor, 0) if factor > 1 else 0, "conv_first")
    body, number = first, 0
    while _is_dense(walk.values, body):
        body = _block(walk, body, f"body.{number}")
        number += 1
    if not number:
        raise Differs("no dense block follows the first convolution")
    x = walk.value("sum", *total({first: 1.0, walk.layer("convolution", body, "conv_body"): 1.0}))
    for name in ("conv_up1", "conv_up2"):
        x = _leaky(walk, walk.value("resized", "nearest", 2.0, x), name)
    return walk.layer("convolution", _leaky(walk, x, "conv_hr"), "conv_last"), {
        "scale": 4 // factor,
        "unshuffle": factor,
    }


def _is_dense(values: Values, x: int) -> bool:
    """Whether a dense block starts here: a convolution's output is concatenated with its input."""
    grown = [values.find("leaky", DENSE_LEAK, value) for value in values.readers("convolution", x)]
    return any(value is not None and values.find("concat", x, value) is not None for value in grown)


def _leaky(walk: Walk, source: int, name: str) -> int:
    return walk.value("leaky", DENSE_LEAK, walk.layer("convolution", source, name))


def _block(walk: Walk, x: int, name: str) -> int:
    """A residual block of three dense blocks."""
    inner = x
    for number in (1, 2, 3):
        inner = _dense(walk, inner, f"{name}.rdb{number}")
    return walk.value("sum", *total({inner: RESIDUAL, x: 1.0}))


def _dense(walk: Walk, x: int, name: str) -> int:
    """A dense block: five convolutions, each of which reads the outputs of all before it."""
    known, joined = [x], x
    for number in (1, 2, 3, 4):
        known.append(_leaky(walk, joined, f"{name}.conv{number}"))
        joined = walk.value("concat", *known)
    last = walk.layer("convolution", joined, f"{name}.conv5")
    scaled = walk.values.find("sum", *total({last: RESIDUAL, x: 1.0}))
    if scaled is not None:
        return scaled
    walk.folded[f"{name}.conv5"] = RESIDUAL
    return walk.value("sum", *total({last: 1.0, x: 1.0}))


def _follow_srvgg(walk: Walk) -> tuple[int, dict[str, Any]]:
    """SRVGGNetCompact of Real-ESRGAN: convolutions, a pixel shuffle, plus nearest-neighbour upsampling of the input."""
    x, number, kinds = 0, 0, set()
    while True:
        last = walk.layer("convolution", x, f"body.{number}")
        active = _activated(walk, last, f"body.{number + 1}")
        if active is None:
            break
        kind, x = active
        kinds.add(kind)
        number += 2
    if len(kinds) != 1:
        raise Differs(f"there are {len(kinds)} kinds of activations between its convolutions, expected one")
    [shuffled] = walk.values.readers("shuffled", last) or [last]
    scale = walk.values.keys[shuffled][1] if shuffled != last else 1
    nearest = walk.value("resized", "nearest", float(scale), 0) if scale > 1 else 0
    return walk.value("sum", *total({shuffled: 1.0, nearest: 1.0})), {"scale": scale, "activation": kinds.pop()}


def _follow_upconv7(walk: Walk) -> tuple[int, dict[str, Any]]:
    """UpConv7 and VGG7 of waifu2x (https://github.com/nagadomi/nunif): convolutions without padding."""
    padded = walk.values.find("replicated", UNPADDED + 1, 0)  # as the architecture pads; official files leave it out
    x = 0 if padded is None else padded
    for number in range(UNPADDED):
        convolved = walk.layer("valid", x, f"net.{2 * number}")
        x = walk.value("leaky", UNPADDED_LEAK, convolved)
    scale = 2 if walk.values.readers("doubled less", x) else 1
    return walk.layer("doubled less" if scale == 2 else "valid", x, f"net.{2 * UNPADDED}"), {"scale": scale}


def _follow_srmd(walk: Walk) -> tuple[int, dict[str, Any]]:
    """SRMD of KAIR (https://arxiv.org/abs/1712.06116): convolutions and a pixel shuffle."""
    x, number = 0, 0
    while True:
        last = walk.layer("convolution", x, f"model.{number}")
        active = walk.values.find("leaky", 0.0, last)
        if active is None:
            break
        x, number = active, number + 2
    [end] = walk.values.readers("shuffled", last) or [last]
    if end == last or not number:
        raise Differs("no pixel shuffle follows a row of convolutions")
    return end, {"scale": walk.values.keys[end][1]}


def _activated(walk: Walk, value: int, name: str) -> tuple[str, int] | None:
    """The kind and the output of the activation; None if there is none."""
    if walk.values.readers("prelu", value):
        return "prelu", walk.layer("prelu", value, name)
    for slope, kind in ACTIVATIONS.items():
        if (found := walk.values.find("leaky", slope, value)) is not None:
            return kind, found
    return None


_Follow = Callable[[Walk], tuple[int, dict[str, Any]]]
NETWORKS: Mapping[str, tuple[str, _Follow]] = {
    "cunet": ("UpCUNet", follow_cunet),
    "rrdb": ("RRDBNet", _follow_rrdb),
    "srmd": ("SRMD", _follow_srmd),
    "srvgg": ("SRVGGNetCompact", _follow_srvgg),
    "upconv7": ("UpConv7", _follow_upconv7),
}
