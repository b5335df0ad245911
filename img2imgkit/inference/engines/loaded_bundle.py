"""A bundle's networks as a model that engines can open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.engine import Precision, Session
from img2imgkit.inference.engines.devices import bytes_per_pixel
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.engines.runner import BLIND, Place
from img2imgkit.inference.inputs.conditions import encode_pictures


@dataclass(frozen=True)
class LoadedBundle:
    """See ``Runnable``."""

    bundle: Bundle
    blind: str = BLIND
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def interface(self) -> Interface:
        """Pictures as ``Task.translate`` reads them, and all arrays that the task computes from conditions."""
        return Interface(self.bundle.task.geometry(), image="source", conditions=None)

    def session(self, place: Place, precision: Precision) -> Session:
        """See ``Runnable``."""
        return place.engine.open(self.bundle, place.device, precision, place.batch)

    def encoder(self, place: Place, condition: str) -> Callable[[np.ndarray], np.ndarray]:
        """See ``Runnable``."""
        import tensorflow as tf

        task, nets = self.bundle.task, self.bundle.nets
        return lambda pixels: np.asarray(encode_pictures(task, nets, condition, tf.constant(pixels)))

    def bytes_per_pixel(self) -> float:
        """See ``Runnable``."""
        return bytes_per_pixel(self.bundle.task, self.bundle.nets)
