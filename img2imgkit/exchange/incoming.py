"""How models come in from other software: what an importer finds, and what a task makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from img2imgkit.architectures import Architecture, Assumption, NetworkSpec, State

if TYPE_CHECKING:
    import keras

HEAD_BYTES = 4096  # of a file, that importers see before they are asked for it


@dataclass(frozen=True)
class StateDict:
    """Named arrays as a file of other software keeps them; which network they are of, the import finds out.

    Attributes:
        arrays: by the names that PyTorch's modules have in the official code
        architecture: that they are of, where the file states it; "": recognised by names and shapes
        arguments: of the network, where the file states them: options of the architecture, fields of ``NetworkSpec``
        assumptions: what else the file leaves open, or what of it is left out
        source: the file's name
    """

    arrays: State
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class SavedWeights:
    """Weights of one generator of a task, out of a file that keeps its numbers and not how it is built.

    Attributes:
        fill: puts them into that network; an InteropError says what does not fit
        task: the task's name, and
        options: its options, where the file states them
        role: of the generator, where the file states it
        source: the file's name
    """

    fill: Callable[[keras.Model], None]
    task: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    role: str = ""
    source: str = ""


@dataclass(frozen=True)
class ImportedNetwork:
    """A network out of a file of other software, built here and filled with its weights.

    Attributes:
        architecture: with the options that were read off the file
        spec: what else was read off it: channels, scale, normalization
        model: the network; called with the official forward's arguments, NHWC
        assumptions: what the file does not state; their options are the architecture's, or fields of ``spec``
        source: the file's name
    """

    architecture: Architecture
    spec: NetworkSpec
    model: keras.Model
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""

    @property
    def kind(self) -> str:
        """The architecture's name."""
        return self.architecture.name

    @property
    def arguments(self) -> dict[str, Any]:
        """The architecture's options and what its network depends on of ``spec``."""
        return self.architecture.arguments(self.spec)

    def assumptions_at(self, option: str, **renamed: str) -> tuple[Assumption, ...]:
        """Its assumptions under a task's option that holds the architecture; fields of ``spec`` are the task's own.

        Args:
            renamed: the task's name of a field; "" where the task leaves no choice
        """
        own = type(self.architecture).model_fields
        found = []
        for each in self.assumptions:
            name = renamed.get(each.option, f"{option}.{each.option}" if each.option in own else each.option)
            found.append(replace(each, option=name))
        return tuple(found)


@dataclass(frozen=True)
class FromFile:
    """Which imported network becomes one of a task's.

    Attributes:
        number: its place among those given
        inside: the layer of it that is the network; "": all of it
    """

    number: int
    inside: str = ""


@dataclass(frozen=True)
class ImportPlan:
    """How a task makes a bundle of imported networks.

    Attributes:
        options: of the task, as a training file states them
        roles: each generator that comes out of the files
        fresh: generators that no file has and that a translation does without: they keep fresh weights
        usual: whether such files come from this task's official code, as a rule
        missing: what else the task needs, a sentence each; nothing when it is complete
        assumptions: what no file states and what was taken for it, with the task's options
    """

    options: Mapping[str, Any]
    roles: Mapping[str, FromFile]
    fresh: tuple[str, ...] = ()
    usual: bool = True
    missing: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


class Importable(ABC):
    """A task that bundles can be made of from other software's networks."""

    @classmethod
    @abstractmethod
    def import_plan(cls, networks: Sequence[ImportedNetwork]) -> ImportPlan | None:
        """How a bundle of this task is made of the networks. None if any of them does not belong to this task.

        Args:
            networks: in the order in which the user names their files; critics may be among them, and are left aside
        """


def by_role(networks: Sequence[ImportedNetwork], *roles: str) -> dict[str, list[int]] | None:
    """The numbers of the networks by role. None if any of them serves as none of these.

    Args:
        roles: of architectures, such as "generator" and "critic"; a network counts for the first that it fits
    """
    found: dict[str, list[int]] = {role: [] for role in roles}
    for number, network in enumerate(networks):
        role = next((role for role in roles if role in network.architecture.roles), None)
        if role is None:
            return None
        found[role].append(number)
    return found


class Importer(ABC):
    """Reads networks out of one kind of file. It never runs what is in the file, and trusts no size that it states.

    Attributes:
        name: what users call the format
        suffixes: that such files have as a rule, in lower case, with the dot
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def claims(self, path: Path, head: bytes) -> bool:
        """Whether the file is of this kind.

        Args:
            head: the file's first bytes, up to ``HEAD_BYTES``
        """
        return path.name.lower().endswith(self.suffixes)

    @abstractmethod
    def read(self, path: Path, key: str | None = None) -> StateDict | SavedWeights:
        """The arrays of a network in a file, or the weights of one of a task's.

        Args:
            key: of the file's entry that holds the network, such as "params_ema"; None: the usual one

        Raises:
            InteropError: the file cannot be read, is refused, or holds no network.
        """
