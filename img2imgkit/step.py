"""The contract of pipeline steps: sources, transforms and sinks.

A step is constructed once from its options, prepared once (while planning: no picture of the source is decoded, and no
network loaded unless the recipe depends on what it does), opened once, and then called for each item, from several
threads unless its ``lane`` is "model". It is deterministic and does not modify the items it receives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar, Literal, Protocol

from img2imgkit.config import Config
from img2imgkit.item import Entry, Item

Facts = Mapping[str, str | int | None]
UNREADABLE = "unreadable"  # the first word of reasons for which files were ignored although they may be pictures


class Models(Protocol):
    """Finds the models that steps run, installed or on disk."""

    def find(self, name: str, base: Path, describe: Any = None) -> Any:
        """Find a model and read its description, without loading it: an ``inference.ModelReference``.

        Args:
            name: the name of a registered bundle, or a path relative to ``base``
            describe: an ``inference.Describe``, for an ONNX file exported by other software

        Raises:
            NotInstalled, BundleError: the model is missing, damaged or refused.
            ConfigError: ``describe`` contradicts the model, or is incomplete.
        """


@dataclass(frozen=True)
class Resources:
    """What a step can use while it runs; a plan is made for the same.

    Attributes:
        device: the requested device: "auto", "cpu", "gpu", "gpu:0,1"
        engine: the engine of all models, in place of the one in their options
    """

    device: str = "auto"
    engine: str | None = None


def _unknown(enough: int) -> int:
    return 0


def _untold(line: str) -> None:
    pass


@dataclass(frozen=True)
class Planning:
    """What a step can use while it is prepared.

    Attributes:
        models: finds models
        facts: the name fields set by earlier steps, such as ``model`` and ``scale``; None if the value is known only
            from each picture: then it is in ``Item.facts``
        sources: the locations that this pipeline reads from
        complete: whether ``facts`` is complete; False if an earlier step could not be prepared
        variants: the name fields by which earlier steps produce several outputs per picture, and their values
        maps: the names of the maps that items have at this step; see ``Step.maps``
        resources: what the step will be opened with
        kept: the step's fingerprint on record for the outputs that this run resumes; empty if there are none
        pixels: counts the pixels of the pictures that reach this step, from their headers, until there are ``enough``;
            0 if that is not known, as in a folder that is watched
        dry: whether nothing will run, so that no model may be loaded, and nothing made for the run
        tell: tells the user, in one line, what takes seconds before the first picture
    """

    models: Models
    facts: Facts = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    complete: bool = True
    variants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    maps: frozenset[str] = frozenset()
    resources: Resources = field(default_factory=Resources)
    kept: Mapping[str, Any] = field(default_factory=dict)
    pixels: Callable[[int], int] = _unknown
    dry: bool = False
    tell: Callable[[str], object] = _untold


@dataclass(frozen=True)
class Rendering:
    """A file rendered by a sink. The pipeline writes it atomically.

    Attributes:
        target: its path below the sink's location
        data: the file's bytes, or a temporary file with them, for a large picture; the pipeline closes it
        notes: what the sink adds to the report
        modified: the file's modification time, in nanoseconds since 1970; None: now
    """

    target: PurePosixPath
    data: bytes | IO[bytes]
    notes: Mapping[str, Any] = field(default_factory=dict)
    modified: int | None = None


class Step(ABC):
    """One step of a pipeline; see ``Source``, ``Transform`` and ``Sink``."""

    name: ClassVar[str]

    class Options(Config):
        """No options."""

    def __init__(self, options: Config | None = None) -> None:
        self.options: Any = options or self.Options()

    def prepare(self, planning: Planning) -> None:
        """Resolve names and check options, cheaply. Raises ConfigError or PlanError if the step cannot work."""

    def recipe(self) -> Mapping[str, Any]:
        """Return the options that the output's bytes depend on, as JSON data. A change makes outputs outdated."""
        stated: Mapping[str, Any] = self.options.model_dump(mode="json")
        return stated

    def fingerprint(self) -> Mapping[str, Any]:
        """Return what else the output depends on, such as a bundle's digest; called after ``prepare``."""
        return {}

    def facts(self) -> Facts:
        """Return the name fields that later templates can use, such as ``model``; called after ``prepare``.

        None stands for a value that ``apply`` finds for each picture and puts into ``Item.facts``.
        """
        return {}

    def maps(self, before: frozenset[str]) -> frozenset[str]:
        """Return the names of the maps after this step, given those before it; called after ``prepare``."""
        return before

    def open(self, resources: Resources) -> None:
        """Prepare to process items: load networks, create folders."""

    def devices(self) -> tuple[str, ...]:
        """Return the devices it computes on, for the report; called after ``open``. Empty: the CPU only."""
        return ()

    def licences(self) -> Mapping[str, str]:
        """Return the licences of the models that it runs, by name, for the report; called after ``prepare``."""
        return {}

    def close(self) -> None:
        """Release what ``open`` acquired."""


