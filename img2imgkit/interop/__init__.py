"""Other people's checkpoints, read without their software."""

from img2imgkit.interop.features import LPIPS_TAPS, FeaturesPart, feature_network, lpips_heads
from img2imgkit.interop.load import foreign_from_state, load_torch, put, read_network
from img2imgkit.interop.torch_file import read_torch

__all__ = [
    "LPIPS_TAPS",
    "FeaturesPart",
    "feature_network",
    "foreign_from_state",
    "load_torch",
    "lpips_heads",
    "put",
    "read_network",
    "read_torch",
]
