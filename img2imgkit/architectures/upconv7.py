"""The networks of waifu2x without padding: ``UpConv7`` and ``VGG7`` of its official code, nunif."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Upconv7"]

CONVOLUTIONS = 6  # before the last layer
KERNEL, UP_KERNEL = 3, 4  # of all but the last layer, and of a last one that doubles the size
MARGIN = 7  # pixels that the layers take from each side


def places(options: Arguments) -> Places:
    """Yield each module and its layer; modules with odd numbers are activations."""
    for number in range(CONVOLUTIONS):
        yield f"net.{2 * number}", f"conv{number}"
    yield f"net.{2 * CONVOLUTIONS}", "last"


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``upconv7``. A last kernel of 4 x 4 is a transposed convolution that doubles the size."""
    kernels = [state.get(f"{module}.weight") for module, _ in places({})]
    *convolutions, last = kernels
    if any(kernel is None or kernel.ndim != 4 for kernel in kernels):
        return None
    if last is None or any(kernel is None or kernel.shape[2:] != (KERNEL, KERNEL) for kernel in convolutions):
        return None
    filters = tuple(len(kernel) for kernel in convolutions if kernel is not None)
    doubles = last.shape[2:] == (UP_KERNEL, UP_KERNEL)
    read, written = last.shape[:2] if doubles else last.shape[1::-1]
    channels = convolutions[0].shape[1] if convolutions[0] is not None else 0
    if (read, written) != (filters[-1], channels) or not (doubles or last.shape[2:] == (KERNEL, KERNEL)):
        return None
    return if_complete(state, {"scale": 2 if doubles else 1, "filters": filters, "channels": channels}, places)


class Upconv7(Architecture):
    """UpConv7 of waifu2x, which doubles the size, and its VGG7, which keeps it (https://github.com/nagadomi/nunif).

    The official networks have no padding, and their program replicates a picture's edge before it runs them. This one
    replicates the edge itself.
    """

    name = "upconv7"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places)

    filters: tuple[int, int, int, int, int, int] = Field(
        default=(16, 32, 64, 128, 128, 256), description="filters of each convolution before the last layer"
    )

    def problem(self, spec: NetworkSpec) -> str:
        return "" if spec.scale in (1, 2) else f"scale {spec.scale}: expected 1 or 2"

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, radius=MARGIN, channels=spec.channels)

    def build(self, spec: NetworkSpec) -> keras.Model:
        return upconv7(**self.arguments(spec))


def upconv7(scale: int = 2, filters: tuple[int, ...] = (16, 32, 64, 128, 128, 256), channels: int = 3) -> keras.Model:
    """UpConv7 (scale 2) or VGG7 (scale 1) of waifu2x: convolutions without padding on a picture with a repeated edge.

    The output is not clipped, as in training; the official code clips it to [0, 1] in evaluation.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, channels)

    >>> ops.shape(upconv7(filters=(4, 4, 4, 4, 4, 4))(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    import keras
    from keras import layers

    from img2imgkit.nn.enlarging import LEAK
    from img2imgkit.nn.layers.padding import EdgePad

    source = keras.Input((None, None, channels), name="source")
    x = EdgePad(MARGIN, name="edge")(source)  # (N, H + 14, W + 14, channels)
    for number, width in enumerate(filters):
        x = layers.Conv2D(width, KERNEL, kernel_initializer="he_normal", name=f"conv{number}")(x)
        x = layers.LeakyReLU(LEAK, name=f"act{number}")(x)  # (N, H + 12 - 2 * number, ..., width)
    if scale == 1:
        return keras.Model(source, layers.Conv2D(channels, KERNEL, dtype="float32", name="last")(x), name="upconv7")
    doubled = layers.Conv2DTranspose(channels, UP_KERNEL, strides=2, dtype="float32", name="last")(x)
    cut = layers.Cropping2D(3, dtype="float32", name="cut")(doubled)  # (N, 2 * H, 2 * W, channels)
    return keras.Model(source, cut, name="upconv7")
