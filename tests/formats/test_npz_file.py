"""Named arrays: those of numbers are read; pickles in them, false sizes and bombs are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit.errors import InteropError
from img2imgkit.formats.npz_file import SMALL, is_npz, read_npz

ARRAYS = {
    "conv.weight": np.arange(24, dtype="f4").reshape(2, 3, 2, 2),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.arange(3, dtype=">f8"),
    "counter": np.array(3),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_numpy_reads_them(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "x.npz", **ARRAYS)
    assert is_npz((tmp_path / "x.npz").read_bytes())
    found = read_npz(tmp_path / "x.npz")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype.isnative


def member(array: Any, shape: Any = None) -> bytes:
    """A .npy file, whose header may claim another shape."""
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    return content if shape is None else content.replace(str(array.shape).encode(), str(shape).encode(), 1)


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a.npy": member(np.array([{}], dtype=object))}, "a has type object"),
        ({"a.npy": member(np.array(["x"]))}, "a has type <U1"),
        ({"a.npy": member(np.zeros(4, "f4"), (2**40,))}, "does not match its bytes"),
        ({"a.npy": member(np.zeros(4, "f4"))[:-1]}, "does not match its bytes"),
        ({"a.npy": b"no array"}, "damaged"),
        ({"a.npy": bytes(SMALL + 1)}, "claim far more bytes than the file has"),
        ({"a.npy": member(np.zeros(1)), "b.txt": b""}, "a member 'b.txt'"),
    ],
    ids=["pickle", "text", "claim", "short", "other", "bomb", "member"],
)
def test_anything_else_is_refused(members: dict[str, bytes], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InteropError, match=rf"x\.npz: .*{reason}"):
        read_npz(archive(tmp_path / "x.npz", members))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not an .npz file"), (b"PK\x03\x04 and no more", "cut short"), (b"<html></html>", "a web page")],
)
def test_files_that_are_no_archive(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InteropError, match=reason):
        read_npz(tmp_path / "x.npz")
    with pytest.raises(InteropError, match="cannot be read"):
        read_npz(tmp_path / "none.npz")


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as made:
        made.writestr("a.npy", member(np.zeros(1)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("a.npy", member(np.zeros(1)))
    with pytest.raises(InteropError, match="the same name"):
        read_npz(tmp_path / "x.npz")
