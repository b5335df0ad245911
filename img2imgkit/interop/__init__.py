"""Other people's checkpoints, read without their software."""

from img2imgkit.interop.load import load_torch, put
from img2imgkit.interop.torch_file import read_torch

__all__ = ["load_torch", "put", "read_torch"]
