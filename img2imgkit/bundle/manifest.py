"""What ``bundle.json`` says: the description of a bundle, read and checked without TensorFlow."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from img2imgkit.bundle.upgrade import upgraded
from img2imgkit.config import Config, parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.task import Geometry

FORMAT = 2
MANIFEST = "bundle.json"
MAX_MANIFEST_BYTES = 4 << 20
Description = TypeVar("Description", bound=Config)
LARGEST_SIDE, LARGEST_SCALE = 1 << 13, 64  # memory would be taken for what a file states
WEIGHTS = r"^weights(-[0-9a-f]{12})?\.npz$"


class PluginVersion(Config):
    """A plugin, as it was when the bundle was made.

    Attributes:
        name: its entry point's name
        version: its distribution's
        distribution: the name of its distribution; empty in bundles that did not note it
    """

    name: str
    version: str
    distribution: str = ""

    def __str__(self) -> str:
        """What to install, for messages."""
        return f"{self.distribution or f'plugin {self.name!r}'} {self.version}".strip()


class ComponentVersion(Config):
    """A component that the task's options chose, and the plugin that brought it when the bundle was made.

    Attributes:
        kind: where it is looked up, such as "architectures"
        plugin: that brought it
    """

    kind: str
    name: str
    plugin: PluginVersion


class Contract(Config):
    """What goes in and what comes out: see ``task.Geometry``. Values are float32 in [-1, 1], NHWC."""

    data: str
    scale: int = Field(ge=1, le=LARGEST_SCALE)
    multiple: int = Field(ge=1, le=LARGEST_SIDE)
    radius: int | None = Field(ge=0)
    channels: Literal[1, 3]
    output_channels: Literal[1, 3] | None = None
    minimum: int = Field(default=1, ge=1, le=LARGEST_SIDE)
    ids: int | None = Field(default=None, ge=1)
    unknown: bool = False

    def geometry(self) -> Geometry:
        """The same as the task's own description."""
        return Geometry(**self.model_dump(exclude={"data"}))


class WeightsFile(Config):
    """The weights' file, its digest, and how many numbers it holds."""

    file: str = Field(default="weights.npz", pattern=WEIGHTS)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    parameters: int = Field(ge=0)


class Score(Config):
    """One measured figure: ``{"set": "Set5", "protocol": "sr-matlab", "metric": "psnr_y", "value": 37.1}``."""

    set: str
    protocol: str
    metric: str
    value: float
    choices: dict[str, Any] = Field(default_factory=dict)


class Manifest(Config):
    """What ``bundle.json`` says."""

    format: int = Field(ge=1, le=FORMAT)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")  # it becomes part of file names
    task: str
    plugin: PluginVersion
    options: dict[str, Any]
    components: tuple[ComponentVersion, ...] = ()
    contract: Contract
    weights: WeightsFile
    description: str = ""
    licence: str = ""
    attribution: tuple[str, ...] = ()
    training: dict[str, Any] = Field(default_factory=dict)
    scores: tuple[Score, ...] = ()

    @property
    def digest(self) -> str:
        """Changes whenever the bundle's output may change: over task, options, contract and weights."""
        contract = self.contract.model_dump(exclude_defaults=True)  # a key that came later leaves older digests alone
        parts = [self.task, self.options, contract, self.weights.sha256]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def describe(folder: Path) -> Manifest:
    """Read and check ``bundle.json``, without the weights and without TensorFlow.

    Raises:
        BundleError: there is none, it is damaged, or it has a format this version does not know.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{path}: larger than {MAX_MANIFEST_BYTES >> 20} MiB, so it is no bundle description")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BundleError(f"{folder}: no bundle here; a bundle is a folder with {MANIFEST} and its weights") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: cannot read it: {error}") from error
    return read_description(Manifest, text, str(path), FORMAT, "bundle format")


def read_description(model: type[Description], text: str, place: str, latest: int, what: str) -> Description:
    """A description out of its JSON.

    Args:
        place: the file, for errors
        latest: the latest format that this version reads, and
        what: what its number is called

    Raises:
        BundleError: it is damaged, or of a later format.
    """
    try:
        stated = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{place}: no valid JSON: {error}") from None
    if isinstance(stated, dict) and isinstance(stated.get("format"), int) and stated["format"] > latest:
        raise BundleError(f"{place}: {what} {stated['format']}; this version reads {latest}: upgrade img2imgkit")
    try:
        return validate(model, parse_yaml("", place), data=upgraded(stated))
    except ConfigError as error:
        raise BundleError(str(error)) from None
    except RecursionError:
        raise BundleError(f"{place}: nested too deeply") from None
