"""The U-Nets of waifu2x and Real-CUGAN: sizes, the continued edge, options that files state or leave open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from checkpoints import INSTALLED, checkpoint_of, randomised, recognised  # noqa: E402

from img2imgkit.architectures import Cunet, NetworkSpec  # noqa: E402
from img2imgkit.architectures.cunet import MARGINS, MULTIPLES  # noqa: E402
from img2imgkit.architectures.cunet.network import cunet  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import network_of, read_network, state_of_model  # noqa: E402

FIXTURES = Path(__file__).parents[1] / "fixtures"
PICTURES = np.random.default_rng(0)


def options_of(scale: int, **options: Any) -> dict[str, Any]:
    edge = "replicate" if scale == 1 else "reflect"
    fixed = {"scale": scale, "channels": 3, "width": 4, "attention": True, "clipped": False, "pro": False}
    return {**fixed, "edge": edge, **options}


def state_for(**options: Any) -> dict[str, np.ndarray]:
    return state_of_model(randomised("cunet", **options), checkpoint_of("cunet").places(options))


@pytest.mark.parametrize(
    "options",
    [
        *(options_of(scale) for scale in MARGINS),
        options_of(2, attention=False),
        options_of(4, width=8),
    ],
    ids=str,
)
def test_options_are_inferred_from_names_and_shapes(options: dict[str, Any]) -> None:
    assert recognised(state_for(**options)) == {"cunet": options}


@pytest.mark.parametrize(
    "name", ["sr_cunet_x1", "sr_cunet_x2_pro", "sr_cunet_x3", "sr_cunet_x4", "waifu2x_upcunet"]
)
def test_a_file_states_its_scale(name: str) -> None:
    given = read_network(FIXTURES / name / "weights.pth", INSTALLED)
    assert given.arguments.items() >= {"pro": name.endswith("pro"), "attention": True, "width": 4}.items()
    open_options = {"sr_cunet_x1": ["clipped"], "waifu2x_upcunet": ["edge", "clipped"]}
    assert [each.option for each in given.assumptions] == open_options.get(name, [])


def test_a_network_of_waifu2x_computes_the_same_once_its_edge_is_stated() -> None:
    stated = {"edge": "replicate", "clipped": True}
    given = read_network(FIXTURES / "waifu2x_upcunet" / "weights.pth", INSTALLED, **stated)
    assert given.assumptions == ()
    with np.load(FIXTURES / "waifu2x_upcunet" / "io.npz") as stored:
        picture, expected = (stored[f"square__{side}"].transpose(0, 2, 3, 1) for side in ("in__x", "out__y"))
    np.testing.assert_allclose(np.asarray(given.model(picture)), expected, atol=1e-5)


@pytest.mark.parametrize("mark", [1, True, np.zeros(1, np.float32), np.zeros((), np.int64)], ids=repr)
def test_an_entry_of_any_value_marks_a_pro_network(mark: Any) -> None:
    from img2imgkit.importing.weight_sets import cleaned

    state = state_for(scale=2, width=4)
    found = network_of(StateDict(cleaned({**state, "pro": mark})), INSTALLED)
    assert found.arguments["pro"]
    picture = PICTURES.random((1, 20, 20, 3), np.float32)
    plain = network_of(StateDict(state), INSTALLED).model
    narrow = (np.asarray(plain(picture * 0.7 + 0.15)) - 0.15) / 0.7
    np.testing.assert_allclose(np.asarray(found.model(picture)), narrow, atol=1e-4 * np.abs(narrow).max())


@pytest.mark.parametrize(("edge", "mode"), [("replicate", "edge"), ("reflect", "reflect")])
@pytest.mark.parametrize("scale", MARGINS)
def test_the_edge_is_continued(scale: int, edge: Any, mode: Any) -> None:
    """A picture that was continued before gives the same inside, without attention, whose means it changes."""
    model = cunet(scale, width=4, attention=False, edge=edge)
    picture = PICTURES.random((1, 32, 36, 3), np.float32)
    wide = np.pad(picture, ((0, 0), (28, 28), (28, 28), (0, 0)), mode)
    inside = slice(28 * scale, -28 * scale)
    expected = np.asarray(model(picture))
    np.testing.assert_allclose(
        np.asarray(model(wide))[:, inside, inside], expected, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize("scale", MARGINS)
def test_tiles_are_exact_without_attention_only(scale: int) -> None:
    spec = NetworkSpec(scale=scale)
    radius = Cunet(attention=False).geometry(spec).radius
    assert Cunet().geometry(spec).radius is None
    assert radius is not None
    assert MARGINS[scale] <= radius <= MARGINS[scale] + MULTIPLES[scale]


def test_other_scales_are_refused() -> None:
    assert Cunet().problem(NetworkSpec(scale=5)) == "scale 5: expected 1, 2, 3 or 4"


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        ("unet1.conv1.conv.0", (8, 3, 3, 3)),
        ("unet1.conv_bottom", (8, 3, 6, 6)),
        ("unet2.conv_bottom", (4, 8, 3, 3)),
        ("unet2.conv3.seblock.conv1", (2, 16)),
    ],
    ids=str,
)
def test_impossible_shapes_are_refused(module: str, shape: tuple[int, ...]) -> None:
    from img2imgkit.errors import InteropError

    state = {**state_for(scale=2, width=4), f"{module}.weight": np.zeros(shape, np.float32)}
    with pytest.raises(InteropError):
        network_of(StateDict(state), INSTALLED)
