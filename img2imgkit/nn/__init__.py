"""Layers, and what several networks share; ``keras.ops`` only, no files. Importing it lets Keras load our layers."""

from img2imgkit.nn.layers import (
    AdaptiveInstanceNorm,
    BatchNorm,
    BlurDown,
    BlurUp,
    DoublingConv,
    EdgePad,
    HalvingConv,
    InstanceNorm,
    MeanDown,
    PixelShuffle,
    PixelUnshuffle,
    ReflectionPad,
    SpectralConv,
    TransposedConv,
    initializer,
    normalized,
)
from img2imgkit.nn.layouts import instance_edges, one_hot
from img2imgkit.nn.luma import enlarge_bicubic, luma, with_luma

__all__ = [
    "AdaptiveInstanceNorm",
    "BatchNorm",
    "BlurDown",
    "BlurUp",
    "DoublingConv",
    "EdgePad",
    "HalvingConv",
    "InstanceNorm",
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
