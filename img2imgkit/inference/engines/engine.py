"""The interface of engines, which run a bundle's networks or an exported model on tiles."""

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
    """The device does not have enough memory for a batch of this size."""


class Engine(ABC):
    """Maps batches of tiles to batches of tiles, on one or several devices.

    Attributes:
        geometry: the model's geometry: scale, size constraints, receptive radius, channels
        devices: names of the devices in the software that runs the model
        size: height and width of every tile if the model requires a fixed size
        batch: number of tiles per call if the model requires a fixed batch size
        reentrant: whether several threads may call it at the same time
        blind: why tiles cannot be exact if ``geometry.radius`` is None
    """

    geometry: Geometry
    devices: tuple[str, ...]
    size: tuple[int, int] | None = None
    batch: int | None = None
    reentrant: bool = False
    blind = "every output pixel depends on the whole picture, but a tile shows only a region; 'tile: off' avoids it"

    @property
    def replicas(self) -> int:
        """How many devices share a batch."""
        return len(self.devices)

    @abstractmethod
    def __call__(self, inputs: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Translate tiles; returns the images, and whether all values of each are finite.

        Shapes:
            inputs["source"]: (N, H, W, read), float32 in [-1, 1], or ids of a label map; the task's other inputs:
                (N, H, W, C) or (N, D) -> (N, scale * H, scale * W, written), float32; (N,), bool
        Raises:
            OutOfMemory: the device ran out of memory.
            TranslateError: the model failed for another reason.
        """

    @abstractmethod
    def encode(self, condition: str, pixels: np.ndarray) -> np.ndarray:
        """Encode a picture for a condition. Shapes: (1, H, W, written) float32 in [-1, 1] -> (1, D)."""

    @abstractmethod
    def bytes_per_pixel(self) -> float:
        """Peak memory per input pixel, including scratch memory."""

    def free_bytes(self) -> int:
        """Memory that one call may use on each device."""
        return min(map(devices.free_bytes, self.devices))

    def why_inexact(self, grid: Grid) -> str:
        """Explain in the report why the tiles of an inexact grid are not exact."""
        radius = self.geometry.radius
        if radius is not None and grid.tiles > 1 and grid.overlap.halo < radius:
            return f"the tiles overlap by less than {2 * radius} pixels, the 'overlap' that would make them exact"
        if self.size is not None:
            size = " x ".join(map(str, self.size))
            return f"the model requires {size} pixels: smaller pictures are padded, larger ones cut into tiles"
        return self.blind

    def notes(self) -> Mapping[str, Any]:
        """Notes for the report about the model itself."""
        return {}
