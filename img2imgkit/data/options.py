"""What the options of every data kind have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.task import Geometry

OptionProblems = list[tuple[str, str]]  # the option, and what is wrong with it


class ReaderOptions(Config):
    """What to read, and how much of it at once."""

    kind: str = Field(description="how pictures belong together")
    batch: int = Field(default=1, ge=1, description="images in a global batch, over all devices")
    cache: int = Field(default=2048, ge=0, description="MiB of decoded pictures kept in memory")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        """Which options contradict each other or a task of that geometry. No picture is opened."""
        return []

    def record(self) -> Mapping[str, Any]:
        """Everything stated and defaulted as plain data, but for this machine's paths."""
        return self.model_dump(mode="json", exclude=_paths(self))


def _paths(options: Config) -> dict[str, Any]:
    """Which options hold paths, also inside others, as pydantic is told what to leave out."""
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


def enlarges(kind: str, geometry: Geometry) -> OptionProblems:
    """What is wrong with a kind whose pictures keep their size, for a task that changes it."""
    message = f"{kind} data have one size before and after, but this task enlarges {geometry.scale} times"
    return [("kind", message)] if geometry.scale != 1 else []


def not_a_multiple(size: int, geometry: Geometry) -> str | None:
    """What is wrong with a side of pictures or crops that a task writes, if anything is."""
    unit = geometry.scale * geometry.multiple
    if size % unit:
        return f"expected a multiple of {unit} for this task, got {size}"
    if size < geometry.minimum * geometry.scale:
        return f"expected at least {geometry.minimum * geometry.scale} for this task, got {size}"
    return None
