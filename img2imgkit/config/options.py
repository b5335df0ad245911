"""The base of every option model, and the mark of options that are paths."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Base of every option model: unknown keys and wrong types are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants")

    def check_choices(self) -> None:
        """Raise ValueError where components that were chosen do not go together; called once they are resolved."""


@dataclass(frozen=True)
class Location:
    """Marks a path option, ``Annotated[Path, Location()]``: relative to the file that states it.

    With ``or_name`` the option may also be a plain name, which stays as it is unless a file of that name is there, or a
    folder; with ``holding`` only a folder that holds one of these files counts.
    """

    or_name: bool = False
    holding: tuple[str, ...] = ()

    def absolute(self, stated: str, base: Path) -> str:
        """The stated path made absolute."""
        path = base / _home_expanded(stated)
        if self.or_name and not self._is_there(path) and not re.search(r"[/\\]|^\.", stated):
            return stated
        return os.path.normpath(path)

    def _is_there(self, path: Path) -> bool:
        if self.holding and path.is_dir():
            return any((path / name).exists() for name in self.holding)
        return path.exists()


def without_folders(data: Any) -> Any:
    """Plain data in which absolute paths have become the names of their files: nothing of one machine's folders."""
    if isinstance(data, dict):
        return {key: without_folders(value) for key, value in data.items()}
    if isinstance(data, list):
        return [without_folders(value) for value in data]
    return Path(data).name if isinstance(data, str) and Path(data).is_absolute() else data


def _home_expanded(stated: str) -> Path:
    try:
        return Path(stated).expanduser()
    except RuntimeError:  # a user who is not there: then it is a folder whose name begins with "~"
        return Path(stated)
