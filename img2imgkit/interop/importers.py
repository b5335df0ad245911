"""The kinds of model files that img2imgkit reads itself; plugins bring further ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from img2imgkit.errors import InteropError
from img2imgkit.exchange import NETWORK, Foreign, Importer, Kept
from img2imgkit.interop.keras_file import ARCHIVE, PLAIN, fill, read_description, read_shapes
from img2imgkit.interop.load import foreign_from_state, read_network
from img2imgkit.interop.safetensors_file import read_safetensors


class TorchImporter(Importer):
    """Checkpoints of PyTorch. See ``torch_file``."""

    name = "torch"
    suffixes = (".pth", ".pt", ".ckpt", ".th", ".pkl")

    def read(self, path: Path, part: str | None = None) -> Foreign:
        return read_network(path, part=part)


class SafetensorsImporter(Importer):
    """The same networks as safetensors. A part is what the names of its arrays begin with, before a dot."""

    name = "safetensors"
    suffixes = (".safetensors",)

    def read(self, path: Path, part: str | None = None) -> Foreign:
        state: Mapping[str, np.ndarray] = read_safetensors(path)
        if part is not None:
            prefix = f"{part}."
            state = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
            if not state:
                raise InteropError(f"{path}: no array's name begins with {prefix!r}")
        try:
            return foreign_from_state(state, source=path.name)
        except InteropError as error:
            raise InteropError(f"{path}: {error}") from None


class KerasImporter(Importer):
    """Weights of our own tasks as Keras saved them. How their networks are built is not read from the file."""

    name = "keras"
    suffixes = (ARCHIVE, PLAIN, ".h5")

    def read(self, path: Path, part: str | None = None) -> Kept:
        if part is not None:
            raise InteropError(f"{path}: has no parts, and so no {part!r}")
        if not path.name.endswith((ARCHIVE, PLAIN)):
            raise InteropError(
                f"{path}: a whole model as Keras saved it before version 3; load it where it was made, and write its "
                f"weights with model.save_weights('NAME{PLAIN}')"
            )
        read_shapes(path)
        role = path.name.removesuffix(ARCHIVE).removesuffix(PLAIN).removeprefix(NETWORK)
        kept = Kept(partial(fill, path=path), role=role, source=path.name)
        described = read_description(path)
        if described is None:
            return kept
        roles = [each.name.removeprefix(NETWORK) for each in described.programs if each.name.startswith(NETWORK)]
        if len(roles) != 1:
            raise InteropError(f"{path}: describes {len(roles)} networks, where a .keras file holds one")
        return replace(kept, task=described.manifest.task, options=described.manifest.options, role=roles[0])
