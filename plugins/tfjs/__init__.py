"""Importer of TensorFlow.js layers models, and the network RDN, of which npm packages have models in that format."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_importers(register: Any) -> None:
    from img2imgkit_plugins.tfjs.importer import TfjsLayers

    register(TfjsLayers)


@kit.hookimpl
def register_architectures(register: Any) -> None:
    from img2imgkit_plugins.tfjs.rdn import Rdn

    register(Rdn)
