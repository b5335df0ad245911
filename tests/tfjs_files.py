"""Layers models of TensorFlow.js, written as its converter writes ISR's RDN and RRDN."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Layer = dict[str, Any]


class Layers:
    """The layers of a network in the file's order."""

    def __init__(self) -> None:
        self.made: list[Layer] = []

    def add(self, kind: str, name: str, *reads: str, **config: Any) -> str:
        nodes = [[[each, 0, 0, {}] for each in reads]] if reads else []
        self.made.append({"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes})
        return name

    def conv(self, name: str, source: str, filters: int, kernel: int = 3, padding: str = "same") -> str:
        settings = {"strides": [1, 1], "dilation_rate": [1, 1], "groups": 1, "use_bias": True, "activation": "linear"}
        size = {"filters": filters, "kernel_size": [kernel, kernel], "padding": padding}
        return self.add("Conv2D", name, source, data_format="channels_last", **settings, **size)

    def relu(self, source: str) -> str:
        return self.add("Activation", f"{source}_Relu", source, activation="relu")

    def dense(self, place: str, x: str, convolutions: int, growth: int) -> str:
        for number in range(1, convolutions + 1):
            grown = self.relu(self.conv(f"F_{place}_{number}", x, growth))
            x = self.add("Concatenate", f"RDB_Concat_{place}_{number}", x, grown, axis=3)
        return x


def rdn_layers(scale: int = 2, width: int = 4, blocks: int = 2, convolutions: int = 2, growth: int = 3) -> list[Layer]:
    """The layers of RDN."""
    net = Layers()
    add, conv = net.add, net.conv
    first = conv("F_m1", add("InputLayer", "LR", batch_input_shape=[None, None, None, 3]), width)
    x, ends = conv("F_0", first, width), []
    for block in range(1, blocks + 1):
        dense = net.dense(f"{block}", x, convolutions, growth)
        x = add("Add", f"LRL_{block}", conv(f"LFF_{block}", dense, width, 1, "valid"), x)
        ends.append(x)
    x = conv("GFF_2", conv("GFF_1", add("Concatenate", "LRLs_Concat", *ends, axis=3), width, 1), width)
    x = conv("UPN1", add("Add", "FDF", x, first), 5, 5)
    x = conv("UPN3", net.relu(conv("UPN2", net.relu(x), 4)), 3 * scale**2)
    conv("SR", add("UpSampling2D", "UPsample", x, size=[scale, scale], interpolation="nearest"), 3)
    return net.made


def rrdn_layers(scale: int = 2, width: int = 4, blocks: int = 2, dense_blocks: int = 2, first: int = 7) -> list[Layer]:
    """The layers of RRDN, of two convolutions a dense block; ``first``: the number of the first numbered layer."""
    net = Layers()
    add, conv, number = net.add, net.conv, iter(range(first, 1000))
    x = start = conv("Pre_blocks_conv", add("InputLayer", "LR_input", batch_input_shape=[None, None, None, 3]), width)
    for block in range(1, blocks + 1):
        before = x
        for dense in range(1, dense_blocks + 1):
            fused = conv(f"LFF_{block}_{dense}", net.dense(f"{block}_{dense}", x, 2, 3), width)
            x = add("Add", f"LRL_{block}_{dense}", x, add("MultiplyBeta", f"multiply_beta_{next(number)}", fused))
        x = add("Add", f"RRDB_{block}_out", before, add("MultiplyBeta", f"multiply_beta_{next(number)}", x))
    x = add("Add", "GRL", conv("post_blocks_conv", x, width), start)
    x = conv("PreShuffle", x, 3 * scale**2)
    conv("SR", add(f"PixelShuffle{scale}x", f"pixel_shuffle_{first}", x, scale=scale), 3)
    return net.made


def random_arrays(layers: list[Layer]) -> dict[str, np.ndarray]:
    """Weights of the convolutions, by the file's names."""
    random = np.random.default_rng(0)
    widths: dict[str, int] = {}
    found = {}
    for layer in layers:
        name, config = layer["name"], layer["config"]
        reads = [source[0] for node in layer["inbound_nodes"] for source in node]
        inputs = [widths[each] for each in reads]
        widths[name] = sum(inputs) if layer["class_name"] == "Concatenate" else inputs[0] if inputs else 3
        if "scale" in config:
            widths[name] //= config["scale"] ** 2
        if layer["class_name"] == "Conv2D":
            shape = (*config["kernel_size"], widths[name], config["filters"])
            found[f"{name}/kernel"] = random.normal(0, 1 / np.sqrt(np.prod(shape[:3])), shape).astype(np.float32)
            found[f"{name}/bias"] = random.normal(0, 0.1, shape[3:]).astype(np.float32)
            widths[name] = config["filters"]
    return found


def write_model(
    folder: Path,
    layers: list[Layer],
    arrays: Mapping[str, np.ndarray],
    shards: int = 1,
    change: Callable[[dict[str, Any]], object] = lambda model: None,
) -> Path:
    """Write ``model.json`` and its shards; the path of the former.

    Args:
        change: changes what is written into ``model.json``
    """
    raw = b"".join(array.tobytes() for array in arrays.values())
    names = [f"group1-shard{number + 1}of{shards}.bin" for number in range(shards)]
    cuts = [len(raw) * number // shards for number in range(shards + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, start, end in zip(names, cuts[:-1], cuts[1:], strict=True):
        (folder / name).write_bytes(raw[start:end])
    listed = [{"name": name, "shape": [*array.shape], "dtype": "float32"} for name, array in arrays.items()]
    ends = {"input_layers": [[layers[0]["name"], 0, 0]], "output_layers": [["SR", 0, 0]]}
    config = {"name": "isr", "layers": layers, **ends}
    model = {
        "format": "layers-model",
        "generatedBy": "keras v2.10.0",
        "modelTopology": {"keras_version": "2.10.0", "model_config": {"class_name": "Functional", "config": config}},
        "weightsManifest": [{"paths": names, "weights": listed}],
    }
    change(model)
    (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")
    return folder / "model.json"
