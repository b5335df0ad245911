"""Translators: bundles and exported models that map pictures to pictures; what runs them is loaded when one is made."""

from img2imgkit.inference.codes import load_code, save_code
from img2imgkit.inference.exported import ExportedModel
from img2imgkit.inference.foreign import Describe
from img2imgkit.inference.refer import MODEL_FILES, refer
from img2imgkit.inference.reference import BundleReference, Reference
from img2imgkit.inference.settings import Settings
from img2imgkit.inference.sides import Beside, Translates, beside, chosen, parsed, prove_known, sides_of
from img2imgkit.inference.translator import Translation, Translator

__all__ = [
    "MODEL_FILES",
    "Beside",
    "BundleReference",
    "Describe",
    "ExportedModel",
    "Reference",
    "Settings",
    "Translates",
    "Translation",
    "Translator",
    "beside",
    "chosen",
    "load_code",
    "parsed",
    "prove_known",
    "refer",
    "save_code",
    "sides_of",
]
