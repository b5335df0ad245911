"""From another toolkit's checkpoint to a network: which one it is, how large, and where each array goes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.errors import InteropError
from img2imgkit.exchange import Foreign
from img2imgkit.interop.class_critic import CLASS_CRITIC
from img2imgkit.interop.few_shot import (
    ADAIN_DECODER,
    CLASS_ENCODER,
    CONTENT_ENCODER,
    FEW_SHOT_GENERATOR,
)
from img2imgkit.interop.multiscale import MULTISCALE_CRITIC
from img2imgkit.interop.patch_critic import PATCH_CRITIC
from img2imgkit.interop.patch_sample import PATCH_SAMPLE
from img2imgkit.interop.picture_critics import UNET_CRITIC, VGG_CRITIC
from img2imgkit.interop.pix2pixhd import INSTANCE_ENCODER, PIX2PIXHD_GENERATOR
from img2imgkit.interop.pixel_critic import PIXEL_CRITIC
from img2imgkit.interop.resnet import RESNET
from img2imgkit.interop.rrdb import RRDB
from img2imgkit.interop.spade import SPADE_GENERATOR, STYLE_ENCODER
from img2imgkit.interop.srresnet import EDSR, SRRESNET
from img2imgkit.interop.srvgg import SRVGG
from img2imgkit.interop.stargan import DOMAIN_CRITIC, STARGAN_GENERATOR
from img2imgkit.interop.state import Family, State, beginning, fitted, in_shapes, seen, state_of
from img2imgkit.interop.torch_file import read_torch
from img2imgkit.interop.unet import UNET

if TYPE_CHECKING:
    import keras

MAX_ARRAYS = 4_000  # the largest networks have about a thousand
MAX_WORDS = 8  # that names begin with, which are looked at
FAMILIES: tuple[Family, ...] = (
    UNET,
    RESNET,
    PATCH_CRITIC,
    PIXEL_CRITIC,
    PATCH_SAMPLE,
    STARGAN_GENERATOR,
    DOMAIN_CRITIC,
    SPADE_GENERATOR,
    STYLE_ENCODER,
    FEW_SHOT_GENERATOR,
    CONTENT_ENCODER,
    CLASS_ENCODER,
    ADAIN_DECODER,
    CLASS_CRITIC,
    MULTISCALE_CRITIC,
    PIX2PIXHD_GENERATOR,
    INSTANCE_ENCODER,
    SRRESNET,
    EDSR,
    RRDB,
    SRVGG,
    UNET_CRITIC,
    VGG_CRITIC,
)


def load_torch(path: Path | str, network: str | None = None, part: str | None = None, **options: Any) -> keras.Model:
    """The network in a PyTorch checkpoint, built and filled; names and shapes alone tell which one it is.

    Args:
        network: its family's name, such as "resnet", instead of whichever fits
        part: the file's entry that holds it, such as "params_ema"; None: the file itself, or the usual entry
        options: arguments of the network's function, in place of what was read off; for what leaves no trace in a
            file, such as ``dropout``

    Raises:
        InteropError: the file cannot be read, or holds no network that is known here.
    """
    return read_network(path, network, part, **options).model


def read_network(path: Path | str, network: str | None = None, part: str | None = None, **options: Any) -> Foreign:
    """The same as ``load_torch``, with what was read off the file, and what had to be assumed."""
    loaded = read_torch(path)
    try:
        found = foreign_from_state(state_of(loaded, part), network, **options)
    except InteropError as error:
        raise InteropError(f"{path}: {error}") from None
    return replace(found, source=Path(path).name)


def foreign_from_state(state: State, network: str | None = None, source: str = "", **options: Any) -> Foreign:
    """The network that a state dict with PyTorch's names is of, built and filled.

    Args:
        network: its family's name, instead of whichever fits
        source: the file's name
        options: arguments of the network's function, in place of what was read off

    Raises:
        InteropError: it is of no network that is known here, or not whole.
    """
    if len(state) > MAX_ARRAYS:
        raise InteropError(f"{len(state)} arrays are more than any network has that is known here")
    state = state_of(dict(state))
    family, found = _recognised(state, network)
    arguments = found | options
    backend.load()
    broken = in_shapes(
        lambda: _not_finite(_fit(family, state, _built(family, arguments)))
    )  # what does not fit ends here
    if broken:
        raise InteropError(f"{broken[0]} of the network {family.name!r} would hold NaN or infinity")
    model = _built(family, arguments)
    _assign(_fit(family, state, model))
    return Foreign(family.name, arguments, model, dict(family.assumed(found)), source)


def put(state: State, model: keras.Model, network: str | None = None) -> None:
    """Fill a network of ours with a PyTorch state dict.

    Args:
        network: the family's name, instead of whichever fits the state

    Raises:
        InteropError: the state is of no known family, or does not fit the model; the model's weights are as they were.
    """
    state = state_of(state)
    family, _ = _recognised(state, network)
    _assign(_fit(family, state, model))


def _recognised(state: State, network: str | None) -> tuple[Family, dict[str, Any]]:
    known = {family.name: family for family in FAMILIES}
    if network is not None and network not in known:
        raise InteropError(f"network {network!r}: known are {', '.join(known)}")
    for name, family in known.items():
        if network in (None, name) and (options := _read_off(family, state)) is not None:
            return family, options
    wanted = f"no {network} network" if network else f"none of the networks known here ({', '.join(known)})"
    raise InteropError(f"{wanted}: {seen(state)}{_inside(state)}")


def _inside(state: State) -> str:
    """For an error: which networks there are of those arrays whose names begin alike, as other toolkits have them."""
    words = list(dict.fromkeys(name.partition(".")[0] for name in state))[:MAX_WORDS]
    found = {
        word: family.name
        for word in words
        for family in reversed(FAMILIES)  # the first one holds
        if (part := beginning(state, word)) and _read_off(family, part) is not None
    }
    told = [f"those that begin with '{word}.' are of a {name}: state the part {word!r}" for word, name in found.items()]
    return "; ".join(["", *told])


def _read_off(family: Family, state: State) -> dict[str, Any] | None:
    """The family's arguments. Whatever is wrong with names and shapes of a file, it is of another network then."""
    with suppress(ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return family.recognise(family.clean(state))
    return None


def _built(family: Family, arguments: Mapping[str, Any]) -> keras.Model:
    try:
        return family.build(**arguments)
    except Exception as error:  # arguments out of a file can be wrong in every way there is
        stated = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise InteropError(f"no {family.name} can be built with {stated}: {error}") from None


def _fit(family: Family, state: State, model: keras.Model) -> list[tuple[Any, np.ndarray]]:
    clean = family.clean(state)
    options = family.recognise(clean)
    assert options is not None
    return fitted(model, clean, family.places(options))


def _not_finite(values: list[tuple[Any, np.ndarray]]) -> list[str]:
    with np.errstate(over="ignore"):  # of float64
        return [variable.path for variable, array in values if not np.isfinite(array.astype("float32")).all()]


def _assign(values: list[tuple[Any, np.ndarray]]) -> None:
    for variable, array in values:
        variable.assign(array)
