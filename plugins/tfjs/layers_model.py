"""TensorFlow.js' format of layers models: ``model.json`` with a network's layers and weights, beside files of numbers.

Format: https://www.tensorflow.org/js/guide/save_load and ``io/types.ts`` in https://github.com/tensorflow/tfjs.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import img2imgkit as kit

MAX_BYTES = 32 << 20  # of JSON
MAX_ARRAYS = 10_000
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # the name of a file beside model.json
STORED = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
KINDS = ("Model", "Functional")


@dataclass(frozen=True)
class LayerRecord:
    """A layer as the file states it.

    Attributes:
        kind: its class, such as "Conv2D"
        config: its arguments
        reads: the names of the layers whose outputs it reads
    """

    kind: str
    config: Mapping[str, Any]
    reads: tuple[str, ...]


@dataclass(frozen=True)
class LayersModel:
    """A model as the file states it.

    Attributes:
        config: its class and configuration, as Keras writes them
        arrays: its weights by name
    """

    config: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def layers(self) -> tuple[dict[str, LayerRecord], tuple[str, ...]]:
        """The layers of a functional model by name, and its output layers.

        Raises:
            InteropError: it is another kind of model, or a layer is used twice.
        """
        try:
            return _layers(self.config)
        except MALFORMED as error:
            raise malformed(error) from None


def read_layers_model(path: Path) -> LayersModel:
    """Read a model; its arrays are float32.

    Never allocates more memory for arrays than twice the size of its files.

    Raises:
        InteropError: a file is missing, damaged or too large, or it is another kind of model.
    """
    stated = _json(path)
    if not isinstance(stated, dict) or stated.get("format", "layers-model") != "layers-model":
        kind = stated.get("format") if isinstance(stated, dict) else type(stated).__name__
        raise kit.InteropError(f"a TensorFlow.js {kind}; only layers models can be read")
    try:
        topology = stated["modelTopology"]
        config = topology.get("model_config", topology)
        groups = [(group["paths"], group["weights"]) for group in stated["weightsManifest"]]
        arrays = {name: array for group in groups for name, array in _group(path.parent, *group)}
    except MALFORMED as error:
        raise malformed(error) from None
    return LayersModel(config, arrays)


def malformed(error: Exception) -> kit.InteropError:
    """The error for a file that lacks what every layers model has."""
    return kit.InteropError(f"not a layers model: {type(error).__name__}: {error}")


def _json(path: Path) -> Any:
    raw = _bytes(path, MAX_BYTES)
    if len(raw) > MAX_BYTES:
        raise kit.InteropError(f"larger than {MAX_BYTES >> 20} MiB, the limit for JSON")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise kit.InteropError("not valid JSON") from None


def _bytes(path: Path, limit: int) -> bytes:
    """The first ``limit`` bytes of a file, and one more if there are more."""
    try:
        with kit.open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size  # ``read`` allocates what it is asked for
            return file.read(min(limit, size) + 1)
    except OSError as error:
        raise kit.InteropError(f"{path.name}: cannot be read: {error.strerror or error}") from None


def _layers(model: Mapping[str, Any]) -> tuple[dict[str, LayerRecord], tuple[str, ...]]:
    if model["class_name"] not in KINDS:
        raise kit.InteropError(f"a {model['class_name']!s:.40} model; only functional models can be recognised")
    config = model["config"]
    found = {
        str(each["config"]["name"]): LayerRecord(str(each["class_name"]), dict(each["config"]), _reads(each))
        for each in config["layers"]
    }
    if len(found) < len(config["layers"]):
        raise kit.InteropError("two layers have the same name")
    return found, tuple(str(output[0]) for output in config["output_layers"])


def _reads(layer: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that a layer reads; a layer that is used twice is refused."""
    nodes = layer["inbound_nodes"]
    if len(nodes) > 1:
        raise kit.InteropError(f"layer {layer['config']['name']!s:.60} is used {len(nodes)} times")
    return tuple(str(source[0]) for node in nodes for source in node)


def _group(folder: Path, paths: list[str], weights: list[Mapping[str, Any]]) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of files that are one sequence of bytes."""
    if len(weights) > MAX_ARRAYS:
        raise kit.InteropError(f"{len(weights)} arrays are more than any supported network has")
    sizes = [_size(each) for each in weights]
    raw = b"".join(_shard(folder, name, sum(sizes)) for name in paths)
    if len(raw) != sum(sizes):
        raise kit.InteropError(f"{', '.join(paths)}: {len(raw)} bytes, but the arrays have {sum(sizes)}")
    start = 0
    for each, size in zip(weights, sizes, strict=True):
        yield str(each["name"]), _array(each, raw[start : start + size])
        start += size


def _shard(folder: Path, name: str, limit: int) -> bytes:
    if not PLAIN.fullmatch(name):
        raise kit.InteropError(f"{name!r:.60}: weights must lie beside the model's file")
    return _bytes(folder / name, limit)


def _size(weight: Mapping[str, Any]) -> int:
    shape = weight["shape"]
    if not all(isinstance(side, int) and 0 < side < 2**31 for side in shape):
        raise kit.InteropError(f"{weight['name']!s:.60}: the shape {shape} is not valid")
    return math.prod(shape) * np.dtype(_stored(weight)).itemsize


def _stored(weight: Mapping[str, Any]) -> str:
    kind = weight.get("quantization", weight)["dtype"]
    if kind not in STORED or weight["dtype"] != "float32":
        raise kit.InteropError(f"{weight['name']!s:.60}: arrays of type {kind} are not supported")
    return STORED[kind]


def _array(weight: Mapping[str, Any], raw: bytes) -> np.ndarray:
    """An array in float32, quantised ones with their scale and minimum."""
    array = np.frombuffer(raw, _stored(weight)).astype(np.float32).reshape(weight["shape"])
    quantised = weight.get("quantization")
    if not quantised or quantised["dtype"] == "float16":
        return array
    return array * np.float32(quantised["scale"]) + np.float32(quantised["min"])
