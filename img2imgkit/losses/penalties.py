"""Gradient penalties: on the gradient of the sum of a critic's scores, in float32, differentiable themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from img2imgkit import backend
from img2imgkit.backend import ops
from img2imgkit.losses.reduction import mean_per_image, sum_per_image

Tensor = Any


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    x: Tensor,
    target: float = 1.0,
    epsilon: float = 0.0,
    per_pixel: bool = False,
) -> Tensor:
    """Squared distance of the gradient's norm from ``target``.

    Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, eq. 3.

    Args:
        critic: maps images to scores of any shape
        x: where the gradient is taken: ``interpolate(...)`` for WGAN-GP, ``dragan_points(...)`` for DRAGAN
        target: 1 in the paper
        epsilon: added to each component of the gradient; 1e-16 in CycleGAN's official code
        per_pixel: take the norm over each pixel's channels and the mean over pixels, as BasicSR does
    Shapes:
        x: (N, H, W, C) -> (N,) float32

    A critic with slope 3 in each of four numbers has a gradient of norm 6:

    >>> gradient_penalty(lambda x: 3 * x, ops.ones((1, 2, 2, 1))).numpy()
    array([25.], dtype=float32)
    """
    squares = ops.square(_gradient(critic, x) + epsilon)
    squares = ops.sum(squares, axis=-1) if per_pixel else sum_per_image(squares)
    norm = ops.sqrt(ops.maximum(squares, 1e-30))  # sqrt has no derivative at 0
    return mean_per_image(ops.square(norm - target))


def squared_gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Squared norm of the gradient: R1 if ``x`` is real, R2 if it is generated.

    Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, eq. 9 and 10 without gamma/2. At interpolated points it is
    the zero-centred penalty of Thanh-Tung et al. 2019, https://arxiv.org/abs/1902.03984.

    Shapes:
        x: (N, H, W, C) -> (N,) float32

    >>> squared_gradient(lambda x: 3 * x, ops.ones((1, 2, 2, 1))).numpy()
    array([36.], dtype=float32)
    """
    return sum_per_image(ops.square(_gradient(critic, x)))


def mean_slope(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Squared norm of the gradient of the global batch's mean score, over all replicas, with respect to each image.

    R1 as FUNIT's official code computes it (Liu et al. 2019, https://arxiv.org/abs/1905.01723, section 3.3):
    ``squared_gradient`` of each image's mean score, divided by the squared number of images.

    Shapes:
        x: (N, H, W, C); scores (N, ...), each of which depends on its own image only -> (N,) float32

    >>> mean_slope(lambda x: 3 * ops.sum(x, axis=(1, 2, 3)), ops.ones((2, 2, 2, 1))).numpy()
    array([9., 9.], dtype=float32)
    """
    images = x.shape[0] * backend.replicas()
    return squared_gradient(lambda shown: mean_per_image(ops.cast(critic(shown), "float32")) / images, x)


def interpolate(real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Points between two images: ``mix * real + (1 - mix) * fake``.

    Shapes:
        real, fake: (N, H, W, C); mix: (N,) in [0, 1] -> (N, H, W, C) float32

    >>> interpolate(ops.ones((2, 1, 1, 1)), ops.zeros((2, 1, 1, 1)), ops.array([0.25, 1.0])).numpy().ravel()
    array([0.25, 1.  ], dtype=float32)
    """
    mix = _column(mix, real)
    return mix * ops.cast(real, "float32") + (1 - mix) * ops.cast(fake, "float32")


def dragan_points(image: Tensor, noise: Tensor, mix: Tensor) -> Tensor:
    """Points near an image, up to half its standard deviation away.

    Kodali et al. 2017, https://arxiv.org/abs/1705.07215, with the noise of its official code, but the standard
    deviation is that of each image, not of the batch.

    Shapes:
        image, noise: (N, H, W, C), noise uniform in [0, 1); mix: (N,) in [0, 1] -> (N, H, W, C) float32

    >>> image = ops.reshape(ops.array([-1.0, 1.0]), (1, 1, 2, 1))  # its standard deviation is 1
    >>> dragan_points(image, ops.ones((1, 1, 2, 1)), ops.array([0.5])).numpy().ravel()
    array([-0.75,  1.25], dtype=float32)
    """
    image = ops.cast(image, "float32")
    deviation = ops.std(image, axis=tuple(range(1, len(image.shape))), keepdims=True)
    return image + _column(mix, image) * 0.5 * deviation * ops.cast(noise, "float32")


def _gradient(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return backend.input_gradient(lambda shown: ops.cast(critic(shown), "float32"), ops.cast(x, "float32"))


def _column(mix: Tensor, image: Tensor) -> Tensor:
    """(N,) -> (N, 1, 1, 1), as many axes as the image has."""
    return ops.reshape(ops.cast(mix, "float32"), (-1, *(1 for _ in image.shape[1:])))
