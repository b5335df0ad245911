"""Importing models from other software: what an importer returns, and how a task turns networks into a bundle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from img2imgkit.architectures import Architecture, Assumption, NetworkSpec, State
from img2imgkit.errors import InteropError

if TYPE_CHECKING:
    import keras

Statistics = Literal["running", "image"]
HEAD_BYTES = 4096  # the beginning of a file that ``Importer.claims`` receives


@dataclass(frozen=True)
class StateDict:
    """The named weights of one network from a file; the architecture is recognised later.

    Attributes:
        arrays: weights by the names of PyTorch modules in the official code
        architecture: the architecture's name, if the file states it; "": recognised by names and shapes
        arguments: network arguments that the file states: options of the architecture, fields of ``NetworkSpec``
        assumptions: what the file leaves open, and what of it is ignored
        source: the file's name
        key: where in the file the arrays are, as the key of ``Importer.read``; "": the file contains nothing else
        others: the file's other sets of weights by their key, one of which is taken if only that is of a known network
    """

    arrays: State
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""
    key: str = ""
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class SavedWeights:
    """Weights of one generator of a task, from a file that contains only numbers and no architecture.

    Attributes:
        fill: assigns the weights to a network; raises InteropError if they do not fit
        task: the task's name, if the file states it
        options: the task's options, if the file states them
        role: the generator's role, if the file states it
        source: the file's name
    """

    fill: Callable[[keras.Model], None]
    task: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    role: str = ""
    source: str = ""


@dataclass(frozen=True)
class ImportedNetwork:
    """A network that was rebuilt from a file of other software and has its weights.

    Attributes:
        architecture: the architecture with the options inferred from the file
        spec: channels, scale and normalization inferred from the file
        model: the network; called with the arguments of the official ``forward``, NHWC
        assumptions: what the file does not state; each refers to an option of the architecture or a field of ``spec``
        source: the file's name
        key: where in the file its weights are; see ``StateDict``
        others: the keys of the file's other sets of weights
    """

    architecture: Architecture
    spec: NetworkSpec
    model: keras.Model
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""
    key: str = ""
    others: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The architecture's name."""
        return self.architecture.name

    @property
    def stated(self) -> dict[str, Any]:
        """The architecture with the options inferred from the file; an option that takes it adds its own defaults."""
        return self.architecture.model_dump(mode="json", exclude_unset=True)

    @property
    def arguments(self) -> dict[str, Any]:
        """The architecture's options, and the fields of ``spec`` that its network depends on."""
        return self.architecture.arguments(self.spec)

    def assumptions_at(self, option: str, **renamed: str) -> tuple[Assumption, ...]:
        """The assumptions with option names of a task: ``option`` is the task's option for the architecture.

        Args:
            renamed: the task's option for a field of ``spec`` if it has another name; "" if the task fixes it
        """
        own = type(self.architecture).model_fields
        found = []
        for each in self.assumptions:
            name = renamed.get(each.option, f"{option}.{each.option}" if each.option in own else each.option)
            found.append(replace(each, option=name))
        return tuple(found)


@dataclass(frozen=True)
class FromFile:
    """Selects the imported network that becomes a network of the task.

    Attributes:
        number: index in the list of imported networks
        inside: the layer of it that is the network; "": the whole model
    """

    number: int
    inside: str = ""


@dataclass(frozen=True)
class ImportPlan:
    """How a task builds a bundle from imported networks.

    Attributes:
        options: the task's options, as a training file states them
        roles: the imported network for each generator's role
        fresh: generators that no file contains and that translation does not use; they keep freshly initialised weights
        preferred: whether such files normally come from this task's official code, so that it wins over other tasks
        missing: what the task still needs, a sentence each; empty if the plan is complete
        assumptions: what no file states, and the value assumed, by option of the task
    """

    options: Mapping[str, Any]
    roles: Mapping[str, FromFile]
    fresh: tuple[str, ...] = ()
    preferred: bool = True
    missing: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


class Importable(ABC):
    """A task that can build bundles from networks of other software."""

    @classmethod
    @abstractmethod
    def import_plan(cls, networks: Sequence[ImportedNetwork]) -> ImportPlan | None:
        """Plan a bundle of this task. None if any network does not belong to this task.

        Args:
            networks: in the order of the user's files; may include critics, which are ignored
        """


def by_role(networks: Sequence[ImportedNetwork], *roles: str) -> dict[str, list[int]] | None:
    """Group the indices of the networks by role. None if any network has none of these roles.

    Args:
        roles: roles of architectures, such as "generator" and "critic"; a network belongs to the first that it has
    """
    found: dict[str, list[int]] = {role: [] for role in roles}
    for number, network in enumerate(networks):
        role = next((role for role in roles if role in network.architecture.roles), None)
        if role is None:
            return None
        found[role].append(number)
    return found


class Importer(ABC):
    """Reads networks from one file format. It never executes the file's contents or trusts a size that it states.

    Attributes:
        name: the format's name for users
        suffixes: usual file suffixes, in lower case, with the dot
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def recognises(self, head: bytes) -> bool:
        """Whether a file's first bytes, up to ``HEAD_BYTES``, show that it has this format, whatever its name."""
        return False

    def claims(self, path: Path, head: bytes) -> bool:
        """Whether the file may have this format; decides only if no importer recognises its first bytes.

        Args:
            head: the file's first bytes, up to ``HEAD_BYTES``
        """
        return path.name.lower().endswith(self.suffixes)

    @abstractmethod
    def read(self, path: Path, key: str | None = None) -> StateDict | SavedWeights:
        """Read the state dict of a network, or the saved weights of a task's generator.

        Args:
            key: the entry that contains the network, such as "params_ema", with dots where entries are nested; None:
                the default entry

        Raises:
            InteropError: the file cannot be read, is unsafe, or contains no network.
        """

    def network(self, path: Path, statistics: Statistics = "running") -> keras.Model:
        """The network that a file itself describes, with its weights, for formats whose files do. Nothing is trusted.

        Args:
            statistics: those that batch normalization uses: the running ones, or those of each image

        Raises:
            InteropError: the format or the file describes no network, or one that cannot be rebuilt from plain layers.
        """
        raise InteropError(f"{path}: files of the format {self.name} do not describe their network")
