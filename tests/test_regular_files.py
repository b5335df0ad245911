"""Every reader of the toolkit refuses a named pipe at once, with an error that names it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from img2imgkit_plugins.ncnn.graph import read_graph as read_ncnn_graph
from img2imgkit_plugins.ncnn.weights import read_weights as read_ncnn_weights

from img2imgkit import bundle
from img2imgkit.bundle.weights import read_weights
from img2imgkit.config import load_yaml
from img2imgkit.data.attribute_files import read_attributes
from img2imgkit.data.headers import header
from img2imgkit.data.label_maps import read_ids
from img2imgkit.data.palettes import read_palette
from img2imgkit.errors import ToolkitError
from img2imgkit.evaluation.scoring import read_arrays
from img2imgkit.formats import keras_file, onnx_reader, safetensors_file, torch_file
from img2imgkit.images import decode
from img2imgkit.inference.inputs.codes import load_code
from img2imgkit.inference.models.exported_reference import digest
from img2imgkit.places import Places, UserSettings
from img2imgkit.training.record.run_folder import RunFolder
from img2imgkit.training.state import checkpoint

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a manifest": ("bundle.json", lambda path: bundle.describe(path.parent)),
    "a bundle's weights": ("weights.npz", lambda path: read_weights(path, "", {})),
    "YAML": ("a.yaml", load_yaml),
    "the user's file": ("config.yaml", lambda path: UserSettings.read(Places(path.parent, path, path), {})),
    "attributes": ("list.txt", read_attributes),
    "a palette": ("palette.yaml", read_palette),
    "a label map": ("a.png", read_ids),
    "a header": ("a.png", header),
    "a picture": ("a.png", decode),
    "arrays": ("a.npz", read_arrays),
    "Keras": ("a.keras", keras_file.read_shapes),
    "HDF5": ("a.weights.h5", keras_file.read_shapes),
    "ONNX": ("a.onnx", onnx_reader.read_graph),
    "safetensors": ("a.safetensors", safetensors_file.read_safetensors),
    "PyTorch": ("a.pth", torch_file.read_torch),
    "ncnn's graph": ("a.param", read_ncnn_graph),
    "ncnn's weights": ("a.bin", lambda path: read_ncnn_weights(path, ())),
    "a code": ("a.json", lambda path: load_code(path, "style", None)),  # type: ignore[arg-type]
    "a digest": ("a.onnx", lambda path: digest([path])),
    "a checkpoint": ("step-000000001.npz", lambda path: checkpoint.restore(path.parent, {})),
    "a run's configuration": ("config.json", lambda path: RunFolder(path.parent).open({}, resume=True)),
    "a run's figures": ("metrics.jsonl", lambda path: RunFolder(path.parent).records()),
    "a new run's figures": ("metrics.jsonl", lambda path: RunFolder(path.parent).open({}, resume=False)),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("title", READERS)
def test_a_pipe_is_refused(tmp_path: Path, title: str) -> None:
    name, read = READERS[title]
    os.mkfifo(tmp_path / name)
    with pytest.raises(ToolkitError, match="is not a regular file"):
        read(tmp_path / name)
