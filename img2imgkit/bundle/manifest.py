"""The manifest of a bundle, ``bundle.json``, read and validated without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from img2imgkit.bundle.upgrade import upgraded
from img2imgkit.config import Config, parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.files import read_text
from img2imgkit.model_entry import Score
from img2imgkit.task import Geometry

FORMAT = 2
MANIFEST = "bundle.json"
MAX_MANIFEST_BYTES = 4 << 20
Description = TypeVar("Description", bound=Config)
LARGEST_SIDE, LARGEST_SCALE = 1 << 13, 64  # limits on stated sizes, because memory is allocated for them
LARGEST_FORM = 2 << 30  # bytes of an ONNX file
PACKAGE = "img2imgkit"
PUBLISHED = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9.!+]+")  # a distribution with its version
WEIGHTS = r"^weights(-[0-9a-f]{12})?\.npz$"


class PluginVersion(Config):
    """A plugin, as it was when the bundle was saved.

    Attributes:
        name: the name of its entry point
        version: its distribution's
        distribution: the name of its distribution; empty in bundles that do not record it
    """

    name: str
    version: str
    distribution: str = ""

    def __str__(self) -> str:
        """What to install, for messages."""
        return f"{self.distribution or f'plugin {self.name!r}'} {self.version}".strip()

    @property
    def way_to_get(self) -> str:
        """How to get it, to be read after its name. A bundle may come from anybody, so it advises to trust nobody."""
        if self.distribution == PACKAGE:
            left_out = f"with the plugin {self.name!r}, which IMG2IMG_PLUGINS may leave out"
            return f"which has it in another version, or {left_out}"
        if self.distribution.endswith(".py"):
            return "a file for your folder of plugins; ask whoever made the bundle for it"
        if PUBLISHED.fullmatch(f"{self.distribution}=={self.version}"):
            return (
                f"which 'img2img plugins install {self.distribution}=={self.version}' installs, if you trust its author"
            )
        return "which you can install if you trust its author"


class ComponentVersion(Config):
    """A component that the task's options choose, and the plugin that provided it when the bundle was saved.

    Attributes:
        kind: the kind of catalog entry, such as "architectures"
        plugin: the plugin that provided it
    """

    kind: str
    name: str
    plugin: PluginVersion


class Contract(Config):
    """Inputs and outputs of the task; see ``Geometry``. Values are float32 in [-1, 1], NHWC."""

    data: str
    scale: int = Field(ge=1, le=LARGEST_SCALE)
    multiple: int = Field(ge=1, le=LARGEST_SIDE)
    radius: int | None = Field(ge=0)
    channels: Literal[1, 3, 4]
    output_channels: Literal[1, 3, 4] | None = None
    minimum: int = Field(default=1, ge=1, le=LARGEST_SIDE)
    ids: int | None = Field(default=None, ge=1)
    unknown: bool = False

    def geometry(self) -> Geometry:
        """The contract as a ``Geometry``, to compare with the task's."""
        return Geometry(**self.model_dump(exclude={"data"}))


class WeightsFile(Config):
    """The weights file, its digest, and its number of parameters."""

    file: str = Field(default="weights.npz", pattern=WEIGHTS)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    parameters: int = Field(ge=0)


class FormFile(Config):
    """An ONNX file of the engine form: one program, such as "translate"."""

    program: str = Field(pattern=r"^(translate|encode_[A-Za-z0-9_-]{1,64})$")  # it becomes a file name
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=1, le=LARGEST_FORM)


class FormRecord(Config):
    """The engine form in the bundle's folder: the same translation as a graph that engines open without TensorFlow.

    Attributes:
        version: the version of the rules by which the graph was written
        choices: all choices of the task, which are built into the graph
    """

    version: int = Field(ge=1)
    choices: dict[str, Any] = Field(default_factory=dict)
    files: tuple[FormFile, ...] = Field(min_length=1, max_length=32)


class Manifest(Config):
    """The contents of ``bundle.json``."""

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
    form: FormRecord | None = None

    @property
    def digest(self) -> str:
        """A hash of task, options, contract and weights: it changes whenever the bundle's output may change."""
        contract = self.contract.model_dump(exclude_defaults=True)  # keys added later do not change older digests
        hashed = [self.task, self.options, contract, self.weights.sha256]
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()

    def text(self) -> str:
        """Serialise to JSON, as in ``bundle.json``."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def describe(folder: Path) -> Manifest:
    """Read and validate ``bundle.json``, without the weights and without TensorFlow.

    Raises:
        BundleError: it is missing or damaged, or its format is unknown to this version.
    """
    path = folder / MANIFEST
    try:
        text = read_text(path, MAX_MANIFEST_BYTES)
    except FileNotFoundError:
        raise BundleError(f"{folder}: not a bundle: a bundle is a folder with {MANIFEST} and a weights file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BundleError(f"{path}: cannot read it: {reason}") from error
    return read_description(Manifest, text, str(path), FORMAT, "bundle format")


def read_description(model: type[Description], text: str, place: str, latest: int, what: str) -> Description:
    """Parse and upgrade a description from JSON.

    Args:
        place: the file, for errors
        latest: the latest format that this version reads
        what: the name of the format number in errors

    Raises:
        BundleError: it is damaged, or its format is newer.
    """
    try:
        stated = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{place}: invalid JSON: {error}") from None
    if isinstance(stated, dict) and isinstance(stated.get("format"), int) and stated["format"] > latest:
        raise BundleError(f"{place}: {what} {stated['format']}; this version reads up to {latest}: upgrade img2imgkit")
    try:
        return validate(model, parse_yaml("", place), data=upgraded(stated))
    except ConfigError as error:
        raise BundleError(str(error)) from None
    except RecursionError:
        raise BundleError(f"{place}: nested too deeply") from None
