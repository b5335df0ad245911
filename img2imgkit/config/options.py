"""The base class of option models, and the marker for path options."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Base class of option models: unknown keys and wrong types are errors, values are immutable."""

    # A model's validator is built when it is first used: a command uses few of the hundred that its imports define.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants", defer_build=True)

    def check_choices(self) -> None:
        """Raise ValueError if the chosen components are incompatible. Called after they are resolved."""


@dataclass(frozen=True)
class Location:
    """Marks a path option, ``Annotated[Path, Location()]``: relative to the file that states it.

    With ``or_name`` the option may also be a plain name, which is left unchanged unless a file or folder of that name
    exists. With ``holding`` a folder counts only if it contains one of these files.
    """

    or_name: bool = False
    holding: tuple[str, ...] = ()

    def absolute(self, stated: str, base: Path) -> str:
        """Make a stated path absolute."""
        path = base / _home_expanded(stated)
        if self.or_name and not self._exists(path) and not re.search(r"[/\\]|^\.", stated):
            return stated
        return os.path.normpath(path)

    def _exists(self, path: Path) -> bool:
        if self.holding and path.is_dir():
            return any((path / name).exists() for name in self.holding)
        return path.exists()


def without_folders(data: Any) -> Any:
    """Reduce absolute paths in plain data to file names, so that the data reveal no folders of this machine."""
    if isinstance(data, dict):
        return {key: without_folders(value) for key, value in data.items()}
    if isinstance(data, list):
        return [without_folders(value) for value in data]
    return Path(data).name if isinstance(data, str) and Path(data).is_absolute() else data


def _home_expanded(stated: str) -> Path:
    try:
        return Path(stated).expanduser()
    except RuntimeError:  # unknown user: treat it as a folder whose name begins with "~"
        return Path(stated)
