"""Every error this toolkit raises on purpose. Its text is for the user: the thing, the value, the place, the way out.

ToolkitError
├── ConfigError          a file or an option is wrong; carries every problem found, with line and column
├── NotInstalled         a task, step or bundle of that name is not there
├── BundleError          a bundle cannot be read, or does not fit its task
├── InteropError         another toolkit's file cannot be read, or is of no known network
├── ExportError          a model cannot be written in a format, or what was written differs from it
├── PlanError            a valid pipeline that must not run: collisions, an output inside the input, ...
├── LockError            another run holds the output folder
├── ImageError           one picture failed; the batch goes on
│   ├── DecodeError      it cannot be read
│   ├── EncodeError      it cannot be written
│   └── TranslateError   a model could not make it (non-finite output, no tile small enough, ...)
├── DataError            training data cannot be used
└── TrainingError        training cannot start or go on
"""

from __future__ import annotations

from dataclasses import dataclass


class ToolkitError(Exception):
    """Root of every error that this toolkit raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a configuration: ``night.yaml:8:9: steps.0.with.tyle: unknown option; did you mean ...``."""

    message: str
    key: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.key + ': ' if self.key else ''}{self.message}"


class ConfigError(ToolkitError):
    """Wrong configuration: all problems at once, in the order of the file."""

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        super().__init__("\n".join(map(str, self.problems)))


class NotInstalled(ToolkitError):
    """No task, step or bundle of that name."""


class BundleError(ToolkitError):
    """A bundle cannot be read, or does not fit its task."""


class InteropError(ToolkitError):
    """Another toolkit's file cannot be read, or holds no network that is known here."""


class ExportError(ToolkitError):
    """A model cannot be written in a format, or what was written differs from it."""


class PlanError(ToolkitError):
    """A valid pipeline that must not run as it stands."""


class LockError(ToolkitError):
    """Another run holds the output folder."""


class ImageError(ToolkitError):
    """One picture failed; a batch goes on with the next."""


class DecodeError(ImageError):
    """A picture cannot be read."""


class EncodeError(ImageError):
    """A picture cannot be written."""


class TranslateError(ImageError):
    """A model could not make a picture."""


class DataError(ToolkitError):
    """Training data cannot be used."""


class TrainingError(ToolkitError):
    """Training cannot start or go on."""
