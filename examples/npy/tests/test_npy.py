"""Both steps keep their contract, and arrays pass a pipeline unchanged."""

from pathlib import Path

import numpy as np
import pytest
from img2img_npy.steps import ReadNpy, WriteNpy, picture_of

import img2imgkit as kit
from img2imgkit.errors import DecodeError
from img2imgkit.testing import check_step


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    (tmp_path / "arrays" / "deep").mkdir(parents=True)
    random = np.random.default_rng(0)
    np.save(tmp_path / "arrays" / "grey.npy", random.integers(0, 256, (5, 7), np.uint8))
    np.save(tmp_path / "arrays" / "rgba.npy", random.integers(0, 256, (5, 7, 4), np.uint8))
    np.save(tmp_path / "arrays" / "deep" / "rgb.npy", random.integers(0, 65536, (6, 4, 3), np.uint16))
    return tmp_path / "arrays"


def test_the_source(arrays: Path) -> None:
    check_step(ReadNpy, ReadNpy.Options(folder=arrays))


def test_the_sink(tmp_path: Path) -> None:
    check_step(WriteNpy, WriteNpy.Options(folder=tmp_path))


def test_arrays_come_through_unchanged(arrays: Path, tmp_path: Path) -> None:
    steps = [
        {"uses": "read-npy", "with": {"folder": arrays}},
        {"uses": "write-npy", "with": {"folder": tmp_path / "out"}},
    ]
    assert kit.run({"name": "copy", "steps": steps})["totals"]["done"] == 3
    for name in ("grey", "rgba", "deep/rgb"):
        before, after = np.load(arrays / f"{name}.npy"), np.load(tmp_path / "out" / f"{name}.npy")
        np.testing.assert_array_equal(after, before.reshape(after.shape))
        assert after.dtype == before.dtype


@pytest.mark.parametrize("array", [np.zeros(3, np.uint8), np.zeros((2, 2, 5), np.uint8), np.zeros((2, 2))])
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(DecodeError, match=r"a\.npy: "):
        picture_of(array, "a.npy")
