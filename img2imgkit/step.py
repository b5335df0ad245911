"""The contract of a pipeline step: where pictures come from, what changes them, where they go.

A step is made once from its options, asked once what it needs (``prepare``, while planning: no picture is decoded and
no network loaded), opened once, and then called for each item, from several threads unless its ``lane`` is "model".
It is deterministic, and leaves the items it is given as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from img2imgkit.config import Config

if TYPE_CHECKING:
    import numpy as np

    from img2imgkit.images import Picture


@dataclass(frozen=True)
class Entry:
    """A picture that a source has found, before anything is decoded.

    Attributes:
        path: the file
        relative: its place below the source's folder, with its name
        index: its number in the source's order, from 0
        size, mtime_ns: of the file when it was found
        variant: which of several outputs is made of it, as name fields and values, see ``Transform.variants``
    """

    path: Path
    relative: PurePosixPath
    index: int
    size: int
    mtime_ns: int
    variant: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """What people are told of it: ``street/1.png (domain: night)``."""
        variant = ", ".join(f"{field}: {value}" for field, value in self.variant)
        return f"{self.relative} ({variant})" if variant else str(self.relative)


@dataclass(frozen=True)
class Listing:
    """Everything a source has found, in natural order, and how many files it left alone, by reason."""

    entries: tuple[Entry, ...]
    ignored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """One picture on its way through a pipeline.

    Attributes:
        entry: where it came from
        picture: its pixels now
        original: its pixels as decoded
        notes: what steps want the report to say of it ("tile": 256, "retries": 1, ...)
        maps: ids of the picture's pixels, (H, W) int32 of its size: "label", whose classes they are of, and "instance",
            which of them are one object; of these the picture itself is only a drawing
    """

    entry: Entry
    picture: Picture
    original: Picture
    notes: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)

    def with_picture(self, picture: Picture, **notes: Any) -> Item:
        """The item one step further, with further notes. Maps that are not of its size tell nothing of it, and go."""
        size = (picture.height, picture.width)
        maps = {name: ids for name, ids in self.maps.items() if ids.shape == size}
        return replace(self, picture=picture, notes={**self.notes, **notes}, maps=maps)

    def with_maps(self, maps: Mapping[str, np.ndarray]) -> Item:
        """The item with other maps. Shapes: each (H, W) int32, of the picture's size."""
        return replace(self, maps=maps)


class Models(Protocol):
    """Finds the models that steps run, among what is installed and on the disk."""

    def find(self, name: str, base: Path, describe: Any = None) -> Any:
        """A model, described but not loaded: an ``inference.ModelReference``.

        Args:
            name: a registered bundle, or a path from ``base``
            describe: an ``inference.Describe``, of an ONNX file of other software

        Raises:
            NotInstalled, BundleError: it is not there, damaged, or refused.
            ConfigError: ``describe`` contradicts it, or is not enough.
        """


@dataclass(frozen=True)
class Planning:
    """What a step may ask while a plan is made.

    Attributes:
        models: finds models
        facts: the name fields that the steps before have set, such as ``model`` and ``scale``
        complete: whether ``facts`` holds them all; False when a step before could not be prepared
        sources: folders that this pipeline reads from
        variants: the name fields of the outputs that the steps before make of each picture, and their values
        maps: the maps that items have behind them here, see ``Step.maps``
    """

    models: Models
    facts: Mapping[str, str | int] = field(default_factory=dict)
    sources: tuple[Path, ...] = ()
    complete: bool = True
    variants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Resources:
    """What a step may use while it runs: the device asked for ("auto", "cpu", "gpu", "gpu:0,1")."""

    device: str = "auto"


@dataclass(frozen=True)
class Rendering:
    """A picture as a sink wants it written: the engine puts it in its place, whole or not at all.

    Attributes:
        target: where it goes, below the sink's folder
        data: the file's bytes
        notes: what the report should say of it
    """

    target: PurePosixPath
    data: bytes
    notes: Mapping[str, Any] = field(default_factory=dict)


