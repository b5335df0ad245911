"""The U-Nets of waifu2x and Real-CUGAN: options that files state or leave open, what is computed, exact tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ncnn_unets import cunet_state

from img2imgkit import backend

backend.load()

from checkpoints import INSTALLED, checkpoint_of, recognised  # noqa: E402

from img2imgkit.architectures import Cunet, NetworkSpec  # noqa: E402
from img2imgkit.architectures.cunet.sizes import MARGINS, MULTIPLES  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import network_of, read_network, read_torch  # noqa: E402
from img2imgkit.importing.weight_sets import cleaned, state_of  # noqa: E402

# Small networks with random weights under the official names, computed by PyTorch's functions; see their config.json.
FIXTURES = Path(__file__).parents[1] / "fixtures"


def options_of(scale: int, **options: Any) -> dict[str, Any]:
    edge = "replicate" if scale == 1 else "reflect"
    fixed = {"scale": scale, "channels": 3, "width": 4, "attention": True, "clipped": False, "pro": False}
    return {**fixed, "edge": edge, **options}


@pytest.mark.parametrize(
    "options",
    [*(options_of(scale) for scale in MARGINS), options_of(2, attention=False), options_of(4, width=8)],
    ids=str,
)
def test_options_are_inferred_from_names_and_shapes(options: dict[str, Any]) -> None:
    state = cunet_state(options["scale"], options["width"], options["attention"])
    assert recognised(state) == {"cunet": options}


@pytest.mark.parametrize(
    ("name", "left_open"),
    [
        ("sr_cunet_x1", ["edge", "clipped"]),
        ("sr_cunet_x2_pro", ["edge"]),
        ("sr_cunet_x3", ["edge", "pro"]),
        ("sr_cunet_x4", ["edge", "pro"]),
        ("waifu2x_upcunet", ["edge", "clipped", "pro"]),
    ],
)
def test_a_file_states_its_scale_and_whether_it_is_pro(name: str, left_open: list[str]) -> None:
    found = recognised(state_of(read_torch(FIXTURES / name / "weights.pth")))
    scale = 2 if name == "waifu2x_upcunet" else int(name[10])
    assert found == {"cunet": options_of(scale, pro=name.endswith("pro"))}
    assert [each.option for each in checkpoint_of("cunet").assumptions(found["cunet"])] == left_open


def test_a_network_of_waifu2x_computes_the_same_once_its_edge_is_stated() -> None:
    stated = {"edge": "replicate", "clipped": True, "pro": False}
    given = read_network(FIXTURES / "waifu2x_upcunet" / "weights.pth", INSTALLED, **stated)
    assert given.assumptions == ()
    with np.load(FIXTURES / "waifu2x_upcunet" / "io.npz") as stored:
        picture, expected = (stored[f"square__{side}"].transpose(0, 2, 3, 1) for side in ("in__x", "out__y"))
    np.testing.assert_allclose(np.asarray(given.model(picture)), expected, atol=1e-5)


@pytest.mark.parametrize("mark", [1, True, np.zeros(1, np.float32), np.zeros((), np.int64)], ids=repr)
def test_an_entry_of_any_value_marks_a_pro_network(mark: Any) -> None:
    assert recognised(cleaned({**cunet_state(3), "pro": mark})) == {"cunet": options_of(3, pro=True)}


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
    state = {**cunet_state(2), f"{module}.weight": np.zeros(shape, np.float32)}
    with pytest.raises(InteropError):
        network_of(StateDict(state), INSTALLED)
