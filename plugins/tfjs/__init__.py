"""Importer of TensorFlow.js layers models, and the networks RDN and RRDN, which npm packages have in that format."""

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
    from img2imgkit_plugins.tfjs.rrdn import Rrdn

    register(Rdn)
    register(Rrdn)
