"""What runs tiles: a bundle's networks, or an exported model in the software that it was made for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from img2imgkit.inference.engines import devices
from img2imgkit.inference.tiles.grid import Grid
from img2imgkit.task import Geometry

Arrays = Mapping[str, np.ndarray]


class OutOfMemory(Exception):
    """The device has no memory for this many pixels at once."""


class Engine(ABC):
    """Maps batches of tiles to batches of tiles, on one device or on several.

    Attributes:
        geometry: how it maps sizes
        devices: what it runs on, as the software that runs it calls them
        size: height and width of every tile, where the model takes no other
        batch: how many tiles go through at once, where the model takes no other number
        blind: why tiles cannot be exact, where ``geometry.radius`` is None
    """

    geometry: Geometry
    devices: tuple[str, ...]
    size: tuple[int, int] | None = None
    batch: int | None = None
    blind = "every output pixel depends on the whole picture, which tiles do not see; 'tile: off' avoids them"

    @property
    def replicas(self) -> int:
        """How many devices share a batch."""
        return len(self.devices)

    @abstractmethod
    def __call__(self, inputs: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Translate tiles, and say of each whether every value is finite.

        Shapes:
            inputs["source"]: (N, H, W, read), float32 in [-1, 1], or ids of a label map; what the task wants besides,
                (N, H, W, C) or (N, D) -> (N, scale * H, scale * W, written), float32; (N,), bool
        Raises:
            OutOfMemory: the device has no memory for it.
            TranslateError: it failed otherwise.
        """

    @abstractmethod
    def encode(self, condition: str, pixels: np.ndarray) -> np.ndarray:
        """The code of a picture. Shapes: (1, H, W, written) float32 in [-1, 1] -> (1, D)."""

    @abstractmethod
    def bytes_per_pixel(self) -> float:
        """Bytes that one input pixel needs at the moment when most is held, scratch memory included."""

    def free_bytes(self) -> int:
        """What one more call may take on each device."""
        return min(map(devices.free_bytes, self.devices))

    def why_inexact(self, grid: Grid) -> str:
        """Why tiles that are not exact are not, for the report."""
        radius = self.geometry.radius
        if radius is not None and grid.tiles > 1 and grid.overlap.halo < radius:
            return f"the tiles overlap by less than {2 * radius} pixels, the 'overlap' that would make them exact"
        if self.size is not None:
            size = " x ".join(map(str, self.size))
            return f"the model takes {size} pixels alone: smaller pictures are continued, larger ones seen in parts"
        return self.blind

    def notes(self) -> Mapping[str, Any]:
        """What the report should say of the model itself."""
        return {}
