from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from corpus import noise

from img2imgkit.images import Metadata, Picture


def test_size_and_depth_are_those_of_the_pixels():
    picture = Picture(noise(1, 4, 7, 4, np.uint16), None, "cmyk")
    assert (picture.width, picture.height, picture.depth) == (7, 4, 16)


@pytest.mark.parametrize(
    ("color", "alpha", "space", "reason"),
    [
        (noise(1, 4, 4, 3), None, "grey", r"a grey picture needs \(H, W, 1\)"),
        (noise(1, 4, 4, 3)[..., 0], None, "rgb", "needs"),
        (noise(1, 4, 4, 3).astype(np.float32), None, "rgb", "uint8 or uint16, got float32"),
        (noise(1, 4, 4, 3), noise(1, 4, 5, 1), "rgb", "does not match"),
        (noise(1, 4, 4, 3), noise(1, 4, 4, 1, np.uint16), "rgb", "does not match"),
    ],
)
def test_inconsistent_pixels_are_refused(color, alpha, space, reason):
    with pytest.raises(ValueError, match=reason):
        Picture(color, alpha, space)


def test_with_pixels_keeps_metadata():
    picture = Picture(noise(1, 4, 4), None, "rgb", Metadata(dpi=(1, 2)), "TIFF", "P", ("a note",))
    other = picture.with_pixels(noise(2, 2, 2, 1), None, "grey")
    assert (other.space, other.metadata, other.format, other.mode, other.notes) == (
        "grey",
        Metadata(dpi=(1, 2)),
        "TIFF",
        "P",
        ("a note",),
    )


def test_a_picture_is_immutable():
    with pytest.raises(FrozenInstanceError):
        Picture(noise(1, 2, 2)).space = "grey"
