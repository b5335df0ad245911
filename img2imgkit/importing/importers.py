"""The built-in importers of model files; plugins can add others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2imgkit.bundle import EXPORTED_FILE, MAX_MANIFEST_BYTES, Exported, read_exported
from img2imgkit.errors import BundleError, InteropError
from img2imgkit.exchange import NETWORK, Importer, SavedWeights, StateDict, Statistics
from img2imgkit.formats.keras_file import (
    ARCHIVE,
    PLAIN,
    fill,
    prove_shapes,
    read_config,
    read_named,
    read_shapes,
    read_text,
)
from img2imgkit.formats.mat_file import is_mat, read_mat
from img2imgkit.formats.npz_file import is_npz, read_npz
from img2imgkit.formats.safetensors_file import is_safetensors, read_safetensors
from img2imgkit.formats.torch_file import is_torch, read_torch
from img2imgkit.importing.keras_networks import named_arrays, network_from_config, rebuilt
from img2imgkit.importing.weight_sets import state_dict_of

if TYPE_CHECKING:
    import keras

HDF5 = b"\x89HDF"


class TorchImporter(Importer):
    """PyTorch checkpoints; see ``torch_file``."""

    name = "torch"
    suffixes = (".pth", ".pt", ".ckpt", ".th", ".pkl", ".pth.tar", ".pt.tar")

    def recognises(self, head: bytes) -> bool:
        return is_torch(head)

    def claims(self, path: Path, head: bytes) -> bool:
        return super().claims(path, head) and not head.startswith(HDF5)

    def read(self, path: Path, key: str | None = None) -> StateDict:
        return _state_dict(path, read_torch(path), key)


class SafetensorsImporter(Importer):
    """State dicts as safetensors files. A key is a prefix of the arrays' names, before a dot."""

    name = "safetensors"
    suffixes = (".safetensors",)

    def recognises(self, head: bytes) -> bool:
        return is_safetensors(head)

    def read(self, path: Path, key: str | None = None) -> StateDict:
        return _state_dict(path, read_safetensors(path), key)


class NpzImporter(Importer):
    """State dicts as named arrays in numpy's format. A key is a prefix of the arrays' names, before a dot."""

    name = "npz"
    suffixes = (".npz",)

    def recognises(self, head: bytes) -> bool:
        return is_npz(head)

    def read(self, path: Path, key: str | None = None) -> StateDict:
        return _state_dict(path, read_npz(path), key)


class MatImporter(Importer):
    """State dicts as matrices in MATLAB's format. A key is a prefix of the matrices' names, before a dot."""

    name = "mat"
    suffixes = (".mat",)

    def recognises(self, head: bytes) -> bool:
        return is_mat(head)

    def read(self, path: Path, key: str | None = None) -> StateDict:
        return _state_dict(path, read_mat(path), key)


class KerasImporter(Importer):
    """Keras weights of a task's own networks; and, to be converted, networks of other programs, saved whole."""

    name = "keras"
    suffixes = (ARCHIVE, PLAIN, ".h5", ".hdf5")

    def read(self, path: Path, key: str | None = None) -> SavedWeights:
        if key is not None:
            raise InteropError(f"{path}: a Keras file has no entries, so no {key!r}: leave out the key")
        if not path.name.endswith((ARCHIVE, PLAIN)):
            raise InteropError(
                f"{path}: a model of other software, saved whole; 'img2img convert' makes an ONNX file of it, which "
                f"runs in pipelines. Weights of a task's own networks are in files whose names end in {PLAIN}"
            )
        read_shapes(path)
        role = path.name.removesuffix(ARCHIVE).removesuffix(PLAIN).removeprefix(NETWORK)
        saved = SavedWeights(partial(fill, path=path), role=role, source=path.name)
        described = _description(path)
        if described is None:
            return saved
        roles = [each.name.removeprefix(NETWORK) for each in described.programs if each.name.startswith(NETWORK)]
        if len(roles) != 1:
            raise InteropError(f"{path}: describes {len(roles)} networks, but a .keras file contains one")
        return replace(saved, task=described.manifest.task, options=described.manifest.options, role=roles[0])

    def network(self, path: Path, statistics: Statistics = "running") -> keras.Model:
        config = read_config(path)
        if not path.name.endswith(ARCHIVE):
            arrays = read_named(path)
            return _of_file(path, lambda: network_from_config(config, arrays, statistics))
        model = _of_file(path, lambda: rebuilt(config, partial(prove_shapes, path=path)))
        fill(model, path)
        if statistics == "running":
            return model
        return _of_file(path, lambda: network_from_config(config, named_arrays(model), statistics))


def _of_file(path: Path, build: Callable[[], keras.Model]) -> keras.Model:
    try:
        return build()
    except InteropError as error:
        raise InteropError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None


def _state_dict(path: Path, loaded: Any, key: str | None) -> StateDict:
    try:
        return state_dict_of(loaded, key, source=path.name)
    except InteropError as error:
        raise InteropError(f"{path}: {error}", error.decided_by) from None


def _description(path: Path) -> Exported | None:
    """The description in a ``.keras`` file exported by img2imgkit; None for other files."""
    text = read_text(path, EXPORTED_FILE, MAX_MANIFEST_BYTES)
    try:
        return None if text is None else read_exported(text, f"{path}: {EXPORTED_FILE}")
    except BundleError as error:
        raise InteropError(str(error)) from None
