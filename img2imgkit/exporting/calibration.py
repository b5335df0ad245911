"""Real pictures as inputs of a program: int8 ranges are calibrated, and the loss of int8 measured, with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.errors import ConfigError
from img2imgkit.exchange import Arrays, Program
from img2imgkit.exporting.export_options import ExportOptions, Pictures
from img2imgkit.images import Picture, decode, is_hidden, is_picture, to_grey, to_rgb, to_srgb
from img2imgkit.inference.inputs.channels import levels_read
from img2imgkit.task import Geometry

MOST = 32  # pictures
SIDE = 256  # pixels of a crop, at most


def samples_of(bundle: Bundle, programs: Sequence[Program], options: ExportOptions) -> Mapping[str, Sequence[Arrays]]:
    """Crops of the pictures in the ``calibrate`` folder as inputs of each program; empty without such a folder.

    Raises:
        ConfigError: a program reads no picture, or the folder contains none that is large enough.
    """
    if options.calibrate is None:
        return {}
    found = _decoded(options.calibrate)
    pictures = Pictures(options.image_io, options.layout)
    return {each.name: _given(each, pictures, found, bundle) for each in programs}


def _given(program: Program, pictures: Pictures, found: Sequence[Picture], bundle: Bundle) -> Sequence[Arrays]:
    first = program.inputs[0]
    if first.name != "image":
        raise ConfigError(f"int8: {program.name} of task {bundle.task.name!r} reads no pictures to calibrate it with")
    geometry = bundle.task.geometry()
    channels = geometry.channels if program.name == "translate" else geometry.written
    random = np.random.default_rng(0)
    given = []
    for picture in found:
        levels = _cropped(_levels(picture, channels), program)
        if levels is not None:
            height, width = levels.shape[:2]
            rest = program.sample(random, 1, height, width)
            given.append({**rest, first.name: pictures.of_levels(levels[None])})
    if not given:
        raise ConfigError(f"int8: no picture is large enough for {program.name}: add larger ones to 'calibrate'")
    return given


def _decoded(folder: Path) -> Sequence[Picture]:
    """Up to ``MOST`` pictures of a folder, evenly spaced in the order of their names.

    Raises:
        ConfigError: the folder contains no picture.
    """
    visible = (path for path in folder.rglob("*") if path.is_file() and not is_hidden(path.name))
    paths = sorted(filter(is_picture, visible))
    if not paths:
        raise ConfigError(f"{folder}: contains no pictures to calibrate int8 with")
    step = max(1, len(paths) // MOST)
    return [decode(path) for path in paths[::step][:MOST]]


def _levels(picture: Picture, channels: int) -> np.ndarray:
    """Shapes: -> (H, W, channels), uint8."""
    plain = picture.with_pixels(picture.color, None)
    plain = to_srgb(plain) if plain.space == "rgb" else to_rgb(plain)
    plain = to_grey(plain) if channels == 1 else plain
    color = levels_read(plain.with_pixels(plain.color, picture.alpha), Geometry(channels=channels))
    return color if color.dtype == np.uint8 else (color // 257).astype(np.uint8)


def _cropped(levels: np.ndarray, program: Program) -> np.ndarray | None:
    """A centre crop in a size that the program accepts; None if the picture is too small."""
    wanted = program.size or tuple(min(side, SIDE) // program.multiple * program.multiple for side in levels.shape[:2])
    spare = [side - own for side, own in zip(levels.shape[:2], wanted, strict=True)]
    if min(spare) < 0 or min(wanted) < max(program.minimum, 1):
        return None
    top, left = (each // 2 for each in spare)
    return levels[top : top + wanted[0], left : left + wanted[1]]
