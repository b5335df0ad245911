"""The built-in gradient penalties; their formulas are in ``losses.penalties``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from img2imgkit.adversary.contract import Penalty, Tensor
from img2imgkit.losses import dragan_points, gradient_penalty, interpolate, squared_gradient

if TYPE_CHECKING:
    import numpy as np

Critic = Callable[[Tensor], Tensor]
Drawn = Mapping[str, Tensor]


class WganGp(Penalty):
    """Keeps the gradient norm near ``target`` at points between real and generated images.

    Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028.
    """

    name = "wgan_gp"

    target: float = Field(default=1.0, ge=0, description="gradient norm without a penalty")
    epsilon: float = Field(
        default=0.0, ge=0, description="added to each component of the gradient; 1e-16 in CycleGAN's official code"
    )
    per_pixel: bool = Field(default=False, description="take the norm over each pixel's channels, as BasicSR does")

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> Mapping[str, np.ndarray]:
        return _mix(random)

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Drawn) -> Tensor:
        points = interpolate(real, fake, drawn["mix"])
        return gradient_penalty(critic, points, self.target, self.epsilon, self.per_pixel)


class R1(Penalty):
    """Squared gradient norm at real images (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406)."""

    name = "r1"

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Drawn) -> Tensor:
        return squared_gradient(critic, real)


class R2(Penalty):
    """Squared gradient norm at generated images (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406)."""

    name = "r2"

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Drawn) -> Tensor:
        return squared_gradient(critic, fake)


class Dragan(Penalty):
    """Keeps the gradient norm near 1 around real images (Kodali et al. 2017, https://arxiv.org/abs/1705.07215)."""

    name = "dragan"

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> Mapping[str, np.ndarray]:
        return {**_mix(random), "noise": random.random(tuple(shape), "float32")}

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Drawn) -> Tensor:
        return gradient_penalty(critic, dragan_points(real, drawn["noise"], drawn["mix"]))


class ZeroCentred(Penalty):
    """Squared gradient norm between real and generated images (Thanh-Tung et al. 2019).

    https://arxiv.org/abs/1902.03984
    """

    name = "zero_centred"

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> Mapping[str, np.ndarray]:
        return _mix(random)

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Drawn) -> Tensor:
        return squared_gradient(critic, interpolate(real, fake, drawn["mix"]))


def _mix(random: np.random.Generator) -> dict[str, np.ndarray]:
    """The interpolation factor, in [0, 1)."""
    return {"mix": random.random((), "float32")}
