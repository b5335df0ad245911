"""The newest state of a training that is known to be good, for the checkpoint of a training that must end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from img2imgkit.training.state import checkpoint

_PATIENCE = 50  # copies are made at most every so many times the duration of the last one


class LastGood:
    """A copy of the state on the host, made between two checkpoints.

    A step that fails may have updated only some of the networks, and a loss that is not finite is only noticed at the
    end of its log interval. The variables are then no state to resume from, but this copy is.

    Attributes:
        step: the number of steps after which the copy was made; -1 if there is none
    """

    def __init__(self) -> None:
        self.step = -1
        self._arrays: checkpoint.Arrays = {}
        self._next = 0.0

    @property
    def arrays(self) -> checkpoint.Arrays:
        """The values of all variables by name."""
        return self._arrays

    def remember(self, step: int, state: Mapping[str, Any]) -> None:
        """Copy the state, unless copying would take more than about 2 % of the time."""
        began = time.perf_counter()
        if began < self._next:
            return
        self.step, self._arrays = step, checkpoint.copied(state)
        ended = time.perf_counter()
        self._next = ended + _PATIENCE * (ended - began)

    def forget(self) -> None:
        """Free the copy, because a file has a newer state."""
        self.step, self._arrays = -1, {}
