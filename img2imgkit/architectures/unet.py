"""The U-Net of pix2pix's official code: ``UnetGenerator``, whose levels are nested modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from img2imgkit.architectures.state_dict import (
    has_batch_norm,
    if_complete,
    statistics_assumption,
    without_instance_statistics,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

    from img2imgkit.nn.layers.convolution import Init
    from img2imgkit.nn.layers.norm import Norm, Statistics

__all__ = ["Unet"]


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``unet``."""
    first, last = state.get("model.model.0.weight"), state.get("model.model.3.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    depth = 1
    while f"{_level(depth)}.model.1.weight" in state:
        depth += 1
    norm = "batch" if has_batch_norm(state) else "instance" if "model.model.0.bias" in state else "none"
    channels, out_channels = first.shape[1], last.shape[1]
    options = {
        "depth": depth,
        "width": first.shape[0],
        "norm": norm,
        "channels": channels,
        "out_channels": out_channels,
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    depth = options["depth"]
    yield "model.model.0", "down0_conv"
    yield "model.model.3", "up0_conv"
    for level in range(1, depth):
        inside = f"{_level(level)}.model"
        innermost = level == depth - 1
        up = 3 if innermost else 5  # after the activation and the inner level
        yield f"{inside}.1", f"down{level}_conv"
        yield f"{inside}.{up}", f"up{level}_conv"
        if options["norm"] == "batch":
            yield f"{inside}.{up + 1}", f"up{level}_norm"
            if not innermost:
                yield f"{inside}.2", f"down{level}_norm"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    text = (
        "dropout is active in training only, as in the evaluation mode of the official test.py; its default applies it"
    )
    return (*statistics_assumption(arguments), Assumption("dropout", 0.5, (0.0,), text))


def _level(level: int) -> str:
    return "model.model.1" + ".model.3" * (level - 1)


class Unet(Architecture):
    """The U-Net of pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004)."""

    name = "unet"
    roles = ("generator",)
    uses = ("channels", "out_channels", "norm", "statistics")
    checkpoint = Checkpoint(recognise, places, without_instance_statistics, assumptions)

    depth: int = Field(
        default=8, ge=2, description="downsampling steps, 2**depth pixels become one: 7 is unet_128, 8 unet_256"
    )
    width: int = Field(default=64, ge=1, description="filters of the outermost layer")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="dropout rate in the inner decoder steps")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        multiple = int(2**self.depth)
        radius = None if spec.uses_image_statistics else 4 * multiple
        return Geometry(1, multiple, radius, spec.channels, spec.out_channels, multiple)

    def build(self, spec: NetworkSpec) -> keras.Model:
        return unet(**self.arguments(spec))


def unet(
    depth: int = 8,
    width: int = 64,
    norm: Norm = "batch",
    dropout: float = 0.5,
    channels: int = 3,
    out_channels: int = 3,
    statistics: Statistics = "running",
    init: Init = "normal",
) -> keras.Model:
    """The U-Net of pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 6.1.1).

    ``depth`` is the number of downsampling steps: 7 is the official "unet_128", 8 "unet_256". Dropout follows the inner
    decoder steps with the maximum of 8 * width filters. The last layer is float32 under every precision policy.

    Shapes:
        (N, H, W, channels), H and W multiples of 2**depth -> (N, H, W, out_channels) in (-1, 1)

    Args:
        statistics: statistics of batch normalization at inference, see ``BatchNorm``
        init: kernel initializer, see ``initializer``

    >>> ops.shape(unet(depth=3, width=2)(ops.zeros((1, 8, 16, 3))))
    (1, 8, 16, 3)
    """
    import keras
    from keras import layers

    from img2imgkit.nn.layers import DoublingConv, HalvingConv, initializer, normalized

    widths = [width * min(2**level, 8) for level in range(depth)]
    options: dict[str, Any] = {"use_bias": norm == "instance"}
    source = keras.Input((None, None, channels), name="source")
    x = HalvingConv(width, kernel_initializer=initializer(init), name="down0_conv", **options)(source)
    skips = [x]  # of level i: (N, H / 2**(i + 1), W / 2**(i + 1), widths[i])
    for level in range(1, depth):
        x = layers.LeakyReLU(0.2, name=f"down{level}_act")(x)
        kernel = initializer(init)
        x = HalvingConv(widths[level], kernel_initializer=kernel, name=f"down{level}_conv", **options)(x)
        if level < depth - 1:  # none at the innermost level, which may be a single pixel
            x = normalized(x, norm, f"down{level}_norm", statistics)
        skips.append(x)
    for level in range(depth - 1, 0, -1):
        x = layers.ReLU(name=f"up{level}_act")(x)
        filters, kernel = widths[level - 1], initializer(init)
        x = DoublingConv(filters, kernel_initializer=kernel, name=f"up{level}_conv", **options)(x)
        x = normalized(x, norm, f"up{level}_norm", statistics)
        if dropout and 4 <= level < depth - 1:
            x = layers.Dropout(dropout, name=f"up{level}_dropout")(x)
        x = layers.Concatenate(name=f"up{level}_join")([skips[level - 1], x])
    x = layers.ReLU(name="up0_act")(x)
    last = layers.Conv2DTranspose(
        out_channels, 4, 2, "same", kernel_initializer=initializer(init), dtype="float32", name="up0_conv"
    )
    image = layers.Activation("tanh", dtype="float32", name="image")(last(x))
    return keras.Model(source, image, name="unet")
