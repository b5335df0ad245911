"""Translators: loaded bundles that map pictures to pictures. TensorFlow is loaded when one is made."""

from img2imgkit.inference.codes import load_code, save_code
from img2imgkit.inference.settings import Settings
from img2imgkit.inference.sides import Beside, beside, encoded, parsed, prove_known, sides_of
from img2imgkit.inference.translator import Translation, Translator

__all__ = [
    "Beside",
    "Settings",
    "Translation",
    "Translator",
    "beside",
    "encoded",
    "load_code",
    "parsed",
    "prove_known",
    "save_code",
    "sides_of",
]
