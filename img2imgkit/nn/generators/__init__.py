"""Networks that make images."""

from img2imgkit.nn.generators.residual_sr import residual_sr
from img2imgkit.nn.generators.resnet import resnet, resnet_features
from img2imgkit.nn.generators.srvgg import srvgg
from img2imgkit.nn.generators.unet import unet

__all__ = ["residual_sr", "resnet", "resnet_features", "srvgg", "unet"]
