"""Critics of BasicSR's official code: ``UNetDiscriminatorSN`` of Real-ESRGAN, ``VGGStyleDiscriminator`` of ESRGAN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.interop.state import Family, State, modules

Places = Iterator[tuple[str, str]]
LEFT = 4  # height and width of what VGGStyleDiscriminator's dense layers read
DENSE = "linear1.weight"


def recognise_unet(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.unet_critic``, see ``assumed_of_unet``."""
    first = state.get("conv0.weight")
    if first is None or first.ndim != 4 or "conv1.weight_orig" not in state:
        return None
    options = {"channels": first.shape[1], "width": first.shape[0], "skip": True}
    return options if modules(state) == {module for module, _ in places_of_unet(options)} else None


def places_of_unet(options: Mapping[str, Any]) -> Places:
    """The modules and their layers."""
    del options  # always the same
    for number in range(10):
        yield f"conv{number}", f"conv{number}"


def assumed_of_unet(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file cannot tell."""
    return {"skip": f"{arguments['skip']}; the additions leave no traces"}


def flattened(state: State) -> dict[str, np.ndarray]:
    """The state with the first dense layer's inputs in the order (h, w, channels), where PyTorch's is (c, h, w)."""
    found = dict(state)
    dense = state.get(DENSE)
    if dense is not None and dense.ndim == 2 and dense.shape[1] % LEFT**2 == 0:
        seen = dense.reshape(len(dense), -1, LEFT, LEFT).transpose(0, 2, 3, 1)
        found[DENSE] = seen.reshape(dense.shape)
    return found


def recognise_vgg(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.vgg_critic``."""
    first = state.get("conv0_0.weight")
    halvings = sum(f"conv{number}_1.weight" in state for number in range(len(state)))
    if first is None or first.ndim != 4 or DENSE not in state or not 0 < halvings < 10:
        return None
    options = {"size": LEFT * 2**halvings, "width": first.shape[0], "channels": first.shape[1]}
    return options if modules(state) == {module for module, _ in places_of_vgg(options)} else None


def places_of_vgg(options: Mapping[str, Any]) -> Places:
    """The modules and their layers."""
    for number in range((options["size"] // LEFT).bit_length() - 1):
        for halves in range(2):
            yield f"conv{number}_{halves}", f"conv{number}_{halves}"
            if number or halves:
                yield f"bn{number}_{halves}", f"norm{number}_{halves}"
    for number in range(2):
        yield f"linear{number + 1}", f"dense{number}"


UNET_CRITIC = Family("unet_critic", recognise_unet, places_of_unet, assumed=assumed_of_unet)
VGG_CRITIC = Family("vgg_critic", recognise_vgg, places_of_vgg, flattened)
