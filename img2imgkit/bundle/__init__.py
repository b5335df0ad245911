"""Bundles: a trained task as a folder of data, ``bundle.json`` and a weights file; no pickles, no code.

``describe`` reads and validates the manifest without TensorFlow; ``load`` also builds the networks. The format is
documented in ``docs/bundles.md``. Bundles are untrusted: the networks that the task builds decide how much is read,
not the sizes stated in the files.
"""

from img2imgkit.bundle.engine_form import ENGINE_FOLDER, FORM_VERSION, EngineForm, add_form, engine_form, form_in
from img2imgkit.bundle.exported import (
    EXPORTED_FILE,
    EXPORTED_FORMAT,
    EXPORTED_KEY,
    Exported,
    PortDescription,
    ProgramDescription,
    Quantised,
    read_exported,
)
from img2imgkit.bundle.manifest import (
    FORMAT,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    ComponentVersion,
    Contract,
    FormFile,
    FormRecord,
    Manifest,
    PluginVersion,
    WeightsFile,
    describe,
)
from img2imgkit.bundle.store import Bundle, load, locate, not_installed, save, task_from, task_of

__all__ = [
    "ENGINE_FOLDER",
    "EXPORTED_FILE",
    "EXPORTED_FORMAT",
    "EXPORTED_KEY",
    "FORMAT",
    "FORM_VERSION",
    "MANIFEST",
    "MAX_MANIFEST_BYTES",
    "Bundle",
    "ComponentVersion",
    "Contract",
    "EngineForm",
    "Exported",
    "FormFile",
    "FormRecord",
    "Manifest",
    "PluginVersion",
    "PortDescription",
    "ProgramDescription",
    "Quantised",
    "WeightsFile",
    "add_form",
    "describe",
    "engine_form",
    "form_in",
    "load",
    "locate",
    "not_installed",
    "read_exported",
    "save",
    "task_from",
    "task_of",
]
