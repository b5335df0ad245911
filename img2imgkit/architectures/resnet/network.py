"""The residual generator of CycleGAN, and its features for CUT's patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers import (
    BlurDown,
    BlurUp,
    EdgePad,
    ListModel,
    ReflectionPad,
    TransposedConv,
    initializer,
    normalized,
)
from img2imgkit.nn.layers.convolution import Init
from img2imgkit.nn.layers.norm import Norm, Statistics

Padding = Literal["reflect", "replicate", "zero"]


def resnet(
    blocks: int = 9,
    width: int = 64,
    norm: Norm = "instance",
    dropout: float = 0.0,
    channels: int = 3,
    out_channels: int = 3,
    antialias: bool = False,
    antialias_up: bool | None = None,
    padding: Padding = "reflect",
    statistics: Statistics = "running",
    init: Init = "normal",
) -> keras.Model:
    """The residual network of CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593, section 7.2).

    Two downsampling steps, residual blocks (Johnson et al. 2016, https://arxiv.org/abs/1603.08155), two upsampling
    steps. The last convolution is float32 under every precision policy.

    Shapes:
        (N, H, W, channels), H and W at least 5 -> (N, H', W', out_channels) in (-1, 1), where H' and W' are H and W
        rounded up to multiples of 4

    Args:
        antialias: down- and upsample by ``BlurDown`` and ``BlurUp``, as in CUT (Park et al. 2020,
            https://arxiv.org/abs/2007.15651)
        antialias_up: the same for upsampling alone; None: as ``antialias``
        padding: padding of the blocks; the first and the last convolution always use reflection
        statistics: statistics of batch normalization at inference, see ``BatchNorm``
        init: kernel initializer, see ``initializer``

    >>> ops.shape(resnet(blocks=1, width=2)(ops.zeros((1, 16, 18, 3))))
    (1, 16, 20, 3)
    """
    smooth_up = antialias if antialias_up is None else antialias_up
    build = _Builder(norm, norm == "instance", statistics, init)
    source = keras.Input((None, None, channels), name="source")
    x = ReflectionPad(3, name="stem_pad")(source)
    x = build.step(build.conv(x, width, 7, "stem_conv"), "stem")
    for number in range(2):
        x = build.step(build.halving(x, width * 2 ** (number + 1), antialias, f"down{number}"), f"down{number}")
        x = BlurDown(name=f"down{number}_blur")(x) if antialias else x
    for number in range(blocks):
        x = build.block(x, dropout, padding, f"block{number}")  # (N, H / 4, W / 4, 4 * width)
    for number in range(2):
        x = build.step(build.doubling(x, width * 2 ** (1 - number), smooth_up, f"up{number}"), f"up{number}")
    x = ReflectionPad(3, name="last_pad")(x)
    last = layers.Conv2D(out_channels, 7, kernel_initializer=initializer(init), dtype="float32", name="last_conv")
    image = layers.Activation("tanh", dtype="float32", name="image")(last(x))
    return keras.Model(source, image, name="resnet")


def resnet_features(model: keras.Model, taps: Sequence[int] = (0, 4, 8, 12, 16)) -> keras.Model:
    """Intermediate features of a ``resnet``, numbered as in CUT; the weights are shared.

    The numbers count the official network's modules. With anti-aliasing, 0 is the padded image, 4 and 8 are the
    downsampling convolutions before normalization, 12 and up the residual blocks. The model computes only what its taps
    need.

    Shapes:
        (N, H, W, channels) -> one (N, H_i, W_i, C_i) for each tap

    Raises:
        ValueError: a tap is beyond the last residual block.

    >>> features = resnet_features(resnet(blocks=1, width=2), taps=[4, 7])(ops.zeros((1, 16, 16, 3)))
    >>> [ops.shape(each) for each in features]
    [(1, 8, 8, 4), (1, 4, 4, 8)]
    """
    modules = _encoder_modules(model)
    if beyond := [tap for tap in taps if not 0 <= tap < len(modules)]:
        raise ValueError(f"taps {beyond}: expected 0 to {len(modules) - 1}, the modules of this network's encoder")
    outputs = [model.get_layer(modules[tap]).output for tap in taps]
    return ListModel(model.input, outputs, name="resnet_features")


def _encoder_modules(model: keras.Model) -> list[str]:
    """For each official module up to the last residual block, the layer with the same output."""
    names = {layer.name for layer in model.layers}
    modules = ["stem_pad"]
    for part in ("stem", "down0", "down1"):
        norm = f"{part}_norm" if f"{part}_norm" in names else f"{part}_conv"  # an identity module in the official code
        modules += [f"{part}_conv", norm, f"{part}_act"]
        modules += [f"{part}_blur"] if f"{part}_blur" in names else []
    blocks = (f"block{number}_sum" for number in range(len(names)))
    return modules + [name for name in blocks if name in names]


class _Builder:
    """Builds layers with the settings of one network."""

    def __init__(self, norm: Norm, use_bias: bool, statistics: Statistics, init: Init) -> None:
        self.norm: Norm = norm
        self.use_bias = use_bias
        self.statistics: Statistics = statistics
        self.init: Init = init

    def conv(self, x: Any, filters: int, size: int, name: str, stride: int = 1, padding: str = "valid") -> Any:
        kernel = initializer(self.init)
        options: dict[str, Any] = {"use_bias": self.use_bias, "kernel_initializer": kernel, "name": name}
        return layers.Conv2D(filters, size, stride, padding, **options)(x)

    def step(self, x: Any, name: str) -> Any:
        return layers.ReLU(name=f"{name}_act")(normalized(x, self.norm, f"{name}_norm", self.statistics))

    def halving(self, x: Any, filters: int, smooth: bool, name: str) -> Any:
        if smooth:  # ``BlurDown`` follows the activation
            return self.conv(x, filters, 3, f"{name}_conv", padding="same")
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)  # "same" would not pad at the start
        return self.conv(x, filters, 3, f"{name}_conv", stride=2)

    def doubling(self, x: Any, filters: int, smooth: bool, name: str) -> Any:
        if smooth:
            return self.conv(BlurUp(name=f"{name}_blur")(x), filters, 3, f"{name}_conv", padding="same")
        options: dict[str, Any] = {"use_bias": self.use_bias, "kernel_initializer": initializer(self.init)}
        return TransposedConv(filters, name=f"{name}_conv", **options)(x)

    def block(self, x: Any, dropout: float, padding: Padding, name: str) -> Any:
        filters = x.shape[-1]
        y = self._padded_conv(x, filters, padding, f"{name}_conv0", f"{name}_pad0")
        y = layers.ReLU(name=f"{name}_act")(normalized(y, self.norm, f"{name}_norm0", self.statistics))
        y = layers.Dropout(dropout, name=f"{name}_dropout")(y) if dropout else y
        y = self._padded_conv(y, filters, padding, f"{name}_conv1", f"{name}_pad1")
        y = normalized(y, self.norm, f"{name}_norm1", self.statistics)
        return layers.Add(name=f"{name}_sum")([x, y])

    def _padded_conv(self, x: Any, filters: int, padding: Padding, name: str, pad_name: str) -> Any:
        if padding == "zero":
            return self.conv(x, filters, 3, name, padding="same")
        x = ReflectionPad(1, name=pad_name)(x) if padding == "reflect" else EdgePad(name=pad_name)(x)
        return self.conv(x, filters, 3, name)
