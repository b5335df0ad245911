"""The critics of several scales of pix2pixHD's and SPADE's official code: both are a ``MultiscaleDiscriminator``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.interop.state import Family, State, assumed_norm, has_batch_norm, modules, without_instance_statistics

SPADE = re.compile(r"discriminator_(\d+)\.model(\d+)\.0(?:\.([01]))?")
MATCHED = re.compile(r"scale(\d+)_layer(\d+)\.([01])")  # pix2pixHD, whose features are matched
PLAIN = re.compile(r"layer(\d+)\.(\d+)")  # pix2pixHD, whose are not; activations count, too
OURS = re.compile(r"scale(\d+)_conv(\d+)")


def renamed(state: State) -> dict[str, np.ndarray]:
    """The state with modules called as our layers are; what is not of these networks keeps its name."""
    found = without_instance_statistics(state)
    scales = _scales_of_pix2pixhd(found)
    return {_renamed(name, scales): array for name, array in found.items()}


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.multiscale_critic``. Instance normalization leaves no trace: it is the default."""
    kernels = {
        (int(match[1]), int(match[2])): array
        for name, array in state.items()
        if array.ndim == 4 and (match := OURS.fullmatch(name.rpartition(".")[0]))
    }
    if (0, 0) not in kernels or any(array.shape[2:] != (4, 4) for array in kernels.values()):
        return None
    scales, convolutions = (1 + max(numbers) for numbers in zip(*kernels, strict=True))
    options = {
        "channels": kernels[0, 0].shape[1],
        "width": kernels[0, 0].shape[0],
        "layers": convolutions - 2,
        "scales": scales,
        "norm": "batch" if has_batch_norm(state) else "instance",
        "spectral": any(name.endswith("weight_orig") for name in state),
        "use_bias": all(f"scale{scale}_conv{number}.bias" in state for scale, number in kernels),
    }
    complete = convolutions > 2 and modules(state) == {module for module, _ in places(options)}
    return options if complete else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules, as ``renamed``, and their layers."""
    for scale in range(options["scales"]):
        for number in range(options["layers"] + 2):
            parts = ["conv", "norm"] if options["norm"] == "batch" and 0 < number <= options["layers"] else ["conv"]
            for part in parts:
                yield (name := f"scale{scale}_{part}{number}"), name


def _scales_of_pix2pixhd(state: State) -> int:
    found = (pattern.fullmatch(module) for module in modules(state) for pattern in (MATCHED, PLAIN))
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _renamed(name: str, scales: int) -> str:
    module, _, leaf = name.rpartition(".")
    if match := SPADE.fullmatch(module):
        scale, number, inside = int(match[1]), int(match[2]), int(match[3] or 0)
    elif match := MATCHED.fullmatch(module):
        scale, number, inside = scales - 1 - int(match[1]), int(match[2]), int(match[3])  # counted from the smallest
    elif (match := PLAIN.fullmatch(module)) and int(match[2]) % 3 != 1:
        scale, number = scales - 1 - int(match[1]), -(-int(match[2]) // 3)
        inside = int(number > 0 and int(match[2]) % 3 == 0)
    else:
        return name
    return f"scale{scale}_{('conv', 'norm')[inside]}{number}.{leaf}"


MULTISCALE_CRITIC = Family("multiscale_critic", recognise, places, renamed, assumed_norm)
