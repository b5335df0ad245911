"""Files that say what a task is given beside a picture: pictures to encode, codes, attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from img2imgkit.config import Config, Location
from img2imgkit.data.domains import Attributes
from img2imgkit.data.folders import name_in
from img2imgkit.data.picture_files import list_pictures
from img2imgkit.errors import ConfigError, DataError, Problem, TranslateError
from img2imgkit.images import decode, is_image
from img2imgkit.inference import Translator, load_code
from img2imgkit.steps.read import natural_key

if TYPE_CHECKING:
    import numpy as np

    from img2imgkit.bundle import Manifest
    from img2imgkit.item import Entry

Codes = Callable[["Entry"], "np.ndarray"]


class FilesInput(Config):
    """Files that say an input, stated in one way."""

    pictures: Annotated[Path, Location()] | None = Field(
        default=None, description="A picture, or a folder whose pictures are averaged."
    )
    code: Annotated[Path, Location()] | None = Field(default=None, description="A code file of `img2img encode`.")
    matched: Annotated[Path, Location()] | None = Field(
        default=None, description="A folder that has, for each picture, one of the same name."
    )
    attributes: Annotated[Path, Location()] | None = Field(
        default=None, description="A file that says which attributes each picture has, as CelebA's."
    )

    @model_validator(mode="after")
    def _one_way(self) -> FilesInput:
        stated = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(stated) != 1:
            raise ValueError(f"state it in one way: {', '.join(type(self).model_fields)}; got {len(stated)}")
        return self

    @property
    def way(self) -> str:
        """Which of them it is."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def path(self) -> Path:
        """The file or folder."""
        found: Path = getattr(self, self.way)
        return found


def apart(key: str, files: FilesInput) -> dict[str, FilesInput]:
    """Every subfolder, or else every picture or code file, of a folder, by its name.

    Raises:
        ConfigError: it is no folder, or holds nothing of the kind; ``key`` is the option's.
    """
    if files.way not in ("pictures", "code") or not files.path.is_dir():
        raise ConfigError(Problem("expected {pictures: FOLDER} or {code: FOLDER}", key))
    shown = (path for path in files.path.iterdir() if not path.name.startswith("."))
    inside = sorted(shown, key=lambda path: natural_key(path.name))
    if files.way == "code":
        found = [path for path in inside if path.suffix == ".json"]
    else:
        folders = [path for path in inside if path.is_dir()]
        found = folders or [path for path in inside if is_image(path)]
    named = {path.stem if path.is_file() else path.name: FilesInput(**{files.way: path}) for path in found}
    if not found or len(named) < len(found):
        problem = "two files differ in their endings alone" if found else f"nothing of kind {files.way!r} in it"
        raise ConfigError(Problem(f"{files.path}: {problem}", key))
    return named


def pictures_in(path: Path) -> list[Path]:
    """The picture, or those of a folder and of folders in it but hidden ones. Raises DataError: there is none."""
    return list_pictures([path]) if path.is_dir() else [path]


def by_name(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by name. Raises DataError: there is none, or two of one name, or it is no folder."""
    found: dict[str, Path] = {}
    for path in list_pictures([folder]):
        other = found.setdefault(name_in(folder, path), path)
        if other != path:
            raise DataError(f"{path}: has the same name as {other.name}; keep one of them")
    return found


def codes_of(translator: Translator, condition: str, files: FilesInput, manifest: Manifest) -> Codes:
    """The code for each entry: made once, unless every picture has one of its own."""
    if files.way == "matched":
        return _Matched(translator, condition, files.path)
    if files.way == "code":
        code = load_code(files.path, condition, manifest)
    else:
        code = translator.encode(condition, map(decode, pictures_in(files.path)))
    return lambda entry: code


class _Matched:
    """Codes of the pictures that have an entry's name; the last one is kept for the entry's other variants."""

    def __init__(self, translator: Translator, condition: str, folder: Path) -> None:
        self._translator, self._condition, self._folder, self._paths = translator, condition, folder, by_name(folder)
        self._last: tuple[str, np.ndarray] | None = None

    def __call__(self, entry: Entry) -> np.ndarray:
        name = str(entry.relative.with_suffix(""))
        if name not in self._paths:
            raise TranslateError(f"{self._condition}: {self._folder} has no picture called {name!r}")
        if self._last is None or self._last[0] != name:
            self._last = name, self._translator.encode(self._condition, [decode(self._paths[name])])
        return self._last[1]


def attributes_of(entry: Entry, attributes: Attributes, path: Path) -> dict[str, bool]:
    """Which attributes a picture has, by the file at ``path``. Raises TranslateError: it does not say."""
    for name in (str(entry.relative), entry.relative.name):
        if name in attributes.lines:
            return dict(zip(attributes.names, map(bool, attributes.lines[name][1]), strict=True))
    raise TranslateError(f"{path}: has no line for {entry.relative}")


def digest(files: FilesInput) -> str:
    """Of what the files hold; of a folder of matches, of what their names, sizes and times are."""
    found = hashlib.sha256(files.way.encode())
    for part in _parts(files):
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()[:16]


def _parts(files: FilesInput) -> Iterator[bytes]:
    paths: Sequence[Path] = pictures_in(files.path) if files.way in ("pictures", "matched") else [files.path]
    for path in paths:
        if files.way == "matched":
            about = path.stat()
            yield f"{name_in(files.path, path)} {about.st_size} {about.st_mtime_ns}".encode()
        else:
            yield path.read_bytes()
