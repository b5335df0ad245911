"""Networks whose features at several depths are compared: AlexNet, VGG16 and SqueezeNet 1.1, as LPIPS uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from img2imgkit_plugins.quality_metrics.layers import (
    Arrays,
    Convolution,
    Tensor,
    max_pool,
    padded,
    relu,
    stored,
    torch_convolution,
)

from img2imgkit import ops

Trunk = Callable[[Tensor], list[Tensor]]
Pool = Callable[[Tensor], Tensor]

ALEXNET_WIDTHS = (64, 192, 384, 256, 256)
VGG16_WIDTHS = (64, 128, 256, 512, 512)
SQUEEZENET_WIDTHS = (64, 128, 256, 384, 384, 512, 512)

_ALEXNET = ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3))
_VGG16_BLOCKS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
_FIRES = ((3, 64, 16, 64), (4, 128, 16, 64), (6, 128, 32, 128), (7, 256, 32, 128),
          (9, 256, 48, 192), (10, 384, 48, 192), (11, 384, 64, 256), (12, 512, 64, 256))  # fmt: skip


def alexnet(arrays: Arrays) -> Trunk:
    """AlexNet (Krizhevsky 2014, https://arxiv.org/abs/1404.5997) after each of its five activations.

    Args:
        arrays: torchvision's state dict
    Raises:
        ValueError: it is not AlexNet's.
    """
    first, *others = (
        torch_convolution(arrays, f"features.{at}", (filters, channels, side))
        for at, filters, channels, side in _ALEXNET
    )

    def run(x: Tensor) -> list[Tensor]:
        taps = [relu(first(padded(x, 2, 2), 4, "valid"))]
        for number, convolution in enumerate(others):
            before = max_pool(taps[-1], 3, 2) if number < 2 else taps[-1]
            taps.append(relu(convolution(before)))
        return taps

    return run


def vgg16(arrays: Arrays, pool: Pool | None = None) -> Trunk:
    """VGG16 (Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556) after the last activation of each block.

    Args:
        arrays: torchvision's state dict
        pool: replaces maximum pooling
    Raises:
        ValueError: it is not VGG16's.
    """
    channels, blocks = 3, []
    for numbers, width in zip(_VGG16_BLOCKS, VGG16_WIDTHS, strict=True):
        block = []
        for at in numbers:
            block.append(torch_convolution(arrays, f"features.{at}", (width, channels, 3)))
            channels = width
        blocks.append(block)
    return _blocks(blocks, pool)


def vgg16_hed(arrays: Arrays, pool: Pool | None = None) -> Trunk:
    """The VGG16 inside an edge detector (Xie and Tu 2015, https://arxiv.org/abs/1504.06375); taps as ``vgg16``.

    Args:
        arrays: the convolutions of its Keras file in order, "conv0.kernel" and so on; those of other sizes than 3x3
            compute edges and are left out
        pool: replaces maximum pooling
    Raises:
        ValueError: they are not VGG16's.
    """
    names = [name.removesuffix(".kernel") for name in arrays if name.endswith(".kernel")]
    threes = [name for name in names if arrays[f"{name}.kernel"].shape[:2] == (3, 3)]
    wanted = sum(map(len, _VGG16_BLOCKS))
    if len(threes) != wanted:
        raise ValueError(f"VGG16 has {wanted} convolutions of 3x3, the weights have {len(threes)}")
    channels, blocks, left = 3, [], iter(threes)
    for numbers, width in zip(_VGG16_BLOCKS, VGG16_WIDTHS, strict=True):
        block = []
        for name in (next(left) for _ in numbers):
            kernel = stored(arrays, f"{name}.kernel", (3, 3, channels, width))
            block.append(Convolution(kernel, stored(arrays, f"{name}.bias", (width,))))
            channels = width
        blocks.append(block)
    return _blocks(blocks, pool)


def _blocks(blocks: Sequence[Sequence[Convolution]], pool: Pool | None) -> Trunk:
    def run(x: Tensor) -> list[Tensor]:
        taps: list[Tensor] = []
        for block in blocks:
            if taps:
                x = pool(x) if pool else max_pool(x, 2, 2)
            for convolution in block:
                x = relu(convolution(x))
            taps.append(x)
        return taps

    return run


def squeezenet(arrays: Arrays) -> Trunk:
    """SqueezeNet 1.1 (Iandola et al. 2016, https://arxiv.org/abs/1602.07360) at the seven depths of LPIPS.

    Args:
        arrays: torchvision's state dict
    Raises:
        ValueError: it is not SqueezeNet 1.1's.
    """
    first = torch_convolution(arrays, "features.0", (64, 3, 3))
    fires = [_fire(arrays, *shape) for shape in _FIRES]

    def run(x: Tensor) -> list[Tensor]:
        taps = [relu(first(x, 2, "valid"))]
        for pair in (fires[:2], fires[2:4]):
            x = pair[1](pair[0](_pooled(taps[-1])))
            taps.append(x)
        x = _pooled(x)
        for fire in fires[4:]:
            x = fire(x)
            taps.append(x)
        return taps

    return run


def _fire(arrays: Arrays, at: int, channels: int, squeezed: int, expanded: int) -> Pool:
    squeeze, one, three = (
        torch_convolution(arrays, f"features.{at}.{name}", shape)
        for name, shape in (
            ("squeeze", (squeezed, channels, 1)),
            ("expand1x1", (expanded, squeezed, 1)),
            ("expand3x3", (expanded, squeezed, 3)),
        )
    )

    def run(x: Tensor) -> Tensor:
        x = relu(squeeze(x))
        return ops.concatenate([relu(one(x)), relu(three(x))], axis=-1)

    return run


def _pooled(x: Tensor) -> Tensor:
    """Windows of 3 at every second pixel, the last ones reaching over the edge; values are 0 or more."""
    height, width = x.shape[1:3]
    wide = ops.pad(x, ((0, 0), (0, (height - 3) % 2), (0, (width - 3) % 2), (0, 0)))
    return max_pool(wide, 3, 2)


def hann_pool(x: Tensor) -> Tensor:
    """Root of the smoothed square at every second pixel, in the place of maximum pooling in DISTS.

    Hénaff and Simoncelli 2015, https://arxiv.org/abs/1511.06394, section 2; a Hann window of three weights.
    """
    weights = np.hanning(5)[1:-1]
    window = np.outer(weights, weights) / weights.sum() ** 2
    channels = x.shape[-1]
    kernel = np.repeat(window[:, :, None, None], channels, axis=2).astype(np.float32)
    smooth = ops.depthwise_conv(padded(x * x, 1, 1), kernel, strides=2, padding="valid", data_format="channels_last")
    return ops.sqrt(smooth + 1e-12)
