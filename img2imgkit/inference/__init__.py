"""Translators: bundles and exported models that map pictures to pictures; what runs them is loaded when one is made.

translator      a picture through a model: pad, tile, run, blend, crop
model           which engine runs a model, and tiles of levels through it

models/         from a name or a path to a model that is described but not loaded
exported/       exported models: what they say of themselves, and the software that runs them
engines/        what every engine is; the engine of a bundle; devices and their memory
inputs/         what a translation is given: the picture's colour and transparency, conditions, codes, options
tiles/          tiles that cover a picture

Of these folders each imports only those below it.
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
