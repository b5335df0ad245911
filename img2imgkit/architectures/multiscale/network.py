"""The multi-scale critic of pix2pixHD and SPADE, which returns its features."""

from __future__ import annotations

from typing import Any

import keras

from img2imgkit.nn.layers import ListModel, MeanDown, SpectralConv, initializer, normalized
from img2imgkit.nn.layers.convolution import Init
from img2imgkit.nn.layers.norm import Norm

WIDEST = 512


def multiscale_critic(
    channels: int = 3,
    width: int = 64,
    layers: int = 3,
    scales: int = 2,
    norm: Norm = "instance",
    spectral: bool = False,
    use_bias: bool = True,
    init: Init = "normal",
) -> keras.Model:
    """A patch critic for each scale of an image (Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.2).

    The critics have the same layers and separate weights. Each scale is half the size of the one before, see
    ``MeanDown``. The scores are float32 under every precision policy.

    SPADE's (Park et al. 2019, https://arxiv.org/abs/1903.07291, appendix A) is ``spectral``, without ``use_bias``; its
    official code counts one convolution of stride 1 among its layers, so its 4 are 3 here.

    Shapes:
        (N, H, W, channels) -> for each scale, the full one first, a list of maps (N, h, w, C): the features after each
        activation, then the scores (N, h, w, 1), any range

    Args:
        width: filters of the first convolution of each scale; the following ones double up to 512
        layers: convolutions of stride 2
        spectral: spectral normalization of all convolutions but the first and the last, see ``SpectralConv``
        use_bias: whether convolutions have a bias even if a norm follows, which cancels it
        init: kernel initializer, see ``initializer``

    >>> full, half = multiscale_critic(width=2, layers=2, scales=2)(ops.zeros((1, 32, 32, 3)))
    >>> len(full), ops.shape(full[-1]), ops.shape(half[-1])  # the scores follow the features
    (4, (1, 11, 11, 1), (1, 7, 7, 1))
    """
    source = keras.Input((None, None, channels), name="source")
    scaled, outputs = source, []
    for scale in range(scales):
        scaled = MeanDown(name=f"scale{scale}_down")(scaled) if scale else scaled
        outputs.append(_patch_critic(scaled, f"scale{scale}", width, layers, norm, spectral, use_bias, init))
    return ListModel(source, outputs, name="multiscale_critic")


def _patch_critic(
    x: Any, name: str, width: int, layers: int, norm: Norm, spectral: bool, use_bias: bool, init: Init
) -> list[Any]:
    """The features of one scale, then its scores. Padding is 2, as officially, so maps are a pixel larger than half."""
    features = []
    for number in range(layers + 2):
        first, last = number == 0, number == layers + 1
        between = not (first or last)
        options: dict[str, Any] = {
            "strides": 2 if number < layers else 1,
            "use_bias": use_bias or not between or norm == "none",
            "kernel_initializer": initializer(init),
            "dtype": "float32" if last else None,
            "name": f"{name}_conv{number}",
        }
        filters = 1 if last else min(width * 2**number, WIDEST)
        x = keras.layers.ZeroPadding2D(2, dtype=options["dtype"], name=f"{name}_conv{number}_pad")(x)
        x = (SpectralConv if spectral and between else keras.layers.Conv2D)(filters, 4, **options)(x)
        x = normalized(x, norm, f"{name}_norm{number}") if between else x
        x = x if last else keras.layers.LeakyReLU(0.2, name=f"{name}_act{number}")(x)
        features.append(x)
    return features
