"""The contract of a data kind: how training pictures belong together, and what a task gets of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.task import Geometry

Arrays = dict[str, np.ndarray]
OptionProblems = list[tuple[str, str]]  # the option, and what is wrong with it


class ReaderOptions(Config):
    """What to read, and how much of it at once. A kind's own options narrow ``kind`` to ``Literal["its-name"]``."""

    kind: str = Field(description="how pictures belong together")
    batch: int = Field(default=1, ge=1, description="images in a global batch, over all devices")
    cache: int = Field(default=2048, ge=0, description="MiB of decoded pictures kept in memory")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        """Which options contradict each other or a task of that geometry. No picture is opened."""
        return []

    def record(self) -> Mapping[str, Any]:
        """Everything stated and defaulted as plain data, but for this machine's paths."""
        return self.model_dump(mode="json", exclude=_paths(self))


@dataclass(frozen=True)
class Contents:
    """What one folder of training pictures holds, as their headers say.

    Attributes:
        name: what the pictures are to the reader: "source", "target", a domain's name
        pictures: how many
        smallest, largest: the least and the greatest width and height, in pixels; None without pictures
        modes: how many pictures have which mode, as Pillow names modes
    """

    name: str
    pictures: int
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    modes: Mapping[str, int] = field(default_factory=dict)


class Reader(ABC):
    """The training pictures of one data kind: samples that are a function of (seed, position) alone.

    Any sample can be made without those before it, so a resumed run sees what the uninterrupted one would have seen,
    and several machines can each make their own rows of a batch. Samples may be made by several threads at once.

    Attributes:
        problems: what keeps the reader from being used, as far as headers show it
        notes: what is odd, but may be intended
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
        """Samples in which every picture comes at least once; from position 0 on."""

    @property
    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """What was read, as it goes into the training record: counts and sizes, no absolute paths."""

    @property
    @abstractmethod
    def contents(self) -> Sequence[Contents]:
        """What each folder holds."""

    @abstractmethod
    def sample(self, seed: int, position: int) -> Arrays:
        """The image at a position that counts on over all steps, under the kind's keys, without the batch's axis.

        Shapes:
            images: (H, W, C) float32 in [-1, 1]; the kind's page says what else there is
        """

    @abstractmethod
    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Fixed pictures to look at during training: name and batch of one, for each picture of ``folder``.

        Shapes:
            source: (1, H, W, C) float32 in [-1, 1], the input of ``Task.translate``
            target: the same of the truth, where it is known
            further inputs of ``Task.translate``: under their own names
        Raises:
            DataError: the folder is missing, or a picture there cannot be used.
        """

    @abstractmethod
    def verify(self) -> list[str]:
        """What keeps pictures from being used that shows only when each of them is decoded."""

    def batch(self, seed: int, step: int, rows: range | None = None) -> Arrays:
        """The global batch of a step, or only some of its rows.

        Shapes:
            images: (rows, H, W, C) float32 in [-1, 1]
        """
        first = step * self.batch_size
        return stacked([self.sample(seed, first + row) for row in (range(self.batch_size) if rows is None else rows)])


class DataKind(ABC):
    """One way in which training pictures belong together, with the options of one training.

    The docstring says what the pictures are; its first line is shown to users. Register the class with
    ``register_data_kinds``; a task names it in ``data``. ``img2imgkit.testing.check_data_kind`` proves the contract.

    Attributes:
        name: taken from ``Options.kind``, which is ``Literal["its-name"]``
        keys: of a batch
        ids: the keys that hold ids of label maps; all other float32 arrays with height and width are images in [-1, 1]
        label_maps: tasks read a label map in place of the picture, so their ``geometry()`` states ``ids``
        picture_alone: as a rule a task needs nothing but the picture to translate it. The plan of a pipeline then
            needs no code of the task; otherwise it loads that code to check the inputs
        example_fields: what ``random_batch`` reads of ``Task.example_data()``, and what each field means
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
        """The reader of the options' pictures, for a task of that geometry.

        Pictures that are missing or do not fit are the reader's ``problems``, not an error.
        """

    @classmethod
    @abstractmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        """A batch of noise with the keys, types and ranges of a reader's, to test tasks with.

        Args:
            side: height and width of what the networks read
            data: the fields of a reader's ``description`` that fit the task, ``example_fields`` among them
        """


def stacked(samples: Sequence[Arrays]) -> Arrays:
    """Samples of the same keys as a batch. Shapes: (...) each -> (samples, ...)."""
    return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}


def noise(random: np.random.Generator, images: int, height: int, channels: int, width: int | None = None) -> np.ndarray:
    """Random pictures. Shapes: -> (images, height, width or height, channels), float32 in [-1, 1]."""
    return random.uniform(-1, 1, (images, height, width or height, channels)).astype(np.float32)


def _name_in(options: type[ReaderOptions]) -> str:
    stated = get_args(options.model_fields["kind"].annotation)
    if len(stated) != 1 or not isinstance(stated[0], str):
        raise TypeError(f"{options.__name__}.kind must be Literal['a-name']: the one name of its data kind")
    return stated[0]


def _paths(options: Config) -> dict[str, Any]:
    """Which options hold paths, also inside others, in the form of pydantic's ``exclude``."""
    found: dict[str, Any] = {}
    for name in type(options).model_fields:
        value = getattr(options, name)
        parts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(part, Path) for part in parts):
            found[name] = True
        elif isinstance(value, tuple):
            inside = {number: _paths(part) for number, part in enumerate(value) if isinstance(part, Config)}
            found |= {name: inside} if any(inside.values()) else {}
    return found