class Step(ABC):
    """One step of a pipeline; see ``Source``, ``Transform`` and ``Sink``."""

    name: ClassVar[str]

    class Options(Config):
        """No options."""

    def __init__(self, options: Config | None = None) -> None:
        self.options: Any = options or self.Options()

    def prepare(self, planning: Planning) -> None:
        """Resolve names and refuse what cannot work, cheaply: a ConfigError or PlanError says what and why."""

    def recipe(self) -> Mapping[str, Any]:
        """The options that the output's bytes depend on, as plain JSON data; a change of them makes it outdated."""
        stated: Mapping[str, Any] = self.options.model_dump(mode="json")
        return stated

    def fingerprint(self) -> Mapping[str, Any]:
        """What the output depends on beyond the options, such as a bundle's digest; read after ``prepare``."""
        return {}

    def facts(self) -> Mapping[str, str | int]:
        """Name fields that later steps may use in templates, such as ``model``; read after ``prepare``."""
        return {}

    def maps(self, before: frozenset[str]) -> frozenset[str]:
        """Names of the maps that items have after this step, if they had those before; read after ``prepare``."""
        return before

    def open(self, resources: Resources) -> None:
        """Get ready to run: load networks, make folders."""

    def devices(self) -> tuple[str, ...]:
        """What it computes on, for the report; read after ``open``. Empty: this machine's processor alone."""
        return ()

    def close(self) -> None:
        """Give back what ``open`` took."""


class Source(Step):
    """Where items come from. The first step of a pipeline, and only that."""

    @abstractmethod
    def folder(self) -> Path:
        """What it reads: a folder or a file."""

    @abstractmethod
    def find(self) -> Listing:
        """All entries, without decoding one."""

    @abstractmethod
    def reads(self, path: Path) -> bool:
        """Whether a file at ``path`` would be found, so that a run cannot eat its own results."""

    @abstractmethod
    def load(self, entry: Entry) -> Item:
        """Decode one. Raises DecodeError."""


class Transform(Step):
    """Maps an item to an item.

    ``lane`` says where it runs: "cpu" on several threads at once, "model" on one thread that owns the device.
    """

    lane: ClassVar[Literal["cpu", "model"]] = "cpu"

    def variants(self) -> Mapping[str, Sequence[str]]:
        """Several outputs of each picture: a name field, such as ``domain``, and its values; read after ``prepare``.

        The engine takes every picture through once for each value, or each combination of values;
        ``item.entry.variant`` says which one, and output names need the field. What has been made is known by its
        variant: a ``recipe`` that leaves the list of values out lets a further value make its own outputs only.
        """
        return {}

    def fingerprint_of(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """What one variant's output depends on beyond ``fingerprint``, such as what its files hold.

        Args:
            variant: values by field; without those of steps that stand behind a sink, when the sink asks
        """
        return {}

    @abstractmethod
    def apply(self, item: Item) -> Item:
        """The item one step further. Raises ImageError when this picture cannot be made."""


class Sink(Step):
    """Says what is to be written, and where. The engine writes it, and passes the item on unchanged.

    ``if_exists`` says what happens where a target is already there: "resume" makes again what is missing or outdated
    and refuses files that no run of this tool has made, "overwrite" makes all again, "skip" leaves every file that is
    there, "error" refuses.
    """

    if_exists: Literal["resume", "overwrite", "skip", "error"] = "resume"

    @abstractmethod
    def folder(self) -> Path:
        """Everything it writes lies below this folder."""

    @abstractmethod
    def target(self, entry: Entry) -> PurePosixPath:
        """Where an entry will go, below ``folder``. What only the picture tells stays as its field, ``{width}``."""

    @abstractmethod
    def render(self, item: Item) -> Rendering:
        """The file to be written. Raises EncodeError."""


def kind_of(step: type[Step]) -> str:
    """``source``, ``transform`` or ``sink``: what a step class is."""
    bases = {"source": Source, "transform": Transform, "sink": Sink}
    return next(kind for kind, base in bases.items() if issubclass(step, base))
