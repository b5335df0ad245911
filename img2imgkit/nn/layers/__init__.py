"""Layers that Keras lacks, or has with another meaning than the networks of this field."""

from img2imgkit.nn.layers.adain import AdaptiveInstanceNorm
from img2imgkit.nn.layers.blur import BlurDown, BlurUp
from img2imgkit.nn.layers.convolution import SpectralConv, TransposedConv, initializer
from img2imgkit.nn.layers.halving import DoublingConv, HalvingConv
from img2imgkit.nn.layers.norm import BatchNorm, InstanceNorm, normalized
from img2imgkit.nn.layers.padding import EdgePad, ReflectionPad
from img2imgkit.nn.layers.pyramid import MeanDown
from img2imgkit.nn.layers.shuffle import PixelShuffle, PixelUnshuffle

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
    "initializer",
    "normalized",
]
