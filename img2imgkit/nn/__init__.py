"""Layers and building blocks of networks. Importing it loads Keras, quietly, and registers our layers with it."""

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers import (  # noqa: E402
    AdaptiveInstanceNorm,
    BatchNorm,
    BlurDown,
    BlurUp,
    DoublingConv,
    EdgePad,
    HalvingConv,
    InstanceNorm,
    ListModel,
    MeanDown,
    PixelShuffle,
    PixelUnshuffle,
    ReflectionPad,
    SpectralConv,
    TransposedConv,
    initializer,
    normalized,
)
from img2imgkit.nn.layouts import instance_edges, one_hot  # noqa: E402
from img2imgkit.nn.luma import enlarge_bicubic, luma, with_luma  # noqa: E402

__all__ = [
    "AdaptiveInstanceNorm",
    "BatchNorm",
    "BlurDown",
    "BlurUp",
    "DoublingConv",
    "EdgePad",
    "HalvingConv",
    "InstanceNorm",
    "ListModel",
    "MeanDown",
    "PixelShuffle",
    "PixelUnshuffle",
    "ReflectionPad",
    "SpectralConv",
    "TransposedConv",
    "enlarge_bicubic",
    "initializer",
    "instance_edges",
    "luma",
    "normalized",
    "one_hot",
    "with_luma",
]
