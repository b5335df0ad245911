"""Files of weights by their content: PyTorch's, safetensors and .npz, whatever their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from img2imgkit.errors import InteropError
from img2imgkit.formats.npz_file import is_npz, read_npz
from img2imgkit.formats.other_files import head_of
from img2imgkit.formats.safetensors_file import is_safetensors, read_safetensors
from img2imgkit.formats.torch_file import is_torch, read_torch

READERS = ((is_torch, read_torch), (is_safetensors, read_safetensors), (is_npz, read_npz))
SUFFIXES = {".safetensors": read_safetensors, ".npz": read_npz}


def read_weights(path: Path | str) -> Any:
    """What a file of weights contains: arrays, and for PyTorch's files what lies beside them; see ``read_torch``.

    The first bytes decide the format. The suffix does only if they are those of no format, for the error.

    Raises:
        InteropError: the file does not exist, is damaged, or has none of these formats.
    """
    path = Path(path)
    try:
        head = head_of(path)
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    for recognises, read in READERS:
        if recognises(head):
            return read(path)
    return SUFFIXES.get(path.suffix.lower(), read_torch)(path)
