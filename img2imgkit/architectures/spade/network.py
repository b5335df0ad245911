"""SPADE, also known as GauGAN: the generator, from a label map to a picture, and the encoder of pictures' styles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.architectures.spade.upsampling import DOUBLINGS, Upsampling
from img2imgkit.nn.layers import InstanceNorm, SpectralConv, initializer
from img2imgkit.nn.layers.resizing import Repeated, ResizedLike, ResizedTo
from img2imgkit.nn.layers.spade import Sampled, spade

FilterNorm = Literal["batch", "instance"]
BLOCKS = ("head_0", "middle_0", "middle_1", "up_0", "up_1", "up_2", "up_3", "up_4")
SIDE = 256  # pixels; the encoder resizes every image to this
WIDTHS = (1, 2, 4, 8, 8, 8)  # filters of the encoder's convolutions of stride 2, times width


def spade_generator(
    channels: int = 36,
    width: int = 64,
    norm: FilterNorm = "batch",
    spectral: bool = True,
    kernel_size: int = 3,
    upsampling: Upsampling = "normal",
    code: int | None = None,
    size: tuple[int, int] | None = None,
    out_channels: int = 3,
) -> keras.Model:
    """Generate from a label map, and with ``code`` from a style code (Park et al. 2019, section 3 and appendix A).

    https://arxiv.org/abs/1903.07291. Residual blocks from 16 * width filters down to width, each at twice the
    resolution of the one before, with ``spade`` in place of every normalization. The last convolution is float32 under
    every precision policy. Without a code the network starts from the downsampled label map. A code is mapped to a
    feature map of the size used in training, which is resized (bilinear) for other sizes; the official code supports
    the training size only.

    Shapes:
        label_map: (N, H, W, channels), such as classes one-hot and edges; H and W multiples of 32, 64 or 128
        and, with ``code``, z: (N, code), standard normal
            -> (N, H, W, out_channels) in (-1, 1)

    Args:
        norm: normalization of the features, without learned parameters; batch statistics span all replicas
        spectral: spectral normalization of the blocks' convolutions, not of those on the label map
        kernel_size: kernel size of the convolutions on the label map, an odd number
        upsampling: "normal" has 5 upsampling steps, "more" 6, "most" 7
        code: length of the style code; None: no style code
        size: height and width of training images, multiples of 32, 64 or 128; only needed with ``code``

    >>> ops.shape(spade_generator(channels=5, width=1)(ops.zeros((1, 32, 64, 5))))
    (1, 32, 64, 3)
    """
    factor = 2 ** DOUBLINGS[upsampling]
    label_map = keras.Input((None, None, channels), name="label_map")
    sampled: dict[int, Any] = {1: label_map}

    def at(factor: int) -> Any:
        if factor not in sampled:
            sampled[factor] = Sampled(factor, name=f"label_map_{factor}")(label_map)
        return sampled[factor]

    inputs = label_map
    if code is None:
        x = _conv(at(factor), 16 * width, 3, "fc")
    else:
        z = keras.Input((code,), name="z")
        inputs = [label_map, z]
        x = ResizedLike(name="head_map")([_from_code(z, _initial(size, factor), 16 * width), at(factor)])
    for number, (name, filters, doubles) in enumerate(_blocks(width, upsampling)):
        if doubles and number:
            factor //= 2
            x = Repeated(2, name=f"{name}_doubled")(x)
        x = _block(x, at(factor), filters, norm, spectral, kernel_size, name)
    x = layers.LeakyReLU(0.2, name="last_act")(x)
    x = _conv(x, out_channels, 3, "last_conv", dtype="float32")
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(inputs, image, name="spade_generator")


def _blocks(width: int, upsampling: Upsampling) -> Sequence[tuple[str, int, bool]]:
    """Name and filters of each block, and whether it doubles the resolution."""
    widths = (16, 16, 16, 8, 4, 2, 1)
    found = [(name, width * times, name != "middle_1") for name, times in zip(BLOCKS, widths, strict=False)]
    if upsampling != "normal":
        found[2] = ("middle_1", 16 * width, True)
    if upsampling == "most":
        found.append(("up_4", width // 2, True))
    return found


def _initial(size: tuple[int, int] | None, factor: int) -> tuple[int, int]:
    """The size of the initial feature map for training images of that size."""
    if size is None or any(side < 1 or side % factor for side in size):
        raise ValueError(f"size {size}: a style code needs the size of training images, multiples of {factor}")
    return size[0] // factor, size[1] // factor


def _from_code(z: Any, size: tuple[int, int], filters: int) -> Any:
    """The initial feature map of a style code, in the official memory order."""
    height, width = size
    x = layers.Dense(filters * height * width, kernel_initializer=initializer("xavier"), name="fc")(z)
    x = layers.Reshape((filters, height, width), name="fc_map")(x)
    return layers.Permute((2, 3, 1), name="fc_last")(x)


def _block(x: Any, label_map: Any, filters: int, norm: FilterNorm, spectral: bool, kernel_size: int, name: str) -> Any:
    """The residual block of section 3.1, figure 4; its shortcut is learned if the number of filters changes."""
    before = x.shape[-1]
    shortcut = x
    if before != filters:
        shortcut = spade(x, label_map, kernel_size, norm, f"{name}_norm_s")
        shortcut = _conv(shortcut, filters, 1, f"{name}_conv_s", spectral, use_bias=False)
    for number, width in enumerate((min(before, filters), filters)):
        x = spade(x, label_map, kernel_size, norm, f"{name}_norm_{number}")
        x = layers.LeakyReLU(0.2, name=f"{name}_act_{number}")(x)
        x = _conv(x, width, 3, f"{name}_conv_{number}", spectral)
    return layers.Add(name=name)([shortcut, x])


def _conv(
    x: Any,
    filters: int,
    kernel_size: int,
    name: str,
    spectral: bool = False,
    use_bias: bool = True,
    dtype: str | None = None,
) -> Any:
    options: dict[str, Any] = {"padding": "same", "use_bias": use_bias, "dtype": dtype, "name": name}
    layer = SpectralConv if spectral else layers.Conv2D
    return layer(filters, kernel_size, kernel_initializer=initializer("xavier"), **options)(x)


def style_encoder(width: int = 64, code: int = 256, channels: int = 3) -> keras.Model:
    """Mean and log variance of an image's style code (Park et al. 2019, https://arxiv.org/abs/1903.07291, appendix A).

    The image is resized to 256x256 (bilinear), and convolutions with spectral and instance normalization downsample it
    to 4x4. Both outputs are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [-1, 1], any size -> two of (N, code)

    >>> mean, log_variance = style_encoder(width=2, code=8)(ops.zeros((1, 20, 30, 3)))
    >>> ops.shape(mean)
    (1, 8)
    """
    picture = keras.Input((None, None, channels), name="picture")
    x: Any = ResizedTo(SIDE, SIDE, dtype="float32", name="resized")(picture)
    for number, times in enumerate(WIDTHS, 1):
        if number > 1:
            x = layers.LeakyReLU(0.2, name=f"act{number}")(x)
        x = layers.ZeroPadding2D(1, name=f"conv{number}_pad")(x)
        convolution = SpectralConv(
            times * width, 3, 2, use_bias=False, kernel_initializer=initializer("xavier"), name=f"conv{number}"
        )
        x = InstanceNorm(name=f"norm{number}")(convolution(x))
    x = layers.LeakyReLU(0.2, name="last_act")(x)
    x = layers.Permute((3, 1, 2), name="channels_first")(x)  # the official order of the last layers' inputs
    x = layers.Flatten(name="flat")(x)
    outputs = [
        layers.Dense(code, kernel_initializer=initializer("xavier"), dtype="float32", name=name)(x)
        for name in ("mean", "log_variance")
    ]
    return keras.Model(picture, outputs, name="style_encoder")
