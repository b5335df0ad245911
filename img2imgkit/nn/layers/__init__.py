"""Layers that Keras lacks, or that behave differently in Keras than in the published networks."""

from img2imgkit.nn.layers.attention import (
    ChannelSelfAttention,
    OverlappingAttention,
    PermutedAttention,
    WindowAttention,
)
from img2imgkit.nn.layers.blur import BlurDown, BlurUp
from img2imgkit.nn.layers.channels import ChannelRange, RepeatedChannels
from img2imgkit.nn.layers.convolution import DepthwiseConv, SpectralConv, TransposedConv, initializer
from img2imgkit.nn.layers.dysample import DySample
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.layers.halving import DoublingConv, HalvingConv
from img2imgkit.nn.layers.lists import ListModel
from img2imgkit.nn.layers.maps import InstanceMean, LabelMaps, UnitLength
from img2imgkit.nn.layers.mean_shift import MeanShift
from img2imgkit.nn.layers.norm import AdaptiveInstanceNorm, BatchNorm, DeviationNorm, InstanceNorm, normalized
from img2imgkit.nn.layers.padding import CropLike, EdgePad, PadAround, PadToMultiple, ReflectionPad
from img2imgkit.nn.layers.positions import RelativePositions
from img2imgkit.nn.layers.recursion import LayerScale, ReducedAttention
from img2imgkit.nn.layers.resizing import BilinearUp, MeanDown, Repeated, ResizedLike, ResizedTo
from img2imgkit.nn.layers.shuffle import PixelShuffle, PixelUnshuffle, ScaledSum
from img2imgkit.nn.layers.spade import Modulated, Sampled
from img2imgkit.nn.layers.tokens import CategoryAttention, TokenAttention, TokenDictionary, TokenRefinement

__all__ = [
    "AdaptiveInstanceNorm",
    "BatchNorm",
    "BilinearUp",
    "BlurDown",
    "BlurUp",
    "CategoryAttention",
    "ChannelRange",
    "ChannelSelfAttention",
    "CropLike",
    "DepthwiseConv",
    "DeviationNorm",
    "DoublingConv",
    "DySample",
    "EdgePad",
    "Gelu",
    "HalvingConv",
    "InstanceMean",
    "InstanceNorm",
    "LabelMaps",
    "LayerScale",
    "ListModel",
    "MeanDown",
    "MeanShift",
    "Modulated",
    "OverlappingAttention",
    "PadAround",
    "PadToMultiple",
    "PermutedAttention",
    "PixelShuffle",
    "PixelUnshuffle",
    "ReducedAttention",
    "ReflectionPad",
    "RelativePositions",
    "Repeated",
    "RepeatedChannels",
    "ResizedLike",
    "ResizedTo",
    "Sampled",
    "ScaledSum",
    "SpectralConv",
    "TokenAttention",
    "TokenDictionary",
    "TokenRefinement",
    "TransposedConv",
    "UnitLength",
    "WindowAttention",
    "initializer",
    "normalized",
]
