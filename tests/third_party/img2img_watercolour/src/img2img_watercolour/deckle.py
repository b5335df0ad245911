"""A step: the white, frayed border of handmade paper."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import img2imgkit as kit


class Deckle(kit.Transform):
    """Fade pictures to white towards their border."""

    name = "deckle"

    class Options(kit.Config):
        """How wide the border is."""

        width: int = Field(default=4, ge=1, description="pixels over which a picture fades to white")

    def apply(self, item: kit.Item) -> kit.Item:
        levels = item.picture.color
        white = np.iinfo(levels.dtype).max
        rows, columns = (np.minimum(np.arange(size), np.arange(size)[::-1]) for size in levels.shape[:2])
        kept = np.clip(np.minimum.outer(rows, columns) / self.options.width, 0, 1)[..., None]
        faded = np.rint(white + kept * (levels.astype(np.float64) - white)).astype(levels.dtype)
        return item.with_picture(item.picture.with_pixels(faded, item.picture.alpha))


@kit.hookimpl
def register_steps(register: Any) -> None:
    register(Deckle)
