"""Where a user's own files lie on this machine, and what the user has set in the one that configures the toolkit.

Places are only named here: nothing is created by asking for them. Settings are places and limits. None of them may
change a single byte of an output, since pipelines and training files must mean the same on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import platformdirs
from pydantic import Field

from img2imgkit.config import Config, Document, Location, load_yaml, located, validate
from img2imgkit.errors import ConfigError

HOME_VARIABLE = "IMG2IMG_HOME"
FILE_NAME = "config.yaml"

Origin = Literal["default", "file", "environment"]


@dataclass(frozen=True)
class Places:
    """Folders of the current user. They need not exist.

    Attributes:
        config: holds the user's file
        data: for what should be kept
        cache: for what can be made again
    """

    config: Path
    data: Path
    cache: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str] = os.environ) -> Places:
        """Those that the operating system provides, or, if ``IMG2IMG_HOME`` is set, that folder and two inside it."""
        if home := environ.get(HOME_VARIABLE):
            folder = Path(Location().absolute(home, Path.cwd()))
            return cls(folder, folder / "data", folder / "cache")
        name = "img2imgkit"
        return cls(
            platformdirs.user_config_path(name, appauthor=False),
            platformdirs.user_data_path(name, appauthor=False),
            platformdirs.user_cache_path(name, appauthor=False),
        )

    @property
    def file(self) -> Path:
        """The user's file."""
        return self.config / FILE_NAME


class UserConfig(Config):
    """The user's file."""

    threads: int | None = Field(
        default=None, ge=1, description="Pictures that a run decodes and encodes at a time; by default all processors."
    )
    scratch: Annotated[Path, Location()] | None = Field(
        default=None, description="Existing folder for temporary files; by default that of the operating system."
    )


@dataclass(frozen=True)
class UserSettings:
    """The settings in force, and where each of them comes from."""

    config: UserConfig
    origins: Mapping[str, Origin]

    @classmethod
    def read(cls, places: Places, environ: Mapping[str, str] = os.environ) -> UserSettings:
        """Read the user's file, if there is one, and the variables that take precedence over it.

        Raises:
            ConfigError: the file cannot be read or holds something unknown or wrong, or a variable does.
        """
        document = load_yaml(places.file) if os.path.lexists(places.file) else Document({})
        config = _checked(document)
        origins: dict[str, Origin] = {
            name: "file" if name in config.model_fields_set else "default" for name in UserConfig.model_fields
        }
        for name, stated in _stated_in(environ):
            config = config.model_copy(update={name: getattr(_checked(stated), name)})
            origins[name] = "environment"
        return cls(config, origins)


def variable(setting: str) -> str:
    """The environment variable that takes precedence over a setting of the user's file."""
    return f"IMG2IMG_{setting.upper()}"


def _stated_in(environ: Mapping[str, str]) -> Iterator[tuple[str, Document]]:
    """Each setting that a variable states. The variable's name stands for the file, so relative paths start here."""
    for name, info in UserConfig.model_fields.items():
        if text := environ.get(variable(name)):
            number = int in get_args(info.annotation) and text.strip().isdecimal()
            yield name, Document({name: int(text) if number else text}, variable(name))


def _checked(document: Document) -> UserConfig:
    config = validate(UserConfig, document, data=located(UserConfig, document))
    if config.scratch and (complaint := _unusable(config.scratch)):
        raise ConfigError(document.problem(("scratch",), complaint))
    return config


def _unusable(folder: Path) -> str:
    """What keeps temporary files out of a folder; empty if nothing does."""
    if not folder.is_dir():
        return f"{folder}: no such folder; create it, or name another one"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder}: cannot be written to; change its permissions, or name another one"
    return ""
