"""The contract of engines: the software that runs a model on batches of tiles, one session on each device.

An engine says which devices it sees and in which number formats they compute. Everything else that a translation needs
(sizes, tiles, several devices, NaN, conditions) is the same for all engines, see ``inference``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from img2imgkit.task import Networks, Task

Arrays = Mapping[str, "np.ndarray"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]


class OutOfMemory(Exception):
    """The device does not have enough memory for a batch of this size."""


@dataclass(frozen=True)
class EngineDevice:
    """A device that an engine can use.

    Attributes:
        kind: "cpu" or "gpu"
        number: its position among the devices of its kind, from 0
        name: the device in the software's own words
        precisions: the number formats that it computes in natively
        description: the product's name
    """

    kind: Literal["cpu", "gpu"]
    number: int
    name: str
    precisions: tuple[Precision, ...] = ("float32",)
    description: str = ""


class LoadedNetworks(Protocol):
    """A task and its networks in memory, such as a loaded bundle."""

    @property
    def task(self) -> Task: ...

    @property
    def nets(self) -> Networks: ...


class Session(ABC):
    """A model on one device.

    Attributes:
        reentrant: whether several threads may call it at the same time; otherwise calls take turns
    """

    reentrant: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, inputs: Arrays) -> Arrays:
        """Run the model.

        Shapes:
            inputs: the model's own inputs by name, such as (N, H, W, C) float32 in [-1, 1] -> its outputs by name
        Raises:
            OutOfMemory: the device ran out of memory; a smaller batch may succeed.
            TranslateError: the model failed for another reason.
        """

    def close(self) -> None:
        """Release the model's memory on the device."""


class Engine(ABC):
    """Software that runs models. It is constructed without arguments, and imports its library on first use.

    Attributes:
        name: the engine's name in options
        form: what it opens: a loaded bundle's networks, whose program reads the inputs of ``Task.translate`` and writes
            "output", or the path of an ONNX file
        any_precision: whether it also computes in precisions that a device does not have natively
        distribution: what it needs, for its version and for messages
    """

    name: ClassVar[str]
    form: ClassVar[Literal["networks", "onnx"]]
    distribution: ClassVar[str]
    any_precision: ClassVar[bool] = False

    def version(self) -> str | None:
        """The installed version of that distribution; None if it is not installed. Imports nothing."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

    @abstractmethod
    def devices(self) -> Sequence[EngineDevice]:
        """The devices that it can use here; plans call this, too, so it must not take seconds.

        Raises:
            ImportError: the library is not installed, or damaged.
        """

    @abstractmethod
    def open(
        self, model: LoadedNetworks | Path, device: EngineDevice, precision: Precision = "float32", batch: int = 1
    ) -> Session:
        """Open a model on a device.

        Args:
            model: see ``form``
            batch: the largest number of tiles in one call; the bytes must not depend on how many there are

        Raises:
            BundleError: the model is refused, or cannot be opened.
            ConfigError: the device cannot be used.
        """

    def free_bytes(self, device: EngineDevice) -> int | None:
        """Memory that one call may use on a device; None: unknown, or a part of the free main memory for a CPU."""
        return None
