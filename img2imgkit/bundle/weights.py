"""The weights file of a bundle. It is untrusted: the networks' shapes limit what is read."""

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
from img2imgkit.files import open_regular
from img2imgkit.task import Networks

_HEADER_BYTES = 1 << 10  # upper bound for the header of an .npy member


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Serialise arrays to .npz. Equal arrays give equal bytes: members have no timestamps."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def variables_of(nets: Networks) -> dict[str, Any]:
    """The generators' variables by role, index and path, without the counters that Keras adds to layer names."""
    return {
        f"{role}/{number:04d}/{re.sub(r'_[0-9]+(?=/|$)', '', variable.path)}": variable
        for role, net in nets.generators.items()
        for number, variable in enumerate(net.weights)
        if "seed_generator" not in variable.path
    }


def read_weights(path: Path, sha256: str, variables: Mapping[str, Any]) -> list[tuple[Any, np.ndarray]]:
    try:
        with open_regular(path) as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != sha256:
                raise BundleError(f"{path}: damaged: its sha256 differs from {MANIFEST}; download the bundle again")
        with open_regular(path) as handle, zipfile.ZipFile(handle) as stored:
            return _fitting(path, stored, variables)
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(f"{path}: cannot read the weights: {error}") from error


def _fitting(path: Path, stored: zipfile.ZipFile, variables: Mapping[str, Any]) -> list[tuple[Any, np.ndarray]]:
    """Match each variable with its array. Layer names may differ; order, variable names and shapes must agree."""
    infos = stored.infolist()
    members = {_place(info.filename.removesuffix(".npy")): info for info in infos}
    if len(members) != len(infos) or members.keys() != {_place(key) for key in variables}:
        raise BundleError(f"{path}: its {len(infos)} weights do not match the {len(variables)} of the generators")
    return [(variable, _array(path, stored, members[_place(key)], variable)) for key, variable in variables.items()]


def _place(key: str) -> str:
    """The part of a key that must agree: role, index and the variable's own name, such as ``kernel``."""
    names = key.split("/")
    return "/".join([*names[:2], names[-1]])


def _array(path: Path, stored: zipfile.ZipFile, member: zipfile.ZipInfo, variable: Any) -> np.ndarray:
    wanted, name = tuple(variable.shape), f"{path}: weight {member.filename}"
    if member.file_size > 8 * math.prod(wanted) + _HEADER_BYTES:
        raise BundleError(f"{name} has {member.file_size} bytes; the network expects shape {wanted}")
    with stored.open(member) as stream:
        array = np.asarray(np.load(io.BytesIO(stream.read(member.file_size)), allow_pickle=False))
    if array.shape != wanted or array.dtype.kind not in "fiub":
        raise BundleError(f"{name} is {array.dtype} {array.shape}; the network expects shape {wanted}")
    if not np.isfinite(array).all():
        raise BundleError(f"{name} contains NaN or infinity")
    return array
