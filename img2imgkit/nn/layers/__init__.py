"""Layers that Keras lacks, or that behave differently in Keras than in the published networks."""

from img2imgkit.nn.layers.adain import AdaptiveInstanceNorm
from img2imgkit.nn.layers.blur import BlurDown, BlurUp
from img2imgkit.nn.layers.convolution import SpectralConv, TransposedConv, initializer
from img2imgkit.nn.layers.halving import DoublingConv, HalvingConv
from img2imgkit.nn.layers.instance_mean import InstanceMean
from img2imgkit.nn.layers.norm import BatchNorm, InstanceNorm, normalized
from img2imgkit.nn.layers.padding import EdgePad, ReflectionPad
from img2imgkit.nn.layers.pyramid import MeanDown
from img2imgkit.nn.layers.resizing import BilinearUp, Repeated, ResizedLike, ResizedTo
from img2imgkit.nn.layers.shuffle import PixelShuffle, PixelUnshuffle, ScaledSum
from img2imgkit.nn.layers.spade import Modulated, Sampled
from img2imgkit.nn.layers.vectors import LabelMaps, UnitLength

__all__ = [
    "AdaptiveInstanceNorm",
    "BatchNorm",
    "BilinearUp",
    "BlurDown",
    "BlurUp",
    "DoublingConv",
    "EdgePad",
    "HalvingConv",
    "InstanceMean",
    "InstanceNorm",
    "LabelMaps",
    "MeanDown",
    "Modulated",
    "PixelShuffle",
    "PixelUnshuffle",
    "ReflectionPad",
    "Repeated",
    "ResizedLike",
    "ResizedTo",
    "Sampled",
    "ScaledSum",
    "SpectralConv",
    "TransposedConv",
    "UnitLength",
    "initializer",
    "normalized",
]
