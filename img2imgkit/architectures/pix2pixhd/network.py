"""pix2pixHD: the coarse-to-fine generator, as networks that can be trained in stages, and the instance encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers import InstanceMean, MeanDown, ReflectionPad, TransposedConv, initializer, normalized
from img2imgkit.nn.layers.convolution import Init

Norm = Literal["batch", "instance"]


def pix2pixhd_networks(
    channels: int,
    width: int = 64,
    downs: int = 4,
    blocks: int = 9,
    enhancers: int = 0,
    local_blocks: int = 3,
    norm: Norm = "instance",
    out_channels: int = 3,
    init: Init = "normal",
) -> dict[str, keras.Model]:
    """The networks of pix2pixHD's generator by role (Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.1).

    "global" computes features of its input, and "output" an image from these. With local enhancers, "global" gets its
    input at a lower resolution, halved once for each enhancer; "enhancer1", "enhancer2" and so on each double the
    resolution, and the last one outputs the image. "global" is the same network in both cases, so that weights can be
    reused if its number of filters is the same. ``pix2pixhd_image`` runs them together.

    Shapes:
        global: (N, H, W, channels) -> (N, H, W, C), C being width * 2**enhancers
        output: (N, H, W, C) -> (N, H, W, out_channels) in (-1, 1)
        enhancer: [(N, H, W, channels), (N, H / 2, W / 2, C)] -> (N, H, W, C / 2), or an image as above

    Args:
        width: channels at full resolution; each downsampling doubles them
        downs: downsampling steps of the global network
        blocks: residual blocks of the global network, at its lowest resolution
        local_blocks: residual blocks of each enhancer, at half its resolution
        init: kernel initializer, see ``initializer``

    >>> networks = pix2pixhd_networks(5, width=2, downs=1, blocks=1, enhancers=1, local_blocks=1)
    >>> ops.shape(networks["global"](ops.zeros((1, 8, 16, 5))))
    (1, 8, 16, 4)
    """
    build = _Builder(norm, init)
    networks = {"global": build.trunk(channels, width * 2**enhancers, downs, blocks, "global")}
    if not enhancers:
        return {**networks, "output": build.output(width, out_channels)}
    for number in range(1, enhancers + 1):
        own = width * 2 ** (enhancers - number)
        last = out_channels if number == enhancers else None
        networks[f"enhancer{number}"] = build.enhancer(channels, own, local_blocks, last, f"enhancer{number}")
    return networks


def pix2pixhd_image(networks: Mapping[str, Any], source: Any, training: bool = False) -> Any:
    """The image that ``pix2pixhd_networks`` produce together.

    Shapes:
        source: (N, H, W, channels), H and W multiples of 2**(downs + enhancers) -> (N, H, W, out_channels) in (-1, 1)

    >>> networks = pix2pixhd_networks(5, width=2, downs=1, blocks=1)
    >>> ops.shape(pix2pixhd_image(networks, ops.zeros((1, 8, 16, 5))))
    (1, 8, 16, 3)
    """
    enhancers = [name for name in networks if name.startswith("enhancer")]
    scales = [source]
    for _ in enhancers:
        scales.append(MeanDown()(scales[-1]))
    x = networks["global"](scales.pop(), training=training)
    for number in range(1, len(enhancers) + 1):
        x = networks[f"enhancer{number}"]([scales.pop(), x], training=training)
    return x if enhancers else networks["output"](x, training=training)


def pix2pixhd_model(networks: Mapping[str, keras.Model]) -> keras.Model:
    """Combine ``pix2pixhd_networks`` into one model that shares their weights. Shapes: as ``pix2pixhd_image``.

    >>> model = pix2pixhd_model(pix2pixhd_networks(5, width=2, downs=1, blocks=1))
    >>> ops.shape(model(ops.zeros((1, 8, 16, 5))))
    (1, 8, 16, 3)
    """
    source = keras.Input(networks["global"].input_shape[1:], name="source")
    return keras.Model(source, pix2pixhd_image(networks, source), name="pix2pixhd_generator")


def pix2pixhd_generator(channels: int, **options: Any) -> keras.Model:
    """The generator of pix2pixHD as one model; for ``options`` see ``pix2pixhd_networks``.

    Shapes:
        (N, H, W, channels), H and W multiples of 2**(downs + enhancers) -> (N, H, W, out_channels) in (-1, 1)

    >>> ops.shape(pix2pixhd_generator(5, width=2, downs=1, blocks=1)(ops.zeros((1, 8, 16, 5))))
    (1, 8, 16, 3)
    """
    return pix2pixhd_model(pix2pixhd_networks(channels, **options))


def instance_encoder(
    out_channels: int = 3,
    width: int = 16,
    downs: int = 4,
    norm: Norm = "instance",
    channels: int = 3,
    init: Init = "normal",
) -> keras.Model:
    """The feature encoder of pix2pixHD (Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.4).

    An encoder-decoder computes features of each pixel, which are averaged over each object (instance-wise pooling).

    Shapes:
        [(N, H, W, channels) in [-1, 1], (N, H, W, 1) int32 ids of objects], H and W multiples of 2**downs
            -> (N, H, W, out_channels) float32 in (-1, 1), constant over each object

    >>> encoder = instance_encoder(out_channels=3, width=2, downs=1)
    >>> ops.shape(encoder([ops.zeros((1, 8, 8, 3)), ops.zeros((1, 8, 8, 1), "int32")]))
    (1, 8, 8, 3)
    """
    picture = keras.Input((None, None, channels), name="picture")
    instance = keras.Input((None, None, 1), dtype="int32", name="instance")
    x = bounded(trunk(picture, width, downs, 0, norm, init), out_channels, init)
    x = InstanceMean(dtype="float32", name="mean")([x, instance])
    return keras.Model([picture, instance], x, name="instance_encoder")


class _Builder:
    """Builds the networks with common settings."""

    def __init__(self, norm: Norm, init: Init) -> None:
        self.norm: Norm = norm
        self.init: Init = init

    def trunk(self, channels: int, width: int, downs: int, blocks: int, name: str) -> keras.Model:
        source = keras.Input((None, None, channels), name="source")
        return keras.Model(source, trunk(source, width, downs, blocks, self.norm, self.init), name=name)

    def output(self, width: int, channels: int) -> keras.Model:
        features = keras.Input((None, None, width), name="features")
        return keras.Model(features, bounded(features, channels, self.init), name="output")

    def enhancer(self, channels: int, width: int, blocks: int, out_channels: int | None, name: str) -> keras.Model:
        source = keras.Input((None, None, channels), name="source")
        before = keras.Input((None, None, 2 * width), name="before")
        x = halved(_stem(source, width, self.norm, self.init), 2 * width, self.norm, self.init, "down0")
        x = layers.Add(name="joined")([x, before])
        for number in range(blocks):
            x = _block(x, self.norm, self.init, f"block{number}")
        x = doubled(x, width, self.norm, self.init, "up0")
        x = x if out_channels is None else bounded(x, out_channels, self.init)
        return keras.Model([source, before], x, name=name)


def trunk(x: Any, width: int, downs: int, blocks: int, norm: Norm, init: Init) -> Any:
    """Features of an image: downsampling, residual blocks, upsampling.

    Shapes:
        (N, H, W, C), H and W multiples of 2**downs -> (N, H, W, width)
    """
    x = _stem(x, width, norm, init)
    for number in range(downs):
        x = halved(x, width * 2 ** (number + 1), norm, init, f"down{number}")
    for number in range(blocks):
        x = _block(x, norm, init, f"block{number}")
    for number in range(downs):
        x = doubled(x, width * 2 ** (downs - 1 - number), norm, init, f"up{number}")
    return x


def bounded(x: Any, channels: int, init: Init) -> Any:
    """The last convolution, float32 under every precision policy. Shapes: (N, H, W, C) -> in (-1, 1)."""
    x = ReflectionPad(3, name="last_pad")(x)
    last = layers.Conv2D(channels, 7, kernel_initializer=initializer(init), dtype="float32", name="last_conv")
    return layers.Activation("tanh", dtype="float32", name="image")(last(x))


def halved(x: Any, filters: int, norm: Norm, init: Init, name: str) -> Any:
    """Shapes: (N, H, W, C) -> (N, H / 2, W / 2, filters)."""
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)  # "same" would not pad at the start
    x = layers.Conv2D(filters, 3, 2, kernel_initializer=initializer(init), name=f"{name}_conv")(x)
    return _active(x, norm, name)


def doubled(x: Any, filters: int, norm: Norm, init: Init, name: str) -> Any:
    """Shapes: (N, H, W, C) -> (N, 2 * H, 2 * W, filters)."""
    x = TransposedConv(filters, kernel_initializer=initializer(init), name=f"{name}_conv")(x)
    return _active(x, norm, name)


def _stem(x: Any, filters: int, norm: Norm, init: Init) -> Any:
    x = ReflectionPad(3, name="stem_pad")(x)
    x = layers.Conv2D(filters, 7, kernel_initializer=initializer(init), name="stem_conv")(x)
    return _active(x, norm, "stem")


def _block(x: Any, norm: Norm, init: Init, name: str) -> Any:
    y = x
    for number in range(2):
        y = ReflectionPad(1, name=f"{name}_pad{number}")(y)
        conv = layers.Conv2D(x.shape[-1], 3, kernel_initializer=initializer(init), name=f"{name}_conv{number}")
        y = normalized(conv(y), norm, f"{name}_norm{number}")
        y = y if number else layers.ReLU(name=f"{name}_act")(y)
    return layers.Add(name=f"{name}_sum")([x, y])


def _active(x: Any, norm: Norm, name: str) -> Any:
    return layers.ReLU(name=f"{name}_act")(normalized(x, norm, f"{name}_norm"))
