"""The importer of ncnn's models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from img2imgkit_plugins.ncnn.graph import read_graph
from img2imgkit_plugins.ncnn.networks import Recognised, recognise
from img2imgkit_plugins.ncnn.values import Values
from img2imgkit_plugins.ncnn.weights import read_weights

import img2imgkit as kit
from img2imgkit.interop import foreign_from_state

GRAPH, WEIGHTS = ".param", ".bin"


class Ncnn(kit.Importer):
    """ncnn's text graph with its weights beside it, of the networks in whose form Real-ESRGAN's models are packed.

    The names in such a file tell nothing: which network it is, is proved from what the layers read and give. Weights
    in half floats are widened, which changes none of them.
    """

    name = "ncnn"
    suffixes = (GRAPH, WEIGHTS)

    def read(self, path: Path, part: str | None = None) -> kit.Foreign:
        """See ``Importer.read``; either of the two files may be named.

        Raises:
            InteropError: one of them is missing, damaged, quantised, or of a network that is not known here.
        """
        if part is not None:
            raise kit.InteropError(f"{path}: part {part!r}: a file of ncnn holds one network, without a name")
        path = Path(path)
        graph, weights = path.with_suffix(GRAPH), path.with_suffix(WEIGHTS)
        for file in (graph, weights):
            if not file.is_file():
                raise kit.InteropError(f"{file}: no such file; ncnn's models are two, a {GRAPH} and a {WEIGHTS}")
        try:
            return _read(graph, weights)
        except kit.InteropError as error:
            raise kit.InteropError(f"{graph}: {error}") from None


def _read(graph: Path, weights: Path) -> kit.Foreign:
    layers = read_graph(graph)
    recognised = recognise(Values(layers))
    arrays = read_weights(weights, layers)
    state = {
        f"{module}.{leaf}": array
        for module, layer in recognised.layers.items()
        for leaf, array in arrays[layer.name].items()
    }
    found = foreign_from_state(state, recognised.network, graph.name, **recognised.options)
    told = {name: word for name, word in found.assumed.items() if name not in recognised.options}
    return replace(found, assumed=told | _left_out(recognised))


def _left_out(recognised: Recognised) -> dict[str, str]:
    """What the file does besides, and the network does not."""
    if recognised.resized is None:
        return {}
    method, factor = recognised.resized
    words = f"the file resizes what its network makes {factor:g} times ({method}); a bundle does not, a step can"
    return {"resize": words}
