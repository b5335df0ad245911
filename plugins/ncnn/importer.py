"""The importer of ncnn's models."""

from __future__ import annotations

from pathlib import Path

from img2imgkit_plugins.ncnn.graph import read_graph
from img2imgkit_plugins.ncnn.networks import Recognised, recognise
from img2imgkit_plugins.ncnn.values import Values
from img2imgkit_plugins.ncnn.weights import read_weights

import img2imgkit as kit

GRAPH, WEIGHTS = ".param", ".bin"


class Ncnn(kit.Importer):
    """ncnn's text graph with its weights beside it, of the networks in whose form Real-ESRGAN's models are packed.

    The names in such a file tell nothing: which network it is, is proved from what the layers read and give. Weights
    in half floats are widened, which changes none of them.
    """

    name = "ncnn"
    suffixes = (GRAPH, WEIGHTS)

    def claims(self, path: Path, head: bytes) -> bool:
        name = path.name.lower()
        return name.endswith(GRAPH) or (name.endswith(WEIGHTS) and path.with_suffix(GRAPH).is_file())

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        """See ``Importer.read``; either of the two files may be named.

        Raises:
            InteropError: one of them is missing, damaged, quantised, or of a network that is not known here.
        """
        if key is not None:
            raise kit.InteropError(f"{path}: key {key!r}: a file of ncnn holds one network, without a name")
        path = Path(path)
        graph, weights = path.with_suffix(GRAPH), path.with_suffix(WEIGHTS)
        for file in (graph, weights):
            if not file.is_file():
                raise kit.InteropError(f"{file}: no such file; ncnn's models are two, a {GRAPH} and a {WEIGHTS}")
        try:
            return _read(graph, weights)
        except kit.InteropError as error:
            raise kit.InteropError(f"{graph}: {error}") from None


def _read(graph: Path, weights: Path) -> kit.StateDict:
    layers = read_graph(graph)
    recognised = recognise(Values(layers))
    arrays = read_weights(weights, layers)
    state = {
        f"{module}.{leaf}": array
        for module, layer in recognised.layers.items()
        for leaf, array in arrays[layer.name].items()
    }
    return kit.StateDict(state, recognised.network, recognised.options, _left_out(recognised), graph.name)


def _left_out(recognised: Recognised) -> tuple[kit.Assumption, ...]:
    """What the file does besides, and the network does not."""
    if recognised.resized is None:
        return ()
    method, factor = recognised.resized
    text = f"the file resizes what its network makes {factor:g} times ({method}); a bundle does not, a step can"
    return (kit.Assumption("", None, (), text),)
