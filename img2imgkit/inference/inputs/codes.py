"""Code files: a latent code that a bundle's encoder computed from pictures, stored for reuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from img2imgkit.bundle import Manifest
from img2imgkit.config import Config, parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.files import read_text, write_whole

FORMAT = 1
_MAX_BYTES = 4 << 20


class CodeFile(Config):
    """A code and its origin; only the weights that computed a code can use it."""

    format: int = Field(ge=1, le=FORMAT)
    condition: str
    bundle: str
    digest: str
    pictures: tuple[str, ...]
    code: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(min_length=1)


def save_code(path: Path, code: np.ndarray, condition: str, manifest: Manifest, pictures: Sequence[str]) -> None:
    """Write a code file: JSON with the code, and the names of the bundle and the pictures.

    Shapes:
        code: (D,)
    Raises:
        BundleError: the file cannot be written.
    """
    about = {"format": FORMAT, "condition": condition, "bundle": manifest.name, "digest": manifest.digest}
    try:
        write_whole(path, json.dumps({**about, "pictures": list(pictures), "code": code.tolist()}) + "\n")
    except OSError as error:
        raise BundleError(f"{path}: cannot write it: {error.strerror or error}") from error


def load_code(path: Path, condition: str, manifest: Manifest) -> np.ndarray:
    """Read a code file for a condition of a bundle.

    Shapes:
        -> (D,) float32
    Raises:
        BundleError: the file cannot be read, is not a code file, or belongs to another condition or bundle.
    """
    try:
        stated = json.loads(read_text(path, _MAX_BYTES))
        file = validate(CodeFile, parse_yaml("", str(path)), data=stated)
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not a code file: {getattr(error, 'strerror', None) or error}") from None
    except ConfigError as error:
        raise BundleError(f"{path}: not a code file: {error}") from None
    if file.condition != condition:
        raise BundleError(f"{path}: a code for {file.condition!r}, not for {condition!r}")
    if file.digest != manifest.digest:
        raise BundleError(f"{path}: encoded with another bundle ({file.bundle}): encode again with {manifest.name}")
    return np.asarray(file.code, np.float32)
