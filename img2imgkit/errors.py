"""Every error that this toolkit raises deliberately. Its text names the thing, the value, the place and the fix.

ToolkitError
├── ConfigError          a file or an option is invalid; lists every problem with line and column
├── NotInstalled         no task, step, bundle, ... of that name is installed
├── GeometryError        a task's networks map sizes otherwise than the task states
├── BundleError          a bundle cannot be read, or does not fit its task
├── InteropError         a file from other software cannot be read, or contains no known network
├── FetchError           a package of a model cannot be fetched, or is not the one that its index states
├── InstallError         a plugin cannot be installed or uninstalled
├── ExportError          a model cannot be written in a format, or the written file computes something else
├── PlanError            a valid pipeline that must not run: collisions, an output inside the input, ...
├── BenchmarkError       a process that is timed has failed
├── LockError            another run or training has locked the folder
├── RequestError         the page asks for something that does not exist or that it may not have
├── ImageError           one picture failed; the batch continues
│   ├── DecodeError      it cannot be read
│   │   └── DamagedError it is damaged, but some of it can be read
│   ├── EncodeError      it cannot be written
│   └── TranslateError   the model failed on it (non-finite output, no tile small enough, ...)
├── DataError            training data cannot be used
└── TrainingError        training cannot start or continue
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class ToolkitError(Exception):
    """Base class of every error that this toolkit raises deliberately.

    Attributes:
        model_files: files where bundles belong, which may be imported as such
    """

    model_files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One problem in a configuration: ``night.yaml:8:9: steps.0.with.tyle: unknown option; did you mean ...``.

    Attributes:
        model_file: a file where a bundle belongs, which may be imported as one
    """

    message: str
    key: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    model_file: Path | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.key + ': ' if self.key else ''}{self.message}"


class ConfigError(ToolkitError):
    """Invalid configuration: all problems at once, in the order of the file."""

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        self.model_files = tuple(each.model_file for each in self.problems if each.model_file)
        super().__init__("\n".join(map(str, self.problems)))


class NotInstalled(ToolkitError):
    """No task, step, bundle or other catalog entry of that name."""


class GeometryError(ToolkitError):
    """A task's networks map sizes otherwise than the task states; see ``Geometry``."""


class BundleError(ToolkitError):
    """A bundle cannot be read, or does not fit its task."""

    def __init__(self, message: str, model_file: Path | None = None) -> None:
        super().__init__(message)
        self.model_files = (model_file,) if model_file else ()


class InteropError(ToolkitError):
    """A file from other software cannot be read, or contains no known network.

    Attributes:
        decided_by: the argument of the import that resolves an ambiguity, such as "importer"; empty if none does
    """

    def __init__(self, message: str, decided_by: str = "") -> None:
        super().__init__(message)
        self.decided_by = decided_by


class FetchError(ToolkitError):
    """A package of a model cannot be fetched, or is not the one that its index states."""


class InstallError(ToolkitError):
    """A plugin cannot be installed or uninstalled."""


class ExportError(ToolkitError):
    """A model cannot be written in a format, or the written file computes something else."""


class PlanError(ToolkitError):
    """The pipeline is valid but must not run."""


class BenchmarkError(ToolkitError):
    """A process that is timed has failed."""


class LockError(ToolkitError):
    """Another run has locked the output folder, or another training the run folder."""


class RequestError(ToolkitError):
    """The local page asks for something that does not exist, or that it may not have.

    Attributes:
        status: of the answer, by HTTP
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ImageError(ToolkitError):
    """One picture failed; the batch continues with the next."""


class DecodeError(ImageError):
    """A picture cannot be read."""


class DamagedError(DecodeError):
    """Pixels of a picture are missing or were invented by its decoder; the others can be read."""


class EncodeError(ImageError):
    """A picture cannot be written."""


class TranslateError(ImageError):
    """A model failed on a picture."""


class DataError(ToolkitError):
    """Training data cannot be used."""


class TrainingError(ToolkitError):
    """Training cannot start or continue."""
