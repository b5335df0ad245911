"""The weights of a bundle as arrays in a file, which is not trusted before the networks have said their sizes."""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.bundle.manifest import MANIFEST
from img2imgkit.errors import BundleError
from img2imgkit.task import Networks

_HEADER_BYTES = 1 << 10  # of an .npy member, beside its numbers


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The same arrays give the same bytes: members carry no time of their making."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def variables_of(nets: Networks) -> dict[str, Any]:
    """The generators' variables by role, number, and path without the numbers that Keras counts per process."""
    return {
        f"{role}/{number:04d}/{re.sub(r'_[0-9]+(?=/|$)', '', variable.path)}": variable
        for role, net in nets.generators.items()
        for number, variable in enumerate(net.weights)
        if "seed_generator" not in variable.path
    }


def read_weights(path: Path, sha256: str, variables: Mapping[str, Any]) -> list[tuple[Any, np.ndarray]]:
    try:
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != sha256:
                raise BundleError(f"{path}: its sha256 is not the one in {MANIFEST}: damaged; fetch the bundle again")
        with zipfile.ZipFile(path) as stored:
            return _fitting(path, stored, variables)
    except (OSError, ValueError, EOFError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(f"{path}: cannot read the weights: {error}") from error


def _fitting(path: Path, stored: zipfile.ZipFile, variables: Mapping[str, Any]) -> list[tuple[Any, np.ndarray]]:
    """Each variable with its array; layers may have been renamed since, but not their order, kinds and shapes."""
    infos = stored.infolist()
    members = {_place(info.filename.removesuffix(".npy")): info for info in infos}
    if len(members) != len(infos) or members.keys() != {_place(key) for key in variables}:
        raise BundleError(f"{path}: has {len(infos)} weights, the task's generators have {len(variables)}, or others")
    return [(variable, _array(path, stored, members[_place(key)], variable)) for key, variable in variables.items()]


def _place(key: str) -> str:
    """What must agree: role, number and the variable's own name, such as ``kernel``."""
    parts = key.split("/")
    return "/".join([*parts[:2], parts[-1]])


def _array(path: Path, stored: zipfile.ZipFile, member: zipfile.ZipInfo, variable: Any) -> np.ndarray:
    wanted, name = tuple(variable.shape), f"{path}: weight {member.filename}"
    if member.file_size > 8 * math.prod(wanted) + _HEADER_BYTES:
        raise BundleError(f"{name} holds {member.file_size} bytes, the network wants {wanted}")
    with stored.open(member) as stream:
        array = np.asarray(np.load(io.BytesIO(stream.read(member.file_size)), allow_pickle=False))
    if array.shape != wanted or array.dtype.kind not in "fiub":
        raise BundleError(f"{name} is {array.dtype} {array.shape}, the network wants {wanted}")
    if not np.isfinite(array).all():
        raise BundleError(f"{name} holds NaN or infinity")
    return array
