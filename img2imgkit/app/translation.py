"""What the page lets a user choose, as the pipeline that ``img2img run`` runs: nothing else reaches a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

import img2imgkit as kit
from img2imgkit.app.roots import shown
from img2imgkit.errors import RequestError

OUTPUTS = "img2img"  # folder of outputs in an opened folder
MAX_SIDE = 1_000_000
Format = Literal["same", "avif", "bmp", "gif", "jpeg", "jpeg2000", "png", "ppm", "tga", "tiff", "webp"]


class Until(kit.Config):
    """The size that an enlarging model has to reach."""

    unit: Literal["width", "height", "megapixels"]
    value: float = Field(gt=0, le=MAX_SIDE)


class ModelSettings(kit.Config):
    """The model and how it runs, for a try-out as for a run."""

    model: str = Field(min_length=1, max_length=100)
    precision: Literal["float32", "bfloat16", "float16", "fast"] = "float32"
    engine: str = Field("auto", min_length=1, max_length=100)


class Translation(ModelSettings):
    """Everything that the page states of a batch, other than its folders."""

    recursive: bool = True
    until: Until | None = None
    longest: int | None = Field(None, ge=1, le=MAX_SIDE)
    format: Format = "same"
    quality: int | Literal["same"] = 90
    metadata: Literal["keep", "strip"] = "keep"

    def steps(self, source: Path, output: Path) -> list[dict[str, Any]]:
        """The steps of the pipeline, with options only where they differ from the defaults."""
        return [
            {"uses": "read", "with": self._read(source, output)},
            {"uses": "translate", "with": self._translate()},
            *([{"uses": "resize", "with": {"longest": self.longest}}] if self.longest else []),
            {"uses": "write", "with": self._write(output)},
        ]

    def _read(self, source: Path, output: Path) -> dict[str, Any]:
        read: dict[str, Any] = {"folder": text_of(source)}
        if source.is_dir() and not self.recursive:
            read["recursive"] = False
        if source.is_dir() and self.recursive and output.is_relative_to(source):
            first = output.relative_to(source).parts[:1]
            if not first:
                raise RequestError("the output folder is the input folder: choose another one", 409)
            read["exclude"] = [f"/{_literal(text_of(Path(*first)))}/"]
        return read

    def _translate(self) -> dict[str, Any]:
        stated: dict[str, Any] = {"bundle": self.model}
        if self.precision != "float32":
            stated["precision"] = self.precision
        if self.engine != "auto":
            stated["engine"] = self.engine
        if self.until is not None:
            whole = self.until.unit != "megapixels"
            stated["until"] = {self.until.unit: int(self.until.value) if whole else self.until.value}
        return stated

    def _write(self, output: Path) -> dict[str, Any]:
        stated: dict[str, Any] = {"folder": text_of(output)}
        defaults = {"format": "same", "quality": 90, "metadata": "keep"}
        chosen = {name: getattr(self, name) for name in defaults}
        return {**stated, **{name: value for name, value in chosen.items() if value != defaults[name]}}


def pipeline_text(name: str, translation: Translation, source: Path, output: Path) -> str:
    """The pipeline as YAML, with absolute paths, so that it means the same wherever it is saved.

    Raises:
        RequestError: a path cannot be written in YAML, or the output folder is the input folder.
    """
    document = {"name": name, "steps": translation.steps(source, output)}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def default_output(root: Path, source: Path, model: str) -> Path:
    """A folder for the outputs, inside the opened folder."""
    return root / OUTPUTS / f"{source.stem if source.is_file() else source.name}-{model}"


def text_of(path: Path) -> str:
    """A path as a pipeline states it. Raises RequestError: its name is not UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise RequestError(f"{shown(path)}: a pipeline cannot state a name that is not UTF-8: rename it", 409) from None
    return str(path)


def _literal(name: str) -> str:
    """A name as a pattern that matches it alone."""
    return "".join(f"\\{each}" if each in "\\*?[]!# " else each for each in name)
