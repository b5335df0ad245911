"""The contract of a data kind: how training pictures are organised, and the batches that a task receives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.task import Geometry

Arrays = dict[str, np.ndarray]
OptionProblems = list[tuple[str, str]]  # option and problem


class ReaderOptions(Config):
    """Options that all data kinds share. A kind's own options narrow ``kind`` to ``Literal["its-name"]``."""

    kind: str = Field(description="how the training pictures are organised")
    batch: int = Field(default=1, ge=1, description="images in a global batch, over all devices together")
    cache: int = Field(default=2048, ge=0, description="MiB of decoded pictures kept in memory")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        """Options that contradict each other or the task's geometry. Opens no picture."""
        return []

    def record(self) -> Mapping[str, Any]:
        """All options as plain data, without this machine's paths."""
        return self.model_dump(mode="json", exclude=_paths(self))


@dataclass(frozen=True)
class Contents:
    """The contents of one folder of training pictures, according to the file headers.

    Attributes:
        name: the role of the pictures: "source", "target", a domain's name
        pictures: number of pictures
        smallest, largest: minimum and maximum width and height, in pixels; None without pictures
        modes: number of pictures by Pillow mode
    """

    name: str
    pictures: int
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    modes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Findings:
    """What decoding pictures shows.

    Attributes:
        problems: a line for each picture that cannot be used
        notes: what reading leaves out of pictures, such as further pages or transparency; a line for each kind
    """

    problems: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings((*self.problems, *other.problems), (*self.notes, *other.notes))


