"""waifu2x's networks without padding: sizes, the repeated edge, the official outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from checkpoints import INSTALLED  # noqa: E402

from img2imgkit.architectures.upconv7 import MARGIN, upconv7  # noqa: E402
from img2imgkit.importing import read_network  # noqa: E402

FIXTURES = Path(__file__).parents[1] / "fixtures"
OFFICIAL = {"waifu2x_upconv7": (2, ("square", "rect")), "waifu2x_vgg7": (1, ("rect",))}


@pytest.mark.parametrize("scale", [1, 2])
def test_the_output_has_the_size_of_a_padded_network(scale: int) -> None:
    picture = np.random.default_rng(0).random((2, 5, 7, 3), np.float32)
    assert np.asarray(upconv7(scale, (4,) * 6)(picture)).shape == (2, 5 * scale, 7 * scale, 3)


@pytest.mark.parametrize("scale", [1, 2])
def test_the_edge_is_repeated(scale: int) -> None:
    """A picture whose edge was repeated before gives the same, apart from what lies outside."""
    model = upconv7(scale, (4,) * 6)
    picture = np.random.default_rng(0).random((1, 6, 8, 3), np.float32)
    wide = np.pad(picture, ((0, 0), (9, 9), (9, 9), (0, 0)), "edge")
    inside = slice(9 * scale, -9 * scale)
    np.testing.assert_allclose(np.asarray(model(wide))[:, inside, inside], np.asarray(model(picture)), atol=1e-6)


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, (_, cases) in OFFICIAL.items() for case in cases])
def test_it_computes_what_the_official_network_computes_inside_its_margin(name: str, case: str) -> None:
    """The official network has no padding, and clips its output."""
    scale, _ = OFFICIAL[name]
    found = read_network(FIXTURES / name / "weights.pth", INSTALLED)
    assert (found.kind, found.spec.scale, found.assumptions) == ("upconv7", scale, ())
    with np.load(FIXTURES / name / "io.npz") as stored:
        given, expected = (stored[f"{case}__{side}"].transpose(0, 2, 3, 1) for side in ("in__x", "out__y"))
    inside = slice(MARGIN * scale, -MARGIN * scale)
    made = np.asarray(found.model(given)).clip(0, 1)[:, inside, inside]
    np.testing.assert_allclose(made, expected, atol=1e-4)
