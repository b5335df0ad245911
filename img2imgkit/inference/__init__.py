"""Translators run bundles and exported models on pictures; TensorFlow and ONNX Runtime are imported on first use.

translator      translates a picture: pad, tile, run, blend, crop
model           chooses the engine of a model, and runs it on tiles of levels

models/         find a model by name or path, and describe it without loading it
exported/       exported models: their descriptions, and the software that runs them
engines/        the interface of engines, the engine of bundles, devices and their memory
inputs/         inputs of a translation: colour and transparency, conditions, codes, options
tiles/          tiles that cover a picture

Each folder imports only those listed below it.
"""

from img2imgkit.inference.exported.describe import Describe
from img2imgkit.inference.exported.exported_model import ExportedModel
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
from img2imgkit.inference.models.model_finder import MODEL_FILES, ModelFinder, find_model
from img2imgkit.inference.models.model_reference import BundleReference, ModelReference
from img2imgkit.inference.translator import Translation, Translator

__all__ = [
    "MODEL_FILES",
    "BundleReference",
    "Conditioning",
    "Describe",
    "ExportedModel",
    "ModelFinder",
    "ModelReference",
    "TranslateOptions",
    "Translates",
    "Translation",
    "Translator",
    "chosen",
    "conditioning",
    "conditions_of",
    "encode_pictures",
    "encoded_conditions",
    "find_model",
    "load_code",
    "parse_condition",
    "prove_known",
    "save_code",
]