class Source(Step):
    """Where items come from. It is always the first step of a pipeline, and only the first."""

    @abstractmethod
    def location(self) -> str:
        """Return what it reads: a local path, or a URL."""

    @abstractmethod
    def find(self, ignored: Counter[str]) -> Iterator[Entry]:
        """Yield all entries without decoding them.

        Entries are in natural order of ``relative`` as one string (``2.png`` before ``10.png``), unless the source
        documents another order. The order is the same every time; ``index`` counts from 0.

        Args:
            ignored: counts ignored files by reason; complete when the iterator is exhausted. A reason that begins with
                ``UNREADABLE`` is a warning: something that was meant to be read could not be.
        """

    @abstractmethod
    def reads(self, location: str) -> bool:
        """Return whether ``find`` would yield a file at ``location``, to refuse runs that read their own output."""

    def size(self, entry: Entry) -> tuple[int, int] | None:
        """Return an entry's upright width and height if they can be found without decoding it, otherwise None."""
        return None

    def reason_to_skip(self, entry: Entry) -> str:
        """Return why a plan leaves out an entry that ``find`` yields; "" if it does not."""
        return ""

    @abstractmethod
    def load(self, entry: Entry) -> Item:
        """Decode an entry. Raises DecodeError."""


class Transform(Step):
    """Maps an item to an item.

    ``lane`` states where it runs: "cpu" on several threads concurrently, "model" on the thread that owns the device, or
    on as many threads as ``at_once`` allows.
    """

    lane: ClassVar[Literal["cpu", "model"]] = "cpu"
    at_once: ClassVar[int] = 1  # items that a step of the lane "model" can process at the same time

    def variants(self) -> Mapping[str, Sequence[str]]:
        """Return the name fields for several outputs per picture, such as ``domain``, and their values.

        Called after ``prepare``. Every picture is processed once for each combination of values, which
        ``item.entry.variant`` states; output names must contain the field. The ledger records each variant separately:
        if ``recipe`` omits the list of values, adding a value produces only the new outputs.
        """
        return {}

    def fingerprint_of(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """Return what one variant's output depends on besides ``fingerprint``, such as the content of its files.

        Args:
            variant: values by field; for a sink's outputs only the fields of the steps before that sink
        """
        return {}

    def output_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the output's width and height for an input of this size; None if they depend on more than the size.

        Called after ``prepare``. It lets the plan find pictures that are too large for their output format.
        """
        return None

    @property
    def has_forecast(self) -> bool:
        """Whether ``forecast`` depends on the size, so that a dry run reads the header of every picture."""
        return False

    def forecast(self, width: int, height: int) -> str:
        """Return what a dry run says about a picture of this size, such as how often a model will run."""
        return ""

    @abstractmethod
    def apply(self, item: Item) -> Item:
        """Process a still. A step that moves or resamples pixels says so: see ``Picture.with_pixels``.

        Raises:
            ImageError: this picture cannot be processed.
        """

    def apply_to_frames(self, item: Item) -> Item:
        """Process an item: ``apply`` each frame separately. A step that needs several frames overrides this.

        A note with the same value for all frames is kept; others become a tuple with one value per frame.

        Raises:
            ImageError: a frame cannot be processed.
        """
        if len(item.frames) == 1:
            return self.apply(item)
        made = [self.apply(still) for still in item.stills()]
        names = dict.fromkeys(name for each in made for name in each.notes)
        values = {name: tuple(each.notes.get(name) for each in made) for name in names}
        notes = {name: some[0] if all(value == some[0] for value in some) else some for name, some in values.items()}
        return item.with_frames([each.picture for each in made], **notes).with_facts(**made[0].facts)


class Sink(Step):
    """Renders the files to write. The pipeline writes them and passes the item on unchanged.

    ``if_exists`` states what happens if a target exists: "resume" remakes missing and outdated outputs and refuses
    files not written by this tool, "overwrite" remakes every output, "skip" keeps every existing file, "error" refuses.
    """

    if_exists: Literal["resume", "overwrite", "skip", "error"] = "resume"

    @abstractmethod
    def location(self) -> str:
        """Return the folder that contains everything it writes. Only local folders are supported."""

    @abstractmethod
    def target(self, entry: Entry) -> PurePosixPath:
        """Return an entry's target below ``location``. Fields known only from the picture stay, such as ``{width}``."""

    def max_side(self, entry: Entry) -> int | None:
        """Return the maximum width and height that an entry's output format can store; None: no practical limit."""
        return None

    @abstractmethod
    def render(self, item: Item) -> Rendering:
        """Render the file to write. Raises EncodeError."""


def kind_of(step: type[Step]) -> str:
    """Return the kind of a step class: ``source``, ``transform`` or ``sink``."""
    bases = {"source": Source, "transform": Transform, "sink": Sink}
    return next(kind for kind, base in bases.items() if issubclass(step, base))
