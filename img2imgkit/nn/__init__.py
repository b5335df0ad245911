"""Layers and building blocks of networks; ``keras.ops`` only. Importing it registers our layers with Keras."""

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
