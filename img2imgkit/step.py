"""The contract of a pipeline step: where pictures come from, what changes them, where they go.

A step is made once from its options, asked once what it needs (``prepare``, while planning: no picture is decoded and
no network loaded), opened once, and then called for each item, from several threads unless its ``lane`` is "model".
It is deterministic, and leaves the items it is given as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal, Protocol

from img2imgkit.config import Config
from img2imgkit.item import Entry, Item


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
        sources: locations that this pipeline reads from
        variants: the name fields of the outputs that the steps before make of each picture, and their values
        maps: the maps that items have behind them here, see ``Step.maps``
    """

    models: Models
    facts: Mapping[str, str | int] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    complete: bool = True
    variants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Resources:
    """What a step may use while it runs: the device asked for ("auto", "cpu", "gpu", "gpu:0,1")."""

    device: str = "auto"


@dataclass(frozen=True)
class Rendering:
    """A file as a sink wants it written. The pipeline puts it in its place, whole or not at all.

    Attributes:
        target: where it goes, below the sink's location
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
    def location(self) -> str:
        """What it reads: a local path, or a URL."""

    @abstractmethod
    def find(self, ignored: Counter[str]) -> Iterator[Entry]:
        """All entries as a stream, without decoding one.

        Entries come in natural order of ``relative``, read as one text (``2.png`` before ``10.png``), unless the
        source documents another order. The order is the same each time, and ``index`` counts it from 0.

        Args:
            ignored: counts files that are left alone, by reason; complete when the stream ends
        """

    @abstractmethod
    def reads(self, location: str) -> bool:
        """Whether a file at ``location`` would be found. A run that would read its own results is refused."""

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

        Every picture goes through the pipeline once for each value, or each combination of values;
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
        """A still one step further. Raises ImageError when this picture cannot be made."""

    def apply_to_frames(self, item: Item) -> Item:
        """An item one step further: ``apply`` to each frame by itself. A step that needs several frames overrides it.

        Notes on which all frames agree stay as they are; others become a tuple with one value for each frame.

        Raises:
            ImageError: a frame cannot be made.
        """
        if len(item.frames) == 1:
            return self.apply(item)
        made = [self.apply(still) for still in item.stills()]
        names = dict.fromkeys(name for each in made for name in each.notes)
        values = {name: tuple(each.notes.get(name) for each in made) for name in names}
        notes = {name: some[0] if all(value == some[0] for value in some) else some for name, some in values.items()}
        return item.with_frames([each.picture for each in made], **notes)


class Sink(Step):
    """Says what is to be written, and where. The pipeline writes it, and passes the item on unchanged.

    ``if_exists`` says what happens where a target is already there: "resume" makes again what is missing or outdated
    and refuses files that no run of this tool has made, "overwrite" makes all again, "skip" leaves every file that is
    there, "error" refuses.
    """

    if_exists: Literal["resume", "overwrite", "skip", "error"] = "resume"

    @abstractmethod
    def location(self) -> str:
        """Everything it writes lies below this place. Only local folders can be written so far."""

    @abstractmethod
    def target(self, entry: Entry) -> PurePosixPath:
        """Where an entry will go, below ``location``. What only the picture tells stays as its field, ``{width}``."""

    @abstractmethod
    def render(self, item: Item) -> Rendering:
        """The file to be written. Raises EncodeError."""


def kind_of(step: type[Step]) -> str:
    """``source``, ``transform`` or ``sink``: what a step class is."""
    bases = {"source": Source, "transform": Transform, "sink": Sink}
    return next(kind for kind, base in bases.items() if issubclass(step, base))
