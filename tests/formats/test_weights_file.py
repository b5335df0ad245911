"""The content of a file decides how it is read, under any name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit.errors import InteropError
from img2imgkit.importing import read_torch, read_weights

FOLDER = Path(__file__).parents[1] / "fixtures" / "junyanz_pixel_batch"


@pytest.fixture
def state() -> dict[str, np.ndarray]:
    return {name: np.array(array, order="C") for name, array in read_torch(FOLDER / "weights.pth").items()}


@pytest.mark.parametrize("name", ["x", "x.pth", "x.bin", "x.pth.tar", "x.safetensors", "x.npz", "x.onnx"])
@pytest.mark.parametrize("kind", ["zip", "before 1.6", "safetensors", "npz"])
def test_every_format_under_every_name(kind: str, name: str, state: Any, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / name
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "npz":
        np.savez(tmp_path / "made.npz", **state)
        (tmp_path / "made.npz").rename(path)
    else:
        shutil.copy(FOLDER / ("weights.pth" if kind == "zip" else "weights_oldformat.pth"), path)
    found = read_weights(path)
    assert found.keys() == state.keys()
    assert all(np.array_equal(found[key], array) for key, array in state.items())


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(InteropError, match="cannot be read"):
            read_weights(path)


def test_the_suffix_names_the_format_that_was_expected(tmp_path: Path) -> None:
    for name, expected in {"x.pth": "PyTorch", "x.safetensors": "header", "x.npz": "npz"}.items():
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(InteropError, match=expected):
            read_weights(tmp_path / name)


def test_a_download_that_was_cut_short(tmp_path: Path) -> None:
    for source, reason in {"weights.pth": "directory at its end", "weights_oldformat.pth": "cut short"}.items():
        content = (FOLDER / source).read_bytes()
        (tmp_path / "x").write_bytes(content[: len(content) * 9 // 10])
        with pytest.raises(InteropError, match=f"{reason}.*; download it again"):
            read_weights(tmp_path / "x")
