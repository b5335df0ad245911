"""The compact super-resolution network of Real-ESRGAN's official code: ``SRVGGNetCompact``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import (
    Architecture,
    Arguments,
    Assumption,
    Checkpoint,
    NetworkSpec,
    Places,
    State,
)
from img2imgkit.architectures.mixed_channels import enlarging_geometry, sum_problem, written_before_shuffle
from img2imgkit.architectures.state_dict import if_complete, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

    from img2imgkit.nn.enlarging import Activation

__all__ = ["Srvgg"]

BODY = re.compile(r"body\.(\d+)\.weight")


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Reorder the convolution before the pixel shuffle."""
    number = _last(state)
    first, last = state.get("body.0.weight"), state.get(f"body.{number}.weight")
    if first is None or last is None or first.ndim != 4:
        return dict(state)
    written = written_before_shuffle(len(last), first.shape[1])
    return shuffled(state, re.compile(re.escape(f"body.{number}")), written[0]) if written else dict(state)


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``srvgg``, see ``assumptions``."""
    first, last = (state.get(f"body.{number}.weight") for number in (0, _last(state)))
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    width, channels = first.shape[:2]
    written = written_before_shuffle(len(last), channels)
    if written is None:
        return None
    options = {
        "scale": written[1],
        "width": width,
        "depth": _last(state) // 2 - 1,
        "activation": "prelu" if "body.1.weight" in state else "leaky_relu",
        "channels": channels,
        "out_channels": written[0],
    }
    return if_complete(state, options, places) if options["depth"] in range(len(state)) else None


def places(options: Arguments) -> Places:
    """Yield each module and its layer; an activation follows each convolution but the last."""
    for number in range(options["depth"] + 1):
        yield f"body.{2 * number}", f"conv{number}"
        if options["activation"] == "prelu":
            yield f"body.{2 * number + 1}", f"act{number}"
    yield f"body.{2 * options['depth'] + 2}", f"conv{options['depth'] + 1}"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    if arguments["activation"] == "prelu":
        return ()
    text = "activations are leaky ReLUs of slope 0.1; a file with plain ReLUs looks the same"
    return (Assumption("activation", arguments["activation"], ("relu",), text),)


def _last(state: State) -> int:
    return max((int(match[1]) for name in state if (match := BODY.fullmatch(name))), default=0)


class Srvgg(Architecture):
    """SRVGGNetCompact of Real-ESRGAN (Wang et al. 2021, https://arxiv.org/abs/2107.10833)."""

    name = "srvgg"
    roles = ("enlarger",)
    uses = ("scale", "channels", "out_channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=64, ge=1, description="filters of each convolution")
    depth: int = Field(default=16, ge=0, description="convolutions between the first and the last")
    activation: Literal["prelu", "leaky_relu", "relu"] = Field(
        default="prelu", description="activation between convolutions"
    )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return enlarging_geometry(spec, self.depth + 2)

    def problem(self, spec: NetworkSpec) -> str:
        return sum_problem(spec)

    def build(self, spec: NetworkSpec) -> keras.Model:
        return srvgg(**self.arguments(spec))


def srvgg(
    scale: int = 4,
    width: int = 64,
    depth: int = 16,
    activation: Activation = "prelu",
    channels: int = 3,
    out_channels: int | None = None,
) -> keras.Model:
    """SRVGGNetCompact of Real-ESRGAN (Wang et al. 2021, https://arxiv.org/abs/2107.10833): a stack of convolutions.

    The output is the nearest-neighbour upsampled input plus a residual, almost 0 at initialization. The sum is float32
    under every precision policy.

    Shapes:
        (N, H, W, channels), any range -> (N, scale * H, scale * W, out_channels), the same range; ``channels`` is 1 or
            ``out_channels``
    Departs from the paper: the channels before the shuffle are in TensorFlow's order, see ``PixelShuffle``.

    >>> ops.shape(srvgg(scale=2, width=4, depth=1)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    import keras
    from keras import layers

    from img2imgkit.nn.enlarging import activated, added_to_nearest

    source = keras.Input((None, None, channels), name="source")
    x = source
    for number in range(depth + 1):
        body = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=f"conv{number}")
        x = activated(activation, f"act{number}")(body(x))  # (N, H, W, width)
    made = added_to_nearest(x, source, scale, f"conv{depth + 1}", out_channels)
    return keras.Model(source, made, name="srvgg")
