"""A loss: absolute differences of the images and of their edges."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import img2imgkit as kit


class EdgeL1(kit.Loss):
    """Mean absolute difference, and that of the differences between neighbouring pixels."""

    name = "edge-l1"
    minimum = 2

    edges: float = Field(default=1.0, ge=0, description="weight of the edges")

    def __call__(self, image: Any, target: Any) -> Any:
        from keras import ops

        apart = ops.cast(image, "float32") - ops.cast(target, "float32")
        across, down = apart[:, :, 1:] - apart[:, :, :-1], apart[:, 1:] - apart[:, :-1]
        whole, *edges = (ops.mean(ops.abs(each), axis=(1, 2, 3)) for each in (apart, across, down))
        return whole + self.edges * sum(edges)


@kit.hookimpl
def register_losses(register: Any) -> None:
    register(EdgeL1)
