"""Following the two U-Nets of waifu2x and Real-CUGAN."""

from __future__ import annotations

from typing import Any

from img2imgkit_plugins.ncnn.values import total
from img2imgkit_plugins.ncnn.walk import Walk

LEAK = 0.1  # slope of the activations
BOTTOMS = {"valid": 1, "doubled less": 2, "tripled less": 3}  # the scale by the first U-Net's last layer
NARROWED = (0.7, 0.15)  # factor and offset of Real-CUGAN's "pro" networks


def follow_cunet(walk: Walk) -> tuple[int, dict[str, Any]]:
    """CUNet and UpCUNet of waifu2x (https://github.com/nagadomi/nunif), UpCunet2x, 3x and 4x of Real-CUGAN."""
    first, scale = _first(walk, 0)
    second = _second(walk, first)
    end = walk.value("sum", *total({walk.value("cut", 20, first): 1.0, second: 1.0}))
    if not walk.values.readers("valid", end):
        return end, {"scale": scale}
    final = walk.layer("valid", end, "conv_final")
    return walk.value("shuffled", 2, walk.value("cut", 1, final)), {"scale": 2 * scale}


def _first(walk: Walk, x: int) -> tuple[int, int]:
    """The U-Net that enlarges, and its scale."""
    high = _pair(walk, x, "unet1.conv1")
    low = _pair(walk, _leaky(walk, "halved", high, "unet1.conv1_down"), "unet1.conv2")
    low = _leaky(walk, "doubled", low, "unet1.conv2_up")
    joined = walk.value("sum", *total({walk.value("cut", 4, high): 1.0, low: 1.0}))
    x = _leaky(walk, "valid", joined, "unet1.conv3")
    operation = next((each for each in BOTTOMS if walk.values.readers(each, x)), "valid")
    return walk.layer(operation, x, "unet1.conv_bottom"), BOTTOMS[operation]


def _second(walk: Walk, x: int) -> int:
    """The U-Net that corrects."""
    high = _pair(walk, x, "unet2.conv1")
    middle = _pair(walk, _leaky(walk, "halved", high, "unet2.conv1_down"), "unet2.conv2")
    low = _pair(walk, _leaky(walk, "halved", middle, "unet2.conv2_down"), "unet2.conv3")
    low = _leaky(walk, "doubled", low, "unet2.conv3_up")
    middle = walk.value("sum", *total({walk.value("cut", 4, middle): 1.0, low: 1.0}))
    middle = _leaky(walk, "doubled", _pair(walk, middle, "unet2.conv4"), "unet2.conv4_up")
    joined = walk.value("sum", *total({walk.value("cut", 16, high): 1.0, middle: 1.0}))
    return walk.layer("valid", _leaky(walk, "valid", joined, "unet2.conv5"), "unet2.conv_bottom")


def _pair(walk: Walk, x: int, name: str) -> int:
    """Two convolutions, and attention to channels if the graph has it."""
    for number in (0, 2):
        x = _leaky(walk, "valid", x, f"{name}.conv.{number}")
    mean = walk.values.find("mean", x)
    if mean is None:
        return x
    few = walk.value("leaky", 0.0, walk.layer("matrix", mean, f"{name}.seblock.conv1"))
    many = walk.value("sigmoid", walk.layer("matrix", few, f"{name}.seblock.conv2"))
    return walk.value("product", x, many)


def _leaky(walk: Walk, operation: str, source: int, name: str) -> int:
    return walk.value("leaky", LEAK, walk.layer(operation, source, name))
