"""Translators: bundles and exported models that map pictures to pictures; what runs them is loaded when one is made.

model_finder    from a name or a path to a reference: what a translation runs, described but not loaded
model_reference what every reference is; that of a bundle
translator      a picture through a model: pad, tile, run, blend, crop
translate_options
                how: the options of a translation
conditions      what goes in besides the picture: maps, codes, values
codes           codes kept in files

colour          the space that a picture has in the model, and the one that its translation has
transparency    alpha
padding         pictures continued beyond their edges
grid, tiling    tiles that cover a picture; which ones memory allows
blending        tiles blended into rows

model           which engine runs a model, and tiles of levels through it
engine          what every engine is
network         the engine of a bundle: Keras on TensorFlow
exported/       the engine of exported models, and their files: ONNX, SavedModel
devices         where engines run, and the memory there
footprint       the memory that a network needs per pixel
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
