"""Networks as functions that return a ``keras.Model``, and their layers; ``keras.ops`` only, no files."""

from img2imgkit.nn.critics import patch_critic, patch_sample, pixel_critic
from img2imgkit.nn.generators import residual_sr, resnet, resnet_features, srvgg, unet
from img2imgkit.nn.layers import (
    BatchNorm,
    BlurDown,
    BlurUp,
    DoublingConv,
    EdgePad,
    HalvingConv,
    InstanceNorm,
    ReflectionPad,
    SpectralConv,
    TransposedConv,
    initializer,
    normalized,
)
from img2imgkit.nn.layouts import instance_edges, one_hot
from img2imgkit.nn.luma import enlarge_bicubic, luma, with_luma

__all__ = [
    "BatchNorm",
    "BlurDown",
    "BlurUp",
    "DoublingConv",
    "EdgePad",
    "HalvingConv",
    "InstanceNorm",
    "ReflectionPad",
    "SpectralConv",
    "TransposedConv",
    "enlarge_bicubic",
    "initializer",
    "instance_edges",
    "luma",
    "normalized",
    "one_hot",
    "patch_critic",
    "patch_sample",
    "pixel_critic",
    "residual_sr",
    "resnet",
    "resnet_features",
    "srvgg",
    "unet",
    "with_luma",
]
