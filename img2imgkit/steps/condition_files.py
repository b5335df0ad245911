"""Files that provide a task's condition inputs: pictures to encode, codes, attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from img2imgkit.config import Config, Location
from img2imgkit.data.attribute_files import Attributes
from img2imgkit.data.folders import name_in
from img2imgkit.data.picture_files import list_pictures
from img2imgkit.errors import ConfigError, DataError, Problem, TranslateError
from img2imgkit.files import read_bytes
from img2imgkit.images import decode, is_picture
from img2imgkit.inference import Translator, load_code
from img2imgkit.steps.read import natural_key

if TYPE_CHECKING:
    import numpy as np

    from img2imgkit.bundle import Manifest
    from img2imgkit.item import Entry

Codes = Callable[["Entry"], "np.ndarray"]


class FilesInput(Config):
    """Files that provide a condition input, stated in exactly one form."""

    pictures: Annotated[Path, Location()] | None = Field(
        default=None, description="A picture, or a folder of pictures whose codes are averaged."
    )
    code: Annotated[Path, Location()] | None = Field(default=None, description="A code file of `img2img encode`.")
    matched: Annotated[Path, Location()] | None = Field(
        default=None, description="A folder with a picture of the same name for each input picture."
    )
    attributes: Annotated[Path, Location()] | None = Field(
        default=None, description="A file with the attributes of each picture, in CelebA's format."
    )

    @model_validator(mode="after")
    def _one_form(self) -> FilesInput:
        stated = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(stated) != 1:
            raise ValueError(f"state exactly one of {', '.join(type(self).model_fields)}; got {len(stated)}")
        return self

    @property
    def form(self) -> str:
        """The name of the field that is stated."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def path(self) -> Path:
        """The file or folder."""
        found: Path = getattr(self, self.form)
        return found


def files_by_name(key: str, files: FilesInput) -> dict[str, FilesInput]:
    """Return the code files of a folder, or its subfolders, or its pictures if it has no subfolders, by name.

    Args:
        key: the option, for errors

    Raises:
        ConfigError: it is not a folder, contains nothing suitable, or two files have the same name.
    """
    if files.form not in ("pictures", "code") or not files.path.is_dir():
        raise ConfigError(Problem("expected {pictures: FOLDER} or {code: FOLDER}", key))
    visible = (path for path in files.path.iterdir() if not path.name.startswith("."))
    inside = sorted(visible, key=lambda path: natural_key(path.name))
    if files.form == "code":
        found = [path for path in inside if path.suffix == ".json"]
    else:
        folders = [path for path in inside if path.is_dir()]
        found = folders or [path for path in inside if is_picture(path)]
    named = {path.stem if path.is_file() else path.name: FilesInput(**{files.form: path}) for path in found}
    if not found or len(named) < len(found):
        problem = "two files differ only in their suffixes" if found else f"contains nothing for {files.form!r}"
        raise ConfigError(Problem(f"{files.path}: {problem}", key))
    return named


def pictures_in(path: Path) -> list[Path]:
    """Return the picture, or all pictures below a folder except hidden ones. Raises DataError if there are none."""
    return list_pictures([path]) if path.is_dir() else [path]


def pictures_by_name(folder: Path) -> dict[str, Path]:
    """Return the pictures below a folder by name.

    Raises:
        DataError: it is not a folder, contains no pictures, or contains two of the same name.
    """
    found: dict[str, Path] = {}
    for path in list_pictures([folder]):
        other = found.setdefault(name_in(folder, path), path)
        if other != path:
            raise DataError(f"{path}: has the same name as {other.name}; keep one of them")
    return found


def codes_of(translator: Translator, condition: str, files: FilesInput, manifest: Manifest) -> Codes:
    """Return a function from an entry to its code. The code is computed once, unless each picture has its own."""
    if files.form == "matched":
        return _Matched(translator, condition, files.path)
    if files.form == "code":
        code = load_code(files.path, condition, manifest)
    else:
        code = translator.encode(condition, map(decode, pictures_in(files.path)))
    return lambda entry: code


class _Matched:
    """Encodes the picture that has an entry's name; caches the last code for the entry's other variants."""

    def __init__(self, translator: Translator, condition: str, folder: Path) -> None:
        self._translator, self._condition, self._folder = translator, condition, folder
        self._paths = pictures_by_name(folder)
        self._last: tuple[str, np.ndarray] | None = None

    def __call__(self, entry: Entry) -> np.ndarray:
        name = str(entry.relative.with_suffix(""))
        if name not in self._paths:
            raise TranslateError(f"{self._condition}: {self._folder} contains no picture named {name!r}")
        if self._last is None or self._last[0] != name:
            self._last = name, self._translator.encode(self._condition, [decode(self._paths[name])])
        return self._last[1]


def attributes_of(entry: Entry, attributes: Attributes, path: Path) -> dict[str, bool]:
    """Return a picture's attributes. Raises TranslateError if ``path``, the attributes' file, has no line for it."""
    for name in (str(entry.relative), entry.relative.name):
        if name in attributes.lines:
            return dict(zip(attributes.names, map(bool, attributes.lines[name][1]), strict=True))
    raise TranslateError(f"{path}: has no line for {entry.relative}")


def digest(files: FilesInput) -> str:
    """Hash the content of the files; for a folder of matched pictures, their names, sizes and times."""
    found = hashlib.sha256(files.form.encode())
    for data in _hashed_data(files):
        found.update(hashlib.sha256(data).digest())
    return found.hexdigest()[:16]


def _hashed_data(files: FilesInput) -> Iterator[bytes]:
    paths: Sequence[Path] = pictures_in(files.path) if files.form in ("pictures", "matched") else [files.path]
    for path in paths:
        if files.form == "matched":
            about = path.stat()
            yield f"{name_in(files.path, path)} {about.st_size} {about.st_mtime_ns}".encode()
        else:
            yield read_bytes(path)
