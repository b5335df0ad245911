"""The importer of TensorFlow.js layers models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from img2imgkit_plugins.tfjs.isr_layers import recognise_network
from img2imgkit_plugins.tfjs.layers_model import read_layers_model

import img2imgkit as kit
from img2imgkit.importing import network_from_config

if TYPE_CHECKING:
    import keras

WAY_OUT = "'img2img convert' makes an ONNX file of any network of plain layers, which runs in pipelines"


class TfjsLayers(kit.Importer):
    """Imports layers models of TensorFlow.js, ``model.json``, whose layers are those of a supported network.

    Others of plain layers can be converted to ONNX.
    """

    name = "tfjs"
    suffixes = (".json",)

    def recognises(self, head: bytes) -> bool:
        return head.lstrip().startswith(b"{") and (b'"layers-model"' in head or b'"modelTopology"' in head)

    def claims(self, path: Path, head: bytes) -> bool:
        return path.name == "model.json"

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        """See ``Importer.read``.

        Raises:
            InteropError: a file is missing or damaged, or the network is not supported.
        """
        if key is not None:
            raise kit.InteropError(
                f"{path}: key {key!r}: the file contains one network without a name; leave the key out"
            )
        try:
            model = read_layers_model(Path(path))
            return recognise_network(model, Path(path).name)
        except kit.InteropError as error:
            raise kit.InteropError(f"{path}: {error}; {WAY_OUT}") from None

    def network(self, path: Path, statistics: kit.Statistics = "running") -> keras.Model:
        try:
            model = read_layers_model(Path(path))
            return network_from_config(model.config, model.arrays, statistics)
        except kit.InteropError as error:
            raise kit.InteropError(f"{path}: {error}") from None
