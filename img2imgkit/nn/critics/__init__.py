"""Networks that judge images."""

from img2imgkit.nn.critics.class_critic import class_critic
from img2imgkit.nn.critics.domain import domain_critic
from img2imgkit.nn.critics.multiscale import multiscale_critic
from img2imgkit.nn.critics.patch import patch_critic
from img2imgkit.nn.critics.patch_sample import patch_sample
from img2imgkit.nn.critics.pixel import pixel_critic
from img2imgkit.nn.critics.unet import unet_critic
from img2imgkit.nn.critics.vgg import vgg_critic

__all__ = [
    "class_critic",
    "domain_critic",
    "multiscale_critic",
    "patch_critic",
    "patch_sample",
    "pixel_critic",
    "unet_critic",
    "vgg_critic",
]
