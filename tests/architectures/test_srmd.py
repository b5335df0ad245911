"""SRMD and its projection of blur kernels: the official outputs, what files state, kernels and components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from checkpoints import INSTALLED, checkpoint_of, randomised, recognised  # noqa: E402
from mat_files import mat_file  # noqa: E402

from img2imgkit.architectures import KernelProjection, NetworkSpec, gaussian_kernel  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.formats.mat_file import read_mat  # noqa: E402
from img2imgkit.importing import network_of, read_network, state_of_model  # noqa: E402

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "sr_srmd_x2"


def test_an_official_file_states_everything() -> None:
    given = read_network(OFFICIAL / "weights.pth", INSTALLED)
    assert (given.kind, given.assumptions) == ("srmd", ())
    assert given.arguments == {"scale": 2, "channels": 3, "code": 16, "width": 16, "depth": 12}
    with np.load(OFFICIAL / "io.npz") as stored:
        maps = stored["rect__in__x"][:, 3:]
    np.testing.assert_array_equal(maps, np.broadcast_to(maps[..., :1, :1], maps.shape))  # so a code describes them


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 2, "channels": 3, "code": 15, "width": 4, "depth": 3},
        {"scale": 3, "channels": 3, "code": 16, "width": 2, "depth": 2},
        {"scale": 4, "channels": 3, "code": 16, "width": 2, "depth": 12},
        {"scale": 3, "channels": 1, "code": 16, "width": 2, "depth": 4},
    ],
    ids=str,
)
def test_options_are_inferred_from_names_and_shapes(options: dict[str, Any]) -> None:
    state = state_of_model(randomised("srmd", **options), checkpoint_of("srmd").places(options))
    assert recognised(state) == {"srmd": options}


@pytest.mark.parametrize(
    ("module", "shape"), [("model.0", (16, 3, 3, 3)), ("model.22", (13, 16, 3, 3)), ("model.99", (12, 16, 3, 3))]
)
def test_impossible_shapes_are_refused(module: str, shape: tuple[int, ...]) -> None:
    from img2imgkit.importing import read_torch

    state = {**read_torch(OFFICIAL / "weights.pth"), f"{module}.weight": np.zeros(shape, np.float32)}
    with pytest.raises(InteropError):
        network_of(StateDict(state), INSTALLED)


def test_each_number_of_the_code_changes_the_picture() -> None:
    model, random = randomised("srmd", scale=2, code=3, width=4, depth=3), np.random.default_rng(0)
    picture, code = random.random((1, 5, 6, 3), np.float32), random.random((1, 3), np.float32)
    plain = np.asarray(model([picture, code]))
    for number in range(3):
        other = code + np.eye(3, dtype=np.float32)[number]
        assert np.abs(np.asarray(model([picture, other])) - plain).max() > 1e-3


def test_kernels_are_those_of_matlab() -> None:
    """Values of ``fspecial('gaussian', 3, 0.5)``, as MATLAB's documentation of ``fspecial`` gives them."""
    expected = [[0.0113, 0.0838, 0.0113], [0.0838, 0.6193, 0.0838], [0.0113, 0.0838, 0.0113]]
    np.testing.assert_allclose(gaussian_kernel(0.5, 3), expected, atol=5e-5)
    np.testing.assert_array_equal(gaussian_kernel(0, 5), np.pad([[1.0]], 2))
    assert gaussian_kernel(3.0, 15).sum() == pytest.approx(1)


def test_new_components_describe_the_blurs_that_they_are_made_for() -> None:
    components = np.asarray(KernelProjection(widest=3.0).build(NetworkSpec(code=15)).weights[0])
    np.testing.assert_allclose(components.T @ components, np.eye(15), atol=1e-5)
    for width in (0.3, 1.0, 2.9):
        kernel = gaussian_kernel(width, 15).ravel()
        np.testing.assert_allclose(components @ (components.T @ kernel), kernel, atol=1e-4)


@pytest.mark.parametrize("name", ["P", "p"])
def test_the_matrix_of_the_official_files_is_a_projection(name: str, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(6, 25))
    path = tmp_path / "pca.mat"
    path.write_bytes(mat_file(**{name: matrix}))
    given = network_of(StateDict(read_mat(path)), INSTALLED)
    assert (given.kind, given.arguments) == ("kernel-projection", {"code": 6, "size": 5, "widest": 4.0})
    kernel = np.random.default_rng(1).random((1, 25)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(given.model(kernel)), kernel @ matrix.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 24), (6, 16), (25,)], ids=str)
def test_other_matrices_are_no_projection(shape: tuple[int, ...]) -> None:
    assert recognised({"P": np.zeros(shape, np.float32)}) == {}


def test_impossible_projections_are_refused() -> None:
    assert "odd" in KernelProjection(size=4).problem(NetworkSpec(code=3))
    assert "up to 9" in KernelProjection(size=3).problem(NetworkSpec(code=10))
    assert "up to 9" in KernelProjection(size=3).problem(NetworkSpec())
