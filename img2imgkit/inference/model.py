"""Choose the engine of a model, and run it on tiles of levels with any channels; outputs are finite floats."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np

from img2imgkit import backend
from img2imgkit.bundle import Bundle
from img2imgkit.errors import TranslateError
from img2imgkit.images import to_unit
from img2imgkit.inference.engines.engine import Arrays, Engine
from img2imgkit.inference.engines.network import Network
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.inputs.translate_options import TranslateOptions

PROBE = 64  # pixels, the side of the picture on which precisions are compared
SMALL = 256 * 256  # pixels of a call that leaves cores idle and needs little memory
TURNS = tuple((quarter, flip) for flip in (False, True) for quarter in range(4))


def engine_of(
    model: Bundle | ExportedModel, options: TranslateOptions, device: str
) -> tuple[Engine, Callable[[], Engine] | None]:
    """The engine of a model, and a function that creates the same engine in float32 if it has a lower precision.

    Raises:
        ConfigError: there is no such device, or an exported model does not support the options.
        BundleError: an exported model is refused, or cannot be opened.
    """
    if isinstance(model, ExportedModel):
        return model.engine(options, device), None
    names, single = backend.devices(device), options.batch == 1
    engine = Network(model.task, model.nets, options.precision, names, single)
    if options.precision == "float32":
        return engine, None
    return engine, lambda: Network(model.task, model.nets, "float32", names[:1], single)


class _Counts(threading.local):
    redone = 0


class Model:
    """An engine as a function from tiles of levels to tiles of floats. Thread-safe.

    Calls of the engine take turns; only small ones run at the same time, if the engine allows it.
    """

    def __init__(self, name: str, engine: Engine, ensemble: bool, exact: Callable[[], Engine] | None = None) -> None:
        """Wrap an engine.

        Args:
            name: the bundle's name
            exact: creates the same engine in float32 if it has a lower precision
        """
        self.name, self.engine = name, engine
        self._counts, self._lock = _Counts(), threading.RLock()
        self._ensemble, self._exact = ensemble, exact
        self._geometry = engine.geometry

    @property
    def redone(self) -> int:
        """Number of tiles that this thread recomputed in float32 because they contained NaN or infinity."""
        return self._counts.redone

    @cached_property
    def reference(self) -> Engine:
        """The engine in float32."""
        return self._exact() if self._exact else self.engine

    def channels(self, given: int) -> int:
        """Colour channels of the output for tiles with ``given`` channels, 1 or 3."""
        return self._geometry.written if given == self._geometry.channels else given

    def __call__(self, tiles: np.ndarray, conditioning: Arrays | None = None) -> np.ndarray:
        """Translate tiles of one picture.

        For networks that read three channels, grey is repeated and their output averaged; networks that read and write
        one channel process the channels of a colour picture one by one.

        Shapes:
            tiles: (N, H, W, C), uint8 or uint16, or int32 ids; C is 1 or 3, and must be 1 if the networks map 1 to 3
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
            image, finite = self.engine(inputs)
        if finite.all():
            return image
        if self._exact is None:
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
        """Wait until the engine may be called."""
        small = math.prod(inputs["source"].shape[:3]) <= SMALL
        return nullcontext() if small and self.engine.reentrant else self._lock

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
