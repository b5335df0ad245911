"""An augmentation: colours fade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

import img2imgkit as kit


class Fade(kit.Augmentation):
    """Each image times a random number below one."""

    name = "fade"

    strength: float = Field(default=0.5, ge=0, lt=1, description="how much of the contrast may go")

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        return random.random(1, "float32")

    def __call__(self, image: Any, drawn: Any) -> Any:
        from keras import ops

        kept = 1 - self.strength * ops.reshape(drawn, (-1, 1, 1, 1))
        return image * ops.cast(kept, image.dtype)


@kit.hookimpl
def register_augmentations(register: Any) -> None:
    register(Fade)
