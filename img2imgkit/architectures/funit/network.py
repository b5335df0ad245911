"""FUNIT's networks: decode an image's content with the appearance of a class, given by a few images."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from img2imgkit.nn.layers import AdaptiveInstanceNorm, InstanceNorm, ReflectionPad, initializer
from img2imgkit.nn.layers.resizing import Repeated


def content_encoder(downs: int = 3, blocks: int = 2, width: int = 64, channels: int = 3) -> keras.Model:
    """The content encoder of FUNIT (Liu et al. 2019, https://arxiv.org/abs/1905.01723, appendix A).

    A 7x7 convolution, 4x4 convolutions of stride 2 that double the channels, and residual blocks. Instance
    normalization removes each channel's mean and deviation, which would encode the class's appearance.

    Shapes:
        (N, H, W, channels), H and W multiples of 2**downs -> (N, H / 2**downs, W / 2**downs, width * 2**downs)

    >>> ops.shape(content_encoder(downs=2, blocks=1, width=4)(ops.zeros((1, 16, 16, 3))))
    (1, 4, 4, 16)
    """
    source = keras.Input((None, None, channels), name="source")
    x = _step(source, width, 7, 1, 3, "stem")
    for number in range(downs):
        x = _step(x, width * 2 ** (number + 1), 4, 2, 1, f"down{number}")
    for number in range(blocks):
        y = _step(x, x.shape[-1], 3, 1, 1, f"block{number}_0")
        y = _step(y, x.shape[-1], 3, 1, 1, f"block{number}_1", active=False)
        x = layers.Add(name=f"block{number}_sum")([x, y])
    return keras.Model(source, x, name="content_encoder")


def class_encoder(code: int, downs: int = 4, width: int = 64, channels: int = 3) -> keras.Model:
    """The class encoder of FUNIT (Liu et al. 2019, https://arxiv.org/abs/1905.01723, appendix A).

    A 7x7 convolution, 4x4 convolutions of stride 2, the first two of which double the channels, and global average
    pooling; no normalization. The code of several images is the mean of their codes (section 3.1).

    Shapes:
        (N, H, W, channels), H and W at least 2**downs and 4 -> (N, code) float32

    >>> ops.shape(class_encoder(code=8, downs=2, width=2)(ops.zeros((3, 16, 16, 3))))
    (3, 8)
    """
    picture = keras.Input((None, None, channels), name="picture")
    kernel = initializer("kaiming")
    x = ReflectionPad(3, name="stem_pad")(picture)
    x = layers.Conv2D(width, 7, kernel_initializer=kernel, activation="relu", name="stem_conv")(x)
    for number in range(downs):
        filters = width * 2 ** min(number + 1, 2)
        x = ReflectionPad(1, name=f"down{number}_pad")(x)
        x = layers.Conv2D(filters, 4, 2, kernel_initializer=kernel, activation="relu", name=f"down{number}_conv")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name="pool")(x)
    x = layers.Conv2D(code, 1, kernel_initializer=kernel, dtype="float32", name="last_conv")(x)
    return keras.Model(picture, layers.Flatten(dtype="float32", name="code")(x), name="class_encoder")


def adain_decoder(
    code: int,
    channels: int = 512,
    out_channels: int = 3,
    scale: int = 8,
    blocks: int = 2,
    mlp_width: int = 256,
    mlp_layers: int = 3,
) -> keras.Model:
    """The decoder of FUNIT (Liu et al. 2019, https://arxiv.org/abs/1905.01723, appendix A).

    An MLP maps the class code to means and deviations for the residual blocks, see ``AdaptiveInstanceNorm``; then each
    nearest-neighbour upsampling halves the channels. The last convolution is float32 under every precision policy.

    Shapes:
        [(N, H, W, channels), (N or 1, code)], H and W at least 2 -> (N, scale * H, scale * W, out_channels) in (-1, 1)

    Args:
        channels: those of the content code, at least ``scale``
        scale: a power of 2; with 1, H and W must be at least 4
        blocks: residual blocks, at least 1
        mlp_layers: layers of the MLP, at least 2

    >>> decoder = adain_decoder(code=2, channels=4, scale=2, blocks=1, mlp_width=4)
    >>> ops.shape(decoder([ops.zeros((1, 4, 4, 4)), ops.zeros((1, 2))]))
    (1, 8, 8, 3)
    """
    content = keras.Input((None, None, channels), name="content")
    class_code = keras.Input((code,), name="class_code")
    parameters = class_code
    for number in range(mlp_layers - 1):
        parameters = _dense(parameters, mlp_width, f"mlp{number}", "relu")
    parameters = _dense(parameters, 4 * blocks * channels, f"mlp{mlp_layers - 1}")
    x = content
    for number, adain in enumerate(ops.split(parameters, blocks, axis=-1)):
        x = _block(x, adain, f"block{number}")
    for number in range(scale.bit_length() - 1):
        x = Repeated(name=f"up{number}_double")(x)
        x = _conv(x, channels // 2 ** (number + 1), 5, f"up{number}")
        x = layers.ReLU(name=f"up{number}_act")(InstanceNorm(name=f"up{number}_norm")(x))
    image = layers.Activation("tanh", dtype="float32", name="image")(_conv(x, out_channels, 7, "last", dtype="float32"))
    return keras.Model([content, class_code], image, name="adain_decoder")


def few_shot_generator(
    code: int,
    content_downs: int = 3,
    class_downs: int = 4,
    blocks: int = 2,
    width: int = 64,
    mlp_width: int = 256,
    mlp_layers: int = 3,
    channels: int = 3,
) -> keras.Model:
    """FUNIT's three networks as one model, as in official checkpoints (``FewShotGen``).

    The sub-networks are layers of the model: ``content_encoder``, ``class_encoder``, ``adain_decoder``.

    Shapes:
        [(N, H, W, channels), (K, h, w, channels): images of one class, whose codes are averaged]
            -> (N, H, W, channels) in (-1, 1)

    >>> generator = few_shot_generator(code=2, content_downs=1, class_downs=2, blocks=1, width=2, mlp_width=4)
    >>> ops.shape(generator([ops.zeros((1, 8, 8, 3)), ops.zeros((5, 16, 16, 3))]))  # five images of the class
    (1, 8, 8, 3)
    """
    content = keras.Input((None, None, channels), name="content")
    pictures = keras.Input((None, None, channels), name="class_pictures")
    encoded = content_encoder(content_downs, blocks, width, channels)(content)
    codes = class_encoder(code, class_downs, width, channels)(pictures)
    scale = 2**content_downs
    decoder = adain_decoder(code, width * scale, channels, scale, blocks, mlp_width, mlp_layers)
    image = decoder([encoded, ops.mean(codes, axis=0, keepdims=True)])
    return keras.Model([content, pictures], image, name="few_shot_generator")


def _step(x: Any, filters: int, size: int, stride: int, pad: int, name: str, active: bool = True) -> Any:
    x = ReflectionPad(pad, name=f"{name}_pad")(x)
    x = layers.Conv2D(filters, size, stride, kernel_initializer=initializer("kaiming"), name=f"{name}_conv")(x)
    x = InstanceNorm(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_act")(x) if active else x


def _dense(x: Any, units: int, name: str, activation: str | None = None) -> Any:
    return layers.Dense(units, activation, kernel_initializer=initializer("kaiming"), name=name)(x)


def _conv(x: Any, filters: int, size: int, name: str, dtype: str | None = None) -> Any:
    x = ReflectionPad(size // 2, dtype=dtype, name=f"{name}_pad")(x)
    kernel = initializer("kaiming")
    return layers.Conv2D(filters, size, kernel_initializer=kernel, dtype=dtype, name=f"{name}_conv")(x)


def _block(x: Any, adain: Any, name: str) -> Any:
    """A residual block. Shapes: (N, H, W, C), (N, 4 * C): parameters of its two norms -> (N, H, W, C)."""
    first, second = ops.split(adain, 2, axis=-1)
    y = _conv(x, x.shape[-1], 3, f"{name}_0")
    y = layers.ReLU(name=f"{name}_0_act")(AdaptiveInstanceNorm(name=f"{name}_0_norm")([y, first]))
    y = AdaptiveInstanceNorm(name=f"{name}_1_norm")([_conv(y, x.shape[-1], 3, f"{name}_1"), second])
    return layers.Add(name=f"{name}_sum")([x, y])
