"""MAT-files: the matrices that they contain, or why they are refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from mat_files import element, mat_file, matrix

from img2imgkit.errors import InteropError
from img2imgkit.formats import mat_file as mat_file_module
from img2imgkit.formats.mat_file import HEADER, is_mat, read_mat

NUMBERS = np.arange(6, dtype=np.float64).reshape(2, 3) / 7


@pytest.mark.parametrize("packed", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i4"])
def test_matrices_are_read_by_name(packed: bool, order: str, dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    given = (NUMBERS * 7).astype(dtype)
    path.write_bytes(mat_file(packed, order, P=given, longer_name=given.T))
    assert is_mat(path.read_bytes())
    found = read_mat(path)
    assert [*found] == ["P", "longer_name"]
    np.testing.assert_array_equal(found["P"], given)
    np.testing.assert_array_equal(found["longer_name"], given.T)
    assert found["P"].dtype == np.float32


def test_what_is_no_matrix_of_real_numbers_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    complex_matrix = matrix("c", NUMBERS, flags=0x0800)
    text = element(14, element(6, struct.pack("<II", 4, 0)) + element(5, bytes(8)) + element(1, b"text"))
    path.write_bytes(mat_file(False, P=NUMBERS) + complex_matrix + text)
    assert [*read_mat(path)] == ["P"]


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(InteropError) as caught:
        read_mat(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path, good = tmp_path / "a.mat", mat_file(False, P=NUMBERS)
    assert "version 5" in refused(path, b"MATLAB 7.3 MAT-file" + good[19:])
    assert "version 5" in refused(path, good[:60])
    assert "cut short" in refused(path, good[:-8])
    assert "cut short" in refused(path, mat_file(P=NUMBERS)[:-8])
    assert "damaged" in refused(path, good[:HEADER] + element(15, b"no zlib stream", padded=False))
    shape = element(5, np.array((2, 3), "<i4").tobytes())
    wrong = element(5, np.array((2, 9), "<i4").tobytes())
    assert "(2, 9) has 6 numbers" in refused(path, good.replace(shape, wrong))
    with pytest.raises(InteropError, match="cannot be read"):
        read_mat(tmp_path / "missing.mat")


def test_what_decompresses_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_file_module, "MAX_BYTES", 1 << 16)
    bomb = zlib.compress(bytes(1 << 20))
    content = mat_file(P=NUMBERS) + element(15, bomb, padded=False)
    assert "more bytes than the limit" in refused(tmp_path / "a.mat", content)