class Reader(ABC):
    """Reads the training pictures of one data kind. A sample is a function of (seed, position) alone.

    Any sample can be read without those before it, so a resumed run sees exactly the data of an uninterrupted one,
    and each machine can read its own rows of a batch. ``sample`` may be called by several threads at once.

    Attributes:
        problems: errors visible in the file headers; a reader with problems cannot be used
        notes: oddities that may be intended
    """

    options: Any  # the kind's own, derived from ReaderOptions
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def kind(self) -> str:
        """The data kind's name."""
        return str(self.options.kind)

    @property
    def batch_size(self) -> int:
        """Images in one global batch."""
        return int(self.options.batch)

    @property
    @abstractmethod
    def epoch(self) -> int:
        """The number of samples, from position 0, in which every picture occurs at least once."""

    @property
    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """A summary of the data for the training record: counts and sizes, no absolute paths."""

    @property
    @abstractmethod
    def contents(self) -> Sequence[Contents]:
        """The contents of each folder."""

    @abstractmethod
    def sample(self, seed: int, position: int) -> Arrays:
        """Read the sample at a position, counted over all steps: arrays under the kind's keys, without a batch axis.

        Shapes:
            images: (H, W, C) float32 in [-1, 1]; the kind's page documents other arrays
        """

    @abstractmethod
    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Read fixed validation pictures: a name and a batch of one for each picture in ``folder``.

        Shapes:
            source: (1, H, W, C) float32 in [-1, 1], the input of ``Task.translate``
            target: (1, H, W, C) float32 in [-1, 1], the ground truth, if there is one
            other inputs of ``Task.translate``: under their own names
        Raises:
            DataError: the folder is missing, or a picture in it cannot be used.
        """

    @abstractmethod
    def verify(self) -> Findings:
        """Decode every picture; see ``img2imgkit.data.examine``."""

    def batch(self, seed: int, step: int, rows: range | None = None) -> Arrays:
        """Read the global batch of a step, or some of its rows.

        Shapes:
            images: (rows, H, W, C) float32 in [-1, 1]
        """
        first = step * self.batch_size
        return stacked([self.sample(seed, first + row) for row in (range(self.batch_size) if rows is None else rows)])


class DataKind(ABC):
    """One way of organising training pictures, with the options of one training.

    The docstring describes the pictures; its first line is shown to users. Register the class with
    ``register_data_kinds``; a task names it in ``data``. ``img2imgkit.testing.check_data_kind`` verifies the contract.

    Attributes:
        name: derived from ``Options.kind``, which is ``Literal["its-name"]``
        keys: the keys of a batch
        ids: the keys that contain label-map ids; all other float32 arrays with height and width are images in [-1, 1]
        label_maps: the source is a label map instead of a picture, so the task's ``geometry()`` states ``ids``
        picture_alone: tasks of this kind normally translate from the picture alone. A pipeline plan then needs no code
            of the task; otherwise it loads the task to check the inputs
        example_fields: the fields of ``Task.example_data()`` that ``random_batch`` uses, and their meanings
    """

    name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]
    ids: ClassVar[tuple[str, ...]] = ()
    label_maps: ClassVar[bool] = False
    picture_alone: ClassVar[bool] = True
    example_fields: ClassVar[Mapping[str, str]] = {}
    Options: ClassVar[type[ReaderOptions]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "Options" in vars(cls):
            cls.name = _name_in(cls.Options)

    def __init__(self, options: ReaderOptions) -> None:
        self.options: Any = options

    @abstractmethod
    def reader(self, geometry: Geometry) -> Reader:
        """Open the pictures for a task of that geometry.

        Missing or unsuitable pictures become the reader's ``problems``; they raise no error.
        """

    @classmethod
    @abstractmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        """A batch of noise with the keys, types and ranges of a real one, for testing tasks.

        Args:
            side: height and width of the networks' input
            data: a reader's ``description`` that fits the task, including the ``example_fields``
        """

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        """Write a few small random pictures of this kind into a folder, for tests and first tries.

        Args:
            side: height of the pictures and side of the crops, in pixels

        Returns:
            the options that read them, without ``kind``
        Raises:
            NotImplementedError: the kind has no example.
        """
        raise NotImplementedError(f"data kind {cls.name!r} does not define write_example()")


def stacked(samples: Sequence[Arrays]) -> Arrays:
    """Stack samples of the same keys into a batch. Shapes: (...) each -> (samples, ...)."""
    return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}


def noise(random: np.random.Generator, images: int, height: int, channels: int, width: int | None = None) -> np.ndarray:
    """Random pictures. Shapes: -> (images, height, width or height, channels), float32 in [-1, 1]."""
    return random.uniform(-1, 1, (images, height, width or height, channels)).astype(np.float32)


def noise_pair(
    random: np.random.Generator, images: int, side: int, geometry: Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """Random pictures that networks of this geometry read and write.

    Shapes: -> (images, side, side, channels) and (images, scale * side, scale * side, written), float32 in [-1, 1]
    """
    source = noise(random, images, side, geometry.channels)
    return source, noise(random, images, side * geometry.scale, geometry.written)


def _name_in(options: type[ReaderOptions]) -> str:
    stated = get_args(options.model_fields["kind"].annotation)
    if len(stated) != 1 or not isinstance(stated[0], str):
        raise TypeError(f"{options.__name__}.kind must be Literal['a-name'], the name of its data kind")
    return stated[0]


def folders_in(options: Config) -> Iterator[Path]:
    """The folders and files that options refer to, at any depth."""
    for name in type(options).model_fields:
        value = getattr(options, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Path):
                yield each
            elif isinstance(each, Config):
                yield from folders_in(each)


def _paths(options: Config) -> dict[str, Any]:
    """The options that contain paths, at any depth, in the form of pydantic's ``exclude``."""
    found: dict[str, Any] = {}
    for name in type(options).model_fields:
        value = getattr(options, name)
        values = value if isinstance(value, tuple) else (value,)
        if any(isinstance(each, Path) for each in values):
            found[name] = True
        elif isinstance(value, tuple):
            inside = {number: _paths(each) for number, each in enumerate(value) if isinstance(each, Config)}
            found |= {name: inside} if any(inside.values()) else {}
    return found
