"""Translators run bundles and exported models on pictures; the engines import their libraries on first use.

translator      translates a picture: pad, tile, run, blend, crop
model           opens a model on an engine, and runs it on tiles of levels
fast            the precision "fast": a format that is measured before it is used

models/         find a model by name or path, and describe it without loading it
exported/       exported models: their descriptions and file formats
engines/        the built-in engines, the choice between them, and what is the same for all
inputs/         inputs of a translation: colour and transparency, conditions, codes, options
tiles/          tiles that cover a picture
pictures/       photographs on which number formats are compared

Each folder imports only those listed below it.
"""

from collections.abc import Callable

from img2imgkit.engine import Engine
from img2imgkit.hooks import hookimpl
from img2imgkit.inference.engines import BUILT_IN
from img2imgkit.inference.engines.devices import parsed
from img2imgkit.inference.engines.selection import FAST, ModelFacts, Selected, Wanted, facts_of, resolved
from img2imgkit.inference.exported.describe import Describe
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.exported.onnx_inspection import Finding, Inspection, inspect_onnx
from img2imgkit.inference.fast import Decided, Decision, Subject, decided
from img2imgkit.inference.inputs.codes import load_code, save_code
from img2imgkit.inference.inputs.conditions import (
    Conditioning,
    Translates,
    chosen,
    conditioning,
    conditions_of,
    encode_pictures,
    encoded_conditions,
    parse_condition,
    prove_known,
)
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.inference.models.bundle_reference import BundleReference
from img2imgkit.inference.models.model_finder import MODEL_FILES, ModelFinder, find_model
from img2imgkit.inference.models.model_reference import ModelReference
from img2imgkit.inference.translator import Translation, Translator

__all__ = [
    "BUILT_IN",
    "FAST",
    "MODEL_FILES",
    "BundleReference",
    "Conditioning",
    "Decided",
    "Decision",
    "Describe",
    "ExportedModel",
    "Finding",
    "Inspection",
    "ModelFacts",
    "ModelFinder",
    "ModelReference",
    "Selected",
    "Subject",
    "TranslateOptions",
    "Translates",
    "Translation",
    "Translator",
    "Wanted",
    "chosen",
    "conditioning",
    "conditions_of",
    "decided",
    "encode_pictures",
    "encoded_conditions",
    "facts_of",
    "find_model",
    "inspect_onnx",
    "load_code",
    "parse_condition",
    "parsed",
    "prove_known",
    "register_engines",
    "resolved",
    "save_code",
]


@hookimpl
def register_engines(register: Callable[[type[Engine]], None]) -> None:
    """Register the built-in engines."""
    for engine in BUILT_IN.values():
        register(engine)
