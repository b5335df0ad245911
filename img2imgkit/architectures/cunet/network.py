"""Two U-Nets in a row, without padding: the second corrects the picture that the first makes."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.architectures.cunet.sizes import BOTTOM_KERNELS, MARGINS, MULTIPLES
from img2imgkit.nn.enlarging import LEAK
from img2imgkit.nn.layers import CropLike, PadAround, PixelShuffle, Repeated

REDUCTION = 8  # of channels, inside the attention
NARROWED = (0.7, 0.15)  # factor and offset of the values of "pro" networks
kernels = partial(keras.initializers.VarianceScaling, 2.0, mode="fan_out", distribution="untruncated_normal")


def cunet(
    scale: int = 2,
    width: int = 32,
    attention: bool = True,
    edge: Literal["replicate", "reflect"] = "reflect",
    clipped: bool = False,
    pro: bool = False,
    channels: int = 3,
) -> keras.Model:
    """The U-Nets of waifu2x (scale 1 and 2) and Real-CUGAN (scale 2, 3 and 4) on a picture continued beyond its edge.

    The output is not clipped. At scale 4, the U-Nets enlarge features twice, and a pixel shuffle follows; its result is
    added to the repeated pixels of the picture. The last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, channels)

    >>> ops.shape(cunet(scale=3, width=8)(ops.zeros((1, 16, 20, 3))))
    (1, 48, 60, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    factor, offset = NARROWED if pro else (1.0, 0.0)
    given = layers.Rescaling(factor, offset, dtype="float32", name="narrowed")(source) if pro else source
    x = PadAround(MARGINS[scale], MULTIPLES[scale], edge, dtype=given.dtype, name="edge")(given)
    inside = 2 * width if scale == 4 else channels
    first = _first(x, inside, width, scale, attention)
    if clipped:
        first = layers.ReLU(max_value=1.0, dtype="float32", name="clipped")(first)
    second = _second(first, inside, width, attention)
    x = layers.Add(dtype="float32", name="corrected")([_cut(first, 20, "unet1_cut"), second])
    x = CropLike(scale, dtype="float32", name="cropped")([_shuffled(x, channels) if scale == 4 else x, source])
    if scale == 4:
        nearest = Repeated(4, interpolation="nearest", dtype="float32", name="nearest")(given)
        x = layers.Add(dtype="float32", name="sum")([x, nearest])
    if pro:
        x = layers.Rescaling(1 / factor, -offset / factor, dtype="float32", name="widened")(x)
    return keras.Model(source, x, name="cunet")


def _first(x: Any, outputs: int, width: int, scale: int, attention: bool) -> Any:
    """The U-Net that enlarges. Shapes: (N, H, W, C) -> (N, scale * (H - 16) + ..., ..., outputs)."""
    high = _pair(x, "unet1.conv1", width, 2 * width, False)  # (N, H - 4, W - 4, 2 * width)
    low = _down(high, "unet1.conv1_down")
    low = _pair(low, "unet1.conv2", 4 * width, 2 * width, attention)
    low = _up(low, "unet1.conv2_up")  # (N, H - 12, W - 12, 2 * width)
    x = layers.Add(name="unet1_sum")([_cut(high, 4, "unet1_conv1_cut"), low])
    x = _active(_conv(x, "unet1.conv3", 2 * width), "unet1.conv3")
    if scale == 1:
        return _conv(x, "unet1.conv_bottom", outputs, dtype="float32")
    size, stride, cut = BOTTOM_KERNELS[scale], 3 if scale == 3 else 2, 2 if scale == 3 else 3
    bottom = _layer("unet1.conv_bottom")
    grown = layers.Conv2DTranspose(
        outputs, size, strides=stride, kernel_initializer=kernels(), dtype="float32", name=bottom
    )
    return _cut(grown(x), cut, f"{bottom}_cut")


def _second(x: Any, outputs: int, width: int, attention: bool) -> Any:
    """The U-Net that corrects. Shapes: (N, H, W, C) -> (N, H - 40, W - 40, outputs)."""
    high = _pair(x, "unet2.conv1", width, 2 * width, False)  # (N, H - 4, W - 4, 2 * width)
    middle = _pair(_down(high, "unet2.conv1_down"), "unet2.conv2", 2 * width, 4 * width, attention)
    low = _pair(_down(middle, "unet2.conv2_down"), "unet2.conv3", 8 * width, 4 * width, attention)
    low = _up(low, "unet2.conv3_up")
    middle = layers.Add(name="unet2_sum_low")([_cut(middle, 4, "unet2_conv2_cut"), low])
    middle = _up(_pair(middle, "unet2.conv4", 2 * width, 2 * width, attention), "unet2.conv4_up")
    x = layers.Add(name="unet2_sum")([_cut(high, 16, "unet2_conv1_cut"), middle])  # (N, H - 36, W - 36, 2 * width)
    x = _active(_conv(x, "unet2.conv5", 2 * width), "unet2.conv5")
    return _conv(x, "unet2.conv_bottom", outputs, dtype="float32")


def _shuffled(x: Any, channels: int) -> Any:
    """The end at scale 4. Shapes: (N, 2 * H + 4, 2 * W + 4, C) -> (N, 4 * H, 4 * W, channels)."""
    x = _cut(_conv(x, "conv_final", 4 * channels, dtype="float32"), 1, "conv_final_cut")
    return PixelShuffle(2, dtype="float32", name="shuffle")(x)


def _pair(x: Any, module: str, inner: int, outer: int, attention: bool) -> Any:
    """Two convolutions, and attention to channels. Shapes: (N, H, W, C) -> (N, H - 4, W - 4, outer)."""
    for number, filters in ((0, inner), (2, outer)):
        name = f"{module}.conv.{number}"
        x = _active(_conv(x, name, filters), name)
    if not attention:
        return x
    name = _layer(module)
    mean = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name=f"{name}_mean")(x)
    few = layers.Conv2D(outer // REDUCTION, 1, activation="relu", name=f"{name}_seblock_conv1")(mean)
    many = layers.Conv2D(outer, 1, activation="sigmoid", name=f"{name}_seblock_conv2")(few)
    return layers.Multiply(name=f"{name}_weighted")([x, many])


def _conv(x: Any, module: str, filters: int, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, 3, kernel_initializer=kernels(), dtype=dtype, name=_layer(module))(x)


def _down(x: Any, module: str) -> Any:
    halved = layers.Conv2D(x.shape[-1], 2, strides=2, kernel_initializer=kernels(), name=_layer(module))
    return _active(halved(x), module)


def _up(x: Any, module: str) -> Any:
    doubled = layers.Conv2DTranspose(x.shape[-1], 2, strides=2, kernel_initializer=kernels(), name=_layer(module))
    return _active(doubled(x), module)


def _active(x: Any, module: str) -> Any:
    return layers.LeakyReLU(LEAK, name=f"{_layer(module)}_act")(x)


def _cut(x: Any, width: int, name: str) -> Any:
    return layers.Cropping2D(width, dtype=x.dtype, name=name)(x)


def _layer(module: str) -> str:
    """The name of a module's layer."""
    return module.replace(".", "_")
