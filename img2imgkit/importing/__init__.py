"""Turn model files of other software into networks and bundles, without that software.

bundle_import       model files to a bundle
importers           the supported file formats
reading             one model file, by the importer that claims it
recognition         state dict to network, with its weights
matching            the architecture of a state dict, and which of a file's sets of weights is a known network's
weight_sets         sets of weights in a file's content, by their path
known_networks      names of well-known networks that have no architecture here
torch_weights       PyTorch weights to Keras layers, and back
keras_networks      networks of other programs that Keras saved whole, rebuilt from their configurations
keras_layers        the plain layers of which they are rebuilt
planning            choose the task for imported networks, and copy their weights
added_files         files of losses and metrics that the user added by name
perceptual_network  pretrained networks for perceptual losses
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.exchange import Importer
from img2imgkit.formats.pickled_names import Placeholder
from img2imgkit.formats.safetensors_file import read_safetensors
from img2imgkit.formats.torch_file import read_torch
from img2imgkit.formats.weights_file import read_weights
from img2imgkit.hooks import hookimpl
from img2imgkit.importing.bundle_import import Imported, import_bundle
from img2imgkit.importing.importers import KerasImporter, MatImporter, NpzImporter, SafetensorsImporter, TorchImporter
from img2imgkit.importing.keras_networks import network_from_config
from img2imgkit.importing.perceptual_network import LPIPS_TAPS, PerceptualNetwork, feature_network, lpips_heads
from img2imgkit.importing.planning import copy_weights
from img2imgkit.importing.reading import importer_of, read_imported
from img2imgkit.importing.recognition import load_torch, network_of, put, read_network
from img2imgkit.importing.torch_weights import state_of_model

__all__ = [
    "LPIPS_TAPS",
    "Imported",
    "KerasImporter",
    "MatImporter",
    "NpzImporter",
    "PerceptualNetwork",
    "Placeholder",
    "SafetensorsImporter",
    "TorchImporter",
    "copy_weights",
    "feature_network",
    "import_bundle",
    "importer_of",
    "load_torch",
    "lpips_heads",
    "network_from_config",
    "network_of",
    "put",
    "read_imported",
    "read_network",
    "read_safetensors",
    "read_torch",
    "read_weights",
    "state_of_model",
]


@hookimpl
def register_importers(register: Callable[[type[Importer]], None]) -> None:
    """Register the built-in importers."""
    for importer in (TorchImporter, SafetensorsImporter, NpzImporter, MatImporter, KerasImporter):
        register(importer)
