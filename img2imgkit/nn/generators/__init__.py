"""Networks that make images."""

from img2imgkit.nn.generators.edsr import edsr
from img2imgkit.nn.generators.few_shot import adain_decoder, few_shot_generator
from img2imgkit.nn.generators.pix2pixhd import (
    pix2pixhd_generator,
    pix2pixhd_image,
    pix2pixhd_model,
    pix2pixhd_networks,
)
from img2imgkit.nn.generators.residual_sr import residual_sr
from img2imgkit.nn.generators.resnet import resnet, resnet_features
from img2imgkit.nn.generators.rrdb import rrdb
from img2imgkit.nn.generators.spade import spade_generator
from img2imgkit.nn.generators.srresnet import srresnet
from img2imgkit.nn.generators.srvgg import srvgg
from img2imgkit.nn.generators.stargan import stargan_generator
from img2imgkit.nn.generators.unet import unet

__all__ = [
    "adain_decoder",
    "edsr",
    "few_shot_generator",
    "pix2pixhd_generator",
    "pix2pixhd_image",
    "pix2pixhd_model",
    "pix2pixhd_networks",
    "residual_sr",
    "resnet",
    "resnet_features",
    "rrdb",
    "spade_generator",
    "srresnet",
    "srvgg",
    "stargan_generator",
    "unet",
]
