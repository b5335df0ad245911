"""The user's folders on this machine, and the settings in the user's configuration file.

This module only computes paths; it creates nothing. Settings are folders and limits. No setting may change a single
byte of an output, because pipelines and training files must mean the same on every machine; the files in the folder of
plugins count as installed software, whose versions are on record.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import platformdirs
from pydantic import Field

from img2imgkit.config import Config, Document, Location, load_yaml, parse_yaml, validate, with_absolute_paths
from img2imgkit.errors import ConfigError

HOME_VARIABLE = "IMG2IMG_HOME"
FILE_NAME = "config.yaml"
PLUGINS_DIR = "plugins_dir"  # the setting that code is executed from

Origin = Literal["default", "file", "environment", "option"]


@dataclass(frozen=True)
class Places:
    """Folders of the current user. They need not exist.

    Attributes:
        config: contains the user's configuration file
        data: for files worth keeping
        cache: for files that can be recreated
    """

    config: Path
    data: Path
    cache: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str] | None = None) -> Places:
        """The operating system's standard folders; if ``IMG2IMG_HOME`` is set, that folder and two subfolders."""
        if home := (os.environ if environ is None else environ).get(HOME_VARIABLE):
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
        """The user's configuration file."""
        return self.config / FILE_NAME

    @property
    def models(self) -> Path:
        """The folder of the models that the user added by name."""
        return self.data / "models"


class Limits(Config):
    """What one picture may cost. Limits only refuse pictures, they never change one."""

    pixels: int | None = Field(
        default=None, ge=1, description="Refuse pictures with more pixels, whatever a pipeline's `max_pixels` allows."
    )
    bytes: int = Field(default=2 << 30, ge=1, description="Refuse picture files with more bytes.")
    seconds: float = Field(
        default=60.0,
        gt=0,
        description="End the decoding of a picture after this time, if its header does not bound the time.",
    )
    memory: int = Field(
        default=4 << 30,
        ge=64 << 20,
        description="Bytes that decoding may use for a picture whose header does not bound them (Linux only).",
    )
    formats: tuple[str, ...] = Field(
        default=(), description="Refuse pictures of other formats, such as `[PNG, JPEG]`; empty: all are allowed."
    )


class UserConfig(Config):
    """The user's configuration file."""

    threads: int | None = Field(
        default=None,
        ge=1,
        description="Pictures decoded and encoded in parallel; one more than there are processors by default.",
    )
    scratch: Annotated[Path, Location()] | None = Field(
        default=None, description="Existing folder for temporary files; the operating system's by default."
    )
    plugins_dir: Annotated[Path, Location()] | None = Field(
        default=None, description="Existing folder of plugins of one file each, `*.py`; others must not write there."
    )
    limits: Limits = Field(default_factory=Limits, description="What one picture may cost.")


@dataclass(frozen=True)
class UserSettings:
    """The effective settings, and where each one comes from."""

    config: UserConfig
    origins: Mapping[str, Origin]

    @classmethod
    def read(
        cls,
        places: Places,
        environ: Mapping[str, str] | None = None,
        limits: Mapping[str, Any] | None = None,
        source: str = "limits",
    ) -> UserSettings:
        """Read the user's file, if it exists, the variables that override it, and limits that override both.

        Args:
            limits: the values of some ``Limits``
            source: where ``limits`` was stated, as messages name it

        Raises:
            ConfigError: the file cannot be read, or the file, a variable or ``limits`` has an unknown or invalid
                setting.
        """
        document = load_yaml(places.file) if os.path.lexists(places.file) else Document({})
        config = _checked(document)
        origins: dict[str, Origin] = {
            name: "file" if name in config.model_fields_set else "default" for name in UserConfig.model_fields
        }
        for name, stated in _stated_in(os.environ if environ is None else environ):
            config = config.model_copy(update={name: getattr(_checked(stated), name)})
            origins[name] = "environment"
        if limits:
            before = {"limits": config.limits.model_dump(mode="json")}
            stated = Document(before, source).with_values({f"limits.{name}": limits[name] for name in limits}, source)
            config = config.model_copy(update={"limits": _checked(stated).limits})
            origins["limits"] = "option"
        return cls(config, origins)


def variable(setting: str) -> str:
    """The environment variable that overrides a setting of the user's file."""
    return f"IMG2IMG_{setting.upper()}"


def _stated_in(environ: Mapping[str, str]) -> Iterator[tuple[str, Document]]:
    """Each setting stated by a variable. Its name replaces the file name, so paths start at the current folder."""
    for name, info in UserConfig.model_fields.items():
        if text := environ.get(variable(name)):
            if name == PLUGINS_DIR and not (text.startswith("~") or Path(text).is_absolute()):
                wrong = f"{variable(name)}: {text!r} is relative: state a path from the root or from ~"
                raise ConfigError(f"{wrong}, so that no current folder can bring plugins of its own")
            yield name, Document({name: _read(text, info.annotation, variable(name))}, variable(name))


def _read(text: str, annotation: Any, source: str) -> Any:
    """Return a variable's value: YAML for a mapping, such as ``{seconds: 10}``, otherwise a number or the text."""
    if annotation is Limits:
        return parse_yaml(text, source).data
    return int(text) if int in get_args(annotation) and text.strip().isdecimal() else text


def _checked(document: Document) -> UserConfig:
    config = validate(UserConfig, document, data=with_absolute_paths(UserConfig, document))
    for name, needed, lacks in (("scratch", os.W_OK, "not writable"), (PLUGINS_DIR, os.R_OK, "not readable")):
        folder = getattr(config, name)
        if folder and (problem := _unusable(folder, needed, lacks)):
            raise ConfigError(document.problem((name,), problem))
    return config


def _unusable(folder: Path, needed: int, lacks: str) -> str:
    """Why files cannot be created or found in a folder; "" if they can."""
    try:
        exists = folder.is_dir()
    except OSError as error:  # a name that is too long
        return f"{folder}: {error.strerror}; choose another one"
    if not exists:
        return f"{folder}: no such folder; create it, or choose another one"
    if not os.access(folder, needed | os.X_OK):
        return f"{folder}: {lacks}; change its permissions, or choose another one"
    return ""
