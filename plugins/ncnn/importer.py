"""The importer of ncnn's models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from img2imgkit_plugins.ncnn.graph import read_graph
from img2imgkit_plugins.ncnn.networks import recognise
from img2imgkit_plugins.ncnn.operations import values_of
from img2imgkit_plugins.ncnn.walk import Recognised
from img2imgkit_plugins.ncnn.weights import read_weights

import img2imgkit as kit

GRAPH, WEIGHTS = ".param", ".bin"


class Ncnn(kit.Importer):
    """Imports ncnn's text graphs and their weights, for the networks of Real-ESRGAN, waifu2x, Real-CUGAN and SRMD.

    The names in such files carry no information: the network is identified by the structure of its graph. Weights in
    float16 are converted to float32 exactly.
    """

    name = "ncnn"
    suffixes = (GRAPH, WEIGHTS)

    def claims(self, path: Path, head: bytes) -> bool:
        name = path.name.lower()
        return name.endswith(GRAPH) or (name.endswith(WEIGHTS) and path.with_suffix(GRAPH).is_file())

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        """See ``Importer.read``; ``path`` may be either of the two files.

        Raises:
            InteropError: a file is missing, damaged or quantised, or the network is not supported.
        """
        if key is not None:
            raise kit.InteropError(
                f"{path}: key {key!r}: ncnn files contain one network without a name; leave the key out"
            )
        path = Path(path)
        graph, weights = path.with_suffix(GRAPH), path.with_suffix(WEIGHTS)
        for file in (graph, weights):
            if not file.is_file():
                raise kit.InteropError(
                    f"{file}: no such file; an ncnn model consists of two files, {GRAPH} and {WEIGHTS}"
                )
        try:
            return _read(graph, weights)
        except kit.InteropError as error:
            raise kit.InteropError(f"{graph}: {error}") from None


def _read(graph: Path, weights: Path) -> kit.StateDict:
    layers = read_graph(graph)
    recognised = recognise(values_of(layers))
    arrays = read_weights(weights, layers)
    state = {
        f"{module}.{leaf}": array / np.float32(recognised.folded[module]) if module in recognised.folded else array
        for module, layer in recognised.layers.items()
        for leaf, array in arrays[layer.name].items()
    }
    return kit.StateDict(state, recognised.network, recognised.options, _left_out(recognised), graph.name)


def _left_out(recognised: Recognised) -> tuple[kit.Assumption, ...]:
    """What the file does in addition to the network, or leaves to a program."""
    if recognised.network == "cunet" and recognised.options["scale"] == 4:
        text = (
            "the file leaves it to its program to add the enlarged picture; the bundle adds the enlarged picture itself"
        )
        return (kit.Assumption("", None, (), text),)
    if recognised.resized is None:
        return ()
    method, factor = recognised.resized
    text = (
        f"the file resizes the network's output by {factor:g} ({method}), a bundle does not; "
        "add a resize step to the pipeline"
    )
    return (kit.Assumption("", None, (), text),)
