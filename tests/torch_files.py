"""Checkpoint files as ``torch.save`` writes them, made without PyTorch."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def save_torch(path: Path, state: Mapping[str, np.ndarray]) -> Path:
    """A zip file of one state dict of float32 arrays, with the structure that PyTorch 1.6 and later write."""
    entries = b"".join(_plain(name) + _tensor(str(number), array) for number, (name, array) in enumerate(state.items()))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02}(" + entries + b"u.")
        archive.writestr("model/byteorder", b"little")
        for number, array in enumerate(state.values()):
            archive.writestr(f"model/data/{number}", array.astype("<f4").tobytes())
        archive.writestr("model/version", b"3\n")
    return path


def _tensor(key: str, array: np.ndarray) -> bytes:
    """The opcodes of a call of ``_rebuild_tensor_v2``."""
    strides = tuple(step // array.itemsize for step in np.ascontiguousarray(array).strides)
    storage = b"(" + _plain("storage") + b"ctorch\nFloatStorage\n" + b"".join(map(_plain, (key, "cpu", array.size)))
    about = b"".join(map(_plain, (0, array.shape, strides, False)))
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"tQ" + about + b"ccollections\nOrderedDict\n)RtR"


def _plain(value: Any) -> bytes:
    """The opcodes of a plain value, without the frame of a pickle."""
    return pickle.dumps(value, 2)[2:-1]
