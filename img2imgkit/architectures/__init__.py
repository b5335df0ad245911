"""Architectures: a module each, with its options, geometry, network, and the layout of official checkpoints.

Only functions that build a network import Keras; a long network is the module ``network`` in the architecture's folder.
Architectures are registered through the hook that plugins use and are chosen by name; ``contract`` defines what to
implement.
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.architectures.atd import Atd
from img2imgkit.architectures.class_critic import ClassCritic
from img2imgkit.architectures.contract import (
    Architecture,
    ArchitectureChoice,
    Arguments,
    Assumption,
    Checkpoint,
    CoarseToFineGenerator,
    FeatureGenerator,
    NetworkSpec,
    Norm,
    OfficialValues,
    Places,
    State,
    Statistics,
)
from img2imgkit.architectures.cunet import Cunet
from img2imgkit.architectures.dat import Dat
from img2imgkit.architectures.drct import Drct
from img2imgkit.architectures.funit import AdainDecoder, ClassEncoder, ContentEncoder, Funit
from img2imgkit.architectures.hat import Hat
from img2imgkit.architectures.kernel_projection import KernelProjection, gaussian_kernel
from img2imgkit.architectures.mosr import Mosr
from img2imgkit.architectures.multiscale import Multiscale
from img2imgkit.architectures.omnisr import Omnisr
from img2imgkit.architectures.patch import Patch
from img2imgkit.architectures.patch_projection import PatchProjection
from img2imgkit.architectures.pix2pixhd import InstanceEncoder, Pix2PixHd
from img2imgkit.architectures.pixel import Pixel
from img2imgkit.architectures.plksr import Plksr
from img2imgkit.architectures.rcan import Rcan
from img2imgkit.architectures.realplksr import Realplksr
from img2imgkit.architectures.receptive_field import CONVOLUTION, enlargements, receptive_radius
from img2imgkit.architectures.residual import Residual
from img2imgkit.architectures.resnet import Resnet
from img2imgkit.architectures.rgt import Rgt
from img2imgkit.architectures.rrdb import Rrdb
from img2imgkit.architectures.spade import Spade, StyleEncoder
from img2imgkit.architectures.span import Span
from img2imgkit.architectures.srformer import Srformer
from img2imgkit.architectures.srmd import Srmd
from img2imgkit.architectures.srresnet import Edsr, Srresnet
from img2imgkit.architectures.srvgg import Srvgg
from img2imgkit.architectures.stargan import Stargan, StarganCritic
from img2imgkit.architectures.state_dict import if_complete, modules, reordered, shuffled
from img2imgkit.architectures.swinir import Swinir
from img2imgkit.architectures.unet import Unet
from img2imgkit.architectures.unet_critic import UnetCritic
from img2imgkit.architectures.upconv7 import Upconv7
from img2imgkit.architectures.vgg_critic import VggCritic
from img2imgkit.hooks import hookimpl

__all__ = [
    "CONVOLUTION",
    "AdainDecoder",
    "Architecture",
    "ArchitectureChoice",
    "Arguments",
    "Assumption",
    "Atd",
    "Checkpoint",
    "ClassCritic",
    "ClassEncoder",
    "CoarseToFineGenerator",
    "ContentEncoder",
    "Cunet",
    "Dat",
    "Drct",
    "Edsr",
    "FeatureGenerator",
    "Funit",
    "Hat",
    "InstanceEncoder",
    "KernelProjection",
    "Mosr",
    "Multiscale",
    "NetworkSpec",
    "Norm",
    "OfficialValues",
    "Omnisr",
    "Patch",
    "PatchProjection",
    "Pix2PixHd",
    "Pixel",
    "Places",
    "Plksr",
    "Rcan",
    "Realplksr",
    "Residual",
    "Resnet",
    "Rgt",
    "Rrdb",
    "Spade",
    "Span",
    "Srformer",
    "Srmd",
    "Srresnet",
    "Srvgg",
    "Stargan",
    "StarganCritic",
    "State",
    "Statistics",
    "StyleEncoder",
    "Swinir",
    "Unet",
    "UnetCritic",
    "Upconv7",
    "VggCritic",
    "enlargements",
    "gaussian_kernel",
    "if_complete",
    "modules",
    "receptive_radius",
    "reordered",
    "shuffled",
]

BUILT_IN = (
    *(Unet, Resnet, Patch, Pixel, PatchProjection),
    *(Stargan, StarganCritic, Spade, StyleEncoder, Multiscale, Pix2PixHd, InstanceEncoder),
    *(Funit, ContentEncoder, ClassEncoder, AdainDecoder, ClassCritic),
    *(Residual, Srvgg, Srresnet, Edsr, Rrdb, Upconv7, Cunet, UnetCritic, VggCritic),
    *(Srmd, KernelProjection),
    *(Span, Plksr, Realplksr, Rcan, Mosr),
    *(Swinir, Hat, Dat, Omnisr, Srformer, Drct, Rgt, Atd),
)


@hookimpl
def register_architectures(register: Callable[[type[Architecture]], None]) -> None:
    """Register the built-in architectures."""
    for architecture in BUILT_IN:
        register(architecture)
