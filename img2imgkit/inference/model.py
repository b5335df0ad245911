"""Open a model on an engine, and run it on tiles of levels with any channels; outputs are finite floats."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.engine import Arrays, Engine, EngineDevice, Precision
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import to_unit
from img2imgkit.inference.engines import devices
from img2imgkit.inference.engines.loaded_bundle import LoadedBundle
from img2imgkit.inference.engines.runner import Runnable, Runner
from img2imgkit.inference.engines.selection import ModelFacts, Selected, Wanted, facts_of, select
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.inputs.translate_options import TranslateOptions

PROBE = 64  # pixels, the side of the picture on which precisions are compared
SMALL = 256 * 256  # pixels of a call that leaves cores idle and needs little memory
TURNS = tuple((quarter, flip) for flip in (False, True) for quarter in range(4))


@dataclass(frozen=True)
class Opening:
    """How a model is opened: on an engine, some of its devices, in a precision.

    Attributes:
        batch: tiles per call, on each device
    """

    model: Runnable
    engine: Engine
    devices: tuple[EngineDevice, ...]
    precision: Precision
    batch: int

    @classmethod
    def chosen(
        cls,
        model: Bundle | ExportedModel,
        options: TranslateOptions,
        device: str,
        selected: Selected | None,
        engines: Mapping[str, type[Engine]],
    ) -> Opening:
        """Open a model as a plan has selected, or as the rule selects among these engines.

        Raises:
            ConfigError: there is no such engine or device, or the model does not support the options.
        """
        if isinstance(model, ExportedModel):
            model.prove(options)
        facts = model.facts if isinstance(model, ExportedModel) else ModelFacts(frozenset({"networks"}))
        wanted = Wanted(options.engine, device, options.precision)
        selected = selected or select(wanted, facts, facts_of(engines))
        engine = engines[selected.name]()
        there = devices.chosen(device, selected.device, engine.devices())
        if not there:
            raise ConfigError(
                f"device {device!r}: {selected.name} sees no {selected.device.upper()} here; 'cpu' always works, and "
                "'img2img doctor' tells what each engine sees"
            )
        runnable = model if isinstance(model, ExportedModel) else LoadedBundle(model)
        return cls(runnable, engine, there, selected.precision, options.batch)

    def runner(self) -> Runner:
        """The model on its devices. Raises BundleError: it is refused, or cannot be opened."""
        return Runner(self.model, self.engine, self.devices, self.precision, self.batch)

    def exact(self) -> Runner:
        """The same in float32, on the first device."""
        return Runner(self.model, self.engine, self.devices[:1], "float32", self.batch)


class _Counts(threading.local):
    redone = 0


class Model:
    """A runner as a function from tiles of levels to tiles of floats. Thread-safe.

    Calls of the runner take turns; only small ones run at the same time, if its engine allows it.
    """

    def __init__(self, name: str, opening: Opening, ensemble: bool) -> None:
        """Open the model ``name``."""
        self.name, self.runner = name, opening.runner()
        self._counts, self._lock = _Counts(), threading.RLock()
        self._opening, self._ensemble = opening, ensemble
        self._geometry = self.runner.geometry

    @property
    def redone(self) -> int:
        """Number of tiles that this thread recomputed in float32 because they contained NaN or infinity."""
        return self._counts.redone

    @cached_property
    def reference(self) -> Runner:
        """The runner in float32."""
        return self.runner if self._is_exact else self._opening.exact()

    @property
    def precision(self) -> Precision:
        """The number format inside the networks."""
        return self._opening.precision

    @property
    def _is_exact(self) -> bool:
        return self.precision == "float32"

    def channels(self, given: int) -> int:
        """Channels of the output for tiles with ``given`` channels."""
        return self._geometry.written if given == self._geometry.channels else given

    def __call__(self, tiles: np.ndarray, conditioning: Arrays | None = None) -> np.ndarray:
        """Translate tiles of one picture.

        For networks that read three channels, grey is repeated and their output averaged; networks that read and write
        one channel process the channels of a colour picture one by one.

        Shapes:
            tiles: (N, H, W, C), uint8 or uint16, or int32 ids; C is 1 or 3, and must be 1 if the networks map 1 to 3;
                one more, for alpha, if the networks read and write alpha
            conditioning: the task's other inputs, (N, H, W, C) or (N, D)
                -> (N, scale * H, scale * W, ``channels(C)``), float32, all finite
        Raises:
            OutOfMemory: the device ran out of memory.
            TranslateError: the output contains NaN or infinity even in float32.
        """
        channels, count = tiles.shape[-1], len(tiles)
        conditioning, unit = conditioning or {}, self._read(tiles)
        if channels == self._geometry.channels:
            return self._turned({**conditioning, "source": unit})
        if self._geometry.has_alpha:
            grey, alpha = np.repeat(unit[..., :1], 3, axis=-1), unit[..., 1:]
            made = self._turned({**conditioning, "source": np.concatenate([grey, alpha], axis=-1)})
            return np.concatenate([made[..., :3].mean(axis=-1, keepdims=True), made[..., 3:]], axis=-1)
        if channels == 1:
            return self._turned({**conditioning, "source": np.repeat(unit, 3, axis=-1)}).mean(axis=-1, keepdims=True)
        assert self._geometry.written == 1, "``to_model`` converts to grey for networks that colourise"
        thrice = {name: np.concatenate([array] * channels) for name, array in conditioning.items()}
        planes = np.concatenate([unit[..., i : i + 1] for i in range(channels)])
        apart = self._turned({**thrice, "source": planes})
        return np.concatenate([apart[i * count : (i + 1) * count] for i in range(channels)], axis=-1)

    def difference(self, tiles: np.ndarray, conditioning: Arrays | None = None) -> np.ndarray:
        """The absolute difference from float32 in units of [-1, 1], in the shape of the output.

        Shapes:
            tiles: (N, H, W, read)
        """
        inputs = {**(conditioning or {}), "source": self._read(tiles)}
        with self._lock:
            return np.abs(self._finite(inputs) - self.reference(inputs)[0])

    def close(self) -> None:
        """Release the model, also its copy in float32."""
        for each in {self.runner, self.reference} if "reference" in vars(self) else {self.runner}:
            each.close()

    def _read(self, tiles: np.ndarray) -> np.ndarray:
        """Convert tiles to what the networks read: ids unchanged, levels to [-1, 1]."""
        return tiles.astype(np.float32) if self._geometry.ids else to_unit(tiles)

    def _turned(self, inputs: Arrays) -> np.ndarray:
        """One pass, or the mean of eight (Timofte et al. 2016, arXiv:1511.02228, "enhanced prediction")."""
        if not self._ensemble:
            return self._finite(inputs)
        total: np.ndarray | None = None
        for quarter, flip in TURNS:
            way = {
                name: np.ascontiguousarray(turned(each, quarter, flip)) if each.ndim == 4 else each
                for name, each in inputs.items()
            }
            image = turned_back(self._finite(way), quarter, flip)
            total = image.copy() if total is None else np.add(total, image, out=total)
        assert total is not None
        return np.divide(total, len(TURNS), out=total)

    def _finite(self, inputs: Arrays) -> np.ndarray:
        with self._turn(inputs):
            image, finite = self.runner(inputs)
        if finite.all():
            return image
        if self._is_exact:
            raise TranslateError(self._not_finite(""))
        broken = np.flatnonzero(~finite)
        with self._lock:
            again, finite = self.reference({name: array[broken] for name, array in inputs.items()})
        if not finite.all():
            raise TranslateError(self._not_finite(", even in float32"))
        self._counts.redone += len(broken)
        image = image.copy()
        image[broken] = again
        return image

    def _turn(self, inputs: Arrays) -> AbstractContextManager[Any]:
        """Wait until the runner may be called."""
        small = math.prod(inputs["source"].shape[:3]) <= SMALL
        return nullcontext() if small and self.runner.reentrant else self._lock

    def _not_finite(self, more: str) -> str:
        return f"bundle {self.name!r} returns NaN or infinite values for this picture{more}"


def turned(tiles: np.ndarray, quarter: int, flip: bool) -> np.ndarray:
    """A view of (N, H, W, C), flipped horizontally if ``flip``, then rotated by ``quarter`` right angles."""
    return np.rot90(tiles[:, :, ::-1] if flip else tiles, quarter, axes=(1, 2))


def turned_back(tiles: np.ndarray, quarter: int, flip: bool) -> np.ndarray:
    """The inverse of ``turned``."""
    back = np.rot90(tiles, -quarter, axes=(1, 2))
    return back[:, :, ::-1] if flip else back


def probe(side: int, channels: int) -> np.ndarray:
    """A fixed test picture with ramps, edges and noise.

    Shapes:
        -> (side, side, channels), uint8
    """
    ramp = np.linspace(0, 255, side)[None, :, None] * np.ones((side, 1, channels))
    ramp[side // 4 : side // 2] = np.where(np.arange(side) // 4 % 2, 255, 0)[:, None]
    ramp[side // 2 :] = np.random.default_rng(0).integers(0, 256, (side - side // 2, side, channels))
    return ramp.astype(np.uint8)


def read_as(tile: np.ndarray, channels: int) -> np.ndarray:
    """A tile with the number of channels that the networks read."""
    return tile if tile.shape[2] == channels else np.repeat(tile[..., :1], channels, axis=2)
