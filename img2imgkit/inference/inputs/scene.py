"""A picture as a model sees it: in the networks' space, with its conditioning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from img2imgkit.geometry import Geometry
from img2imgkit.images import Picture, to_unit
from img2imgkit.inference.inputs.channels import levels_read, to_model
from img2imgkit.inference.inputs.conditions import (
    LABEL,
    Conditioning,
    Translates,
    conditioning,
    label_of,
    prove_given,
)

ALPHA = "alpha"  # among a Translator's arrays, the alpha of tiles in [-1, 1]


@dataclass(frozen=True)
class Scene:
    """A picture in the networks' space, its conditioning, and what is read in place of its colours.

    That is a label map, (H, W, 1), or colours and alpha, (H, W, 2) or (H, W, 4).
    """

    picture: Picture
    conditioning: Conditioning = field(default_factory=Conditioning)
    read: np.ndarray | None = None

    @property
    def color(self) -> np.ndarray:
        """The array that is cut into tiles."""
        return self.picture.color if self.read is None else self.read


def scene_of(
    picture: Picture, given: Mapping[str, Any], task: Translates, geometry: Geometry, reads_alpha: bool = False
) -> Scene:
    """Prepare a picture for a model.

    Args:
        given: the task's conditions by name
        reads_alpha: whether the model reads alpha as a map of its own

    Raises:
        ConfigError: the task has no such condition.
        TranslateError: a condition is missing or invalid.
    """
    size = (picture.height, picture.width)
    if geometry.ids is None:
        read, known = to_model(picture, geometry, task.keeps_grey), conditioning(task, given, size)
        if geometry.has_alpha:
            return Scene(read, known, levels_read(read, geometry))
        if reads_alpha and read.alpha is not None:
            known = replace(known, maps={**known.maps, ALPHA: to_unit(read.alpha)})
        return Scene(read, known)
    prove_given(task, given)
    ids = label_of(given, geometry, size)
    return Scene(picture.with_pixels(picture.color, None), conditioning(task, {**given, LABEL: ids}, size), ids)
