"""Translators: loaded bundles that map pictures to pictures. TensorFlow is loaded when one is made."""

from img2imgkit.inference.settings import Settings
from img2imgkit.inference.translator import Translation, Translator

__all__ = ["Settings", "Translation", "Translator"]
