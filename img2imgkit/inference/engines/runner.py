"""Run tiles on the sessions of an engine: several devices share a batch, and every output is checked to be finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from img2imgkit.engine import Arrays, Engine, EngineDevice, Precision, Session
from img2imgkit.images import is_finite
from img2imgkit.inference.engines import devices
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.tiles.grid import Grid

BLIND = "every output pixel depends on the whole picture, but a tile shows only a region; 'tile: off' avoids it"


class Runnable(Protocol):
    """A model that engines can open: a bundle's networks, or an exported model.

    Attributes:
        interface: the representation of pictures in its inputs and outputs
        blind: why its tiles cannot be exact if ``geometry.radius`` is None
        notes: notes for the report about the model itself
    """

    @property
    def interface(self) -> Interface: ...

    @property
    def blind(self) -> str: ...

    @property
    def notes(self) -> Mapping[str, Any]: ...

    def session(self, place: Place, precision: Precision) -> Session:
        """Open its translation. Raises as ``Engine.open`` does."""

    def encoder(self, place: Place, condition: str) -> Callable[[np.ndarray], np.ndarray]:
        """Open its encoder of pictures for a condition. Shapes: (1, H, W, C) float32 in [-1, 1] -> (1, D).

        Raises:
            BundleError: the model has no such encoder; the message explains how to export one.
            ConfigError: the task encodes no pictures.
        """

    def bytes_per_pixel(self) -> float:
        """Peak memory per input pixel, including scratch memory."""


@dataclass(frozen=True)
class Place:
    """Where a model is opened: an engine, one of its devices, and the largest number of tiles in a call."""

    engine: Engine
    device: EngineDevice
    batch: int = 1


@dataclass
class Course:
    """What happens while a picture is translated.

    Attributes:
        retries: how often memory did not suffice
        low, high: extremes of what the model gave, in [-1, 1] if all is well
    """

    retries: int = 0
    low: float = 0.0
    high: float = 0.0

    def see(self, image: np.ndarray) -> None:
        """Take a part of the output into account."""
        self.low, self.high = min(self.low, float(image.min())), max(self.high, float(image.max()))

    @property
    def is_far_beyond(self) -> bool:
        """Whether a value is further outside of the range than half of it, as no network's overshooting is."""
        return max(-self.low, self.high) > 2

    @property
    def beyond(self) -> str:
        """A note on it."""
        low, high = ((each + 1) / 2 for each in (self.low, self.high))
        about = (
            "the model gives values far beyond its range, which 'values' or 'gives' under 'describe' may state wrongly"
        )
        return f"{about}: {low:.3g} to {high:.3g} of 0 to 1"


class Runner:
    """Maps batches of tiles to batches of tiles, on one or several devices of an engine.

    A CPU gets one tile at a time: several at once are not faster there, and some engines would give other bytes.

    Attributes:
        geometry: the model's geometry: scale, size constraints, receptive radius, channels
        devices: names of the devices in the software that runs the model
        size: height and width of every tile if the model requires a fixed size
        batch: number of tiles per call if the model requires a fixed batch size
        whole: whether each call must see a whole picture, so that tiles are out of the question
        reads_alpha: whether it reads alpha with colour, in [-1, 1], where a picture has any
        as_alpha: whether the output becomes the alpha of the picture, in place of a picture
        is_described: whether ranges are a user's word, which outputs may belie
        sessions: one for each device
    """

    def __init__(
        self, model: Runnable, engine: Engine, chosen: Sequence[EngineDevice], precision: Precision, batch: int = 1
    ) -> None:
        interface = model.interface
        self._model, self._interface = model, interface
        self.geometry, self.size, self.batch = interface.geometry, interface.size, interface.batch
        self.devices, self.kind = tuple(device.name for device in chosen), chosen[0].kind
        self.whole, self.reads_alpha, self.as_alpha = interface.whole, interface.reads_alpha, interface.as_alpha
        self.is_described = interface.is_described
        self._together = interface.batch or (1 if self.kind == "cpu" else batch)
        self._places = [Place(engine, device, self._together) for device in chosen]
        self.sessions = [model.session(place, precision) for place in self._places]
        self._encoders: dict[str, Callable[[np.ndarray], np.ndarray]] = {}

    @property
    def replicas(self) -> int:
        """How many devices share a batch."""
        return len(self.sessions)

    @property
    def reentrant(self) -> bool:
        """Whether several threads may call it at the same time."""
        return self.kind == "cpu" and all(session.reentrant for session in self.sessions)

    def __call__(self, inputs: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Translate tiles; returns the images, and whether all values of each are finite.

        Shapes:
            inputs["source"]: (N, H, W, read), float32 in [-1, 1], or ids of a label map; the task's other inputs:
                (N, H, W, C) or (N, D) -> (N, scale * H, scale * W, written), float32; (N,), bool
        Raises:
            OutOfMemory: the device ran out of memory.
            TranslateError: the model failed for another reason.
        """
        tiles, each = len(inputs["source"]), self._together
        batches = [{name: array[at : at + each] for name, array in inputs.items()} for at in range(0, tiles, each)]
        if len(self.sessions) == 1 or len(batches) == 1:
            images = [self._called(self.sessions[0], batch) for batch in batches]
        else:
            images = self._shared(batches)
        image = images[0] if len(images) == 1 else np.concatenate(images)
        return image, np.array([is_finite(one) for one in image])

    def encode(self, condition: str, pixels: np.ndarray) -> np.ndarray:
        """Encode a picture for a condition. Shapes: (1, H, W, written) float32 in [-1, 1] -> (1, D)."""
        if condition not in self._encoders:
            self._encoders[condition] = self._model.encoder(self._places[0], condition)
        return self._encoders[condition](pixels)

    def bytes_per_pixel(self) -> float:
        """Peak memory per input pixel, including scratch memory."""
        return self._model.bytes_per_pixel()

    def free_bytes(self) -> int:
        """Memory that one call may use on each device."""
        return min(devices.free_bytes(place.device, place.engine.free_bytes(place.device)) for place in self._places)

    @cached_property
    def blind(self) -> str:
        """Why tiles cannot be exact if ``geometry.radius`` is None."""
        return self._model.blind

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
        return self._model.notes

    def close(self) -> None:
        """Release the models."""
        for session in self.sessions:
            session.close()

    def _shared(self, batches: Sequence[Arrays]) -> list[np.ndarray]:
        """Distribute batches over the devices, which run in parallel."""
        count = len(self.sessions)

        def on(number: int) -> list[np.ndarray]:
            return [self._called(self.sessions[number], batch) for batch in batches[number::count]]

        with ThreadPoolExecutor(count) as pool:
            made = list(pool.map(on, range(count)))
        return [made[at % count][at // count] for at in range(len(batches))]

    def _called(self, session: Session, inputs: Arrays) -> np.ndarray:
        count, fixed = len(inputs["source"]), self.batch
        if fixed is not None and count < fixed:
            missing = fixed - count
            inputs = {name: np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for name, a in inputs.items()}
        made = session(self._interface.feeds(inputs))[self._interface.output]
        return self._interface.image_of(made, inputs["source"])[:count]
