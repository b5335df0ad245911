"""Weights that Keras saved as HDF5, read as arrays: no layer is built from what the file says, and nothing is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from img2imgkit.errors import InteropError

Convolution = tuple[np.ndarray, np.ndarray]


def read_convolutions(path: Path) -> list[Convolution]:
    """Each convolution's kernel and bias, in the order of the layers' names; what else there is stays unread.

    Reads ``.weights.h5`` as well as the older ``.h5`` of Keras's applications.

    Shapes:
        (h, w, channels, filters) and (filters,) each
    Raises:
        InteropError: no such file, or no weights of Keras.
    """
    try:
        with h5py.File(path, "r") as file:
            groups: dict[str, list[h5py.Dataset]] = {}
            file.visititems(lambda name, item: _note(groups, name, item))
            found = [_convolution(groups[name], path) for name in sorted(groups, key=_by_number)]
    except OSError as error:
        raise InteropError(f"{path}: cannot be read as weights that Keras saved: {error}") from None
    return [each for each in found if each]


def _note(groups: dict[str, list[Any]], name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
        groups.setdefault(name.rpartition("/")[0], []).append(item)


def _convolution(datasets: list[Any], path: Path) -> Convolution | None:
    by_rank = {len(each.shape): each for each in datasets}
    if by_rank.keys() != {1, 4}:
        return None
    for dataset in by_rank.values():
        if dataset.external or dataset.nbytes > path.stat().st_size:
            raise InteropError(f"{path}: {dataset.name} does not lie in the file as {dataset.nbytes} plain bytes")
    return np.asarray(by_rank[4]), np.asarray(by_rank[1])


def _by_number(name: str) -> list[Any]:
    """Sorts conv2d, conv2d_2, conv2d_10 in this order."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
