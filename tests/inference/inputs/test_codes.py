"""Code files: saved, loaded, and refused for another bundle or condition."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Tinted, loaded

from img2imgkit.bundle import Manifest
from img2imgkit.errors import BundleError
from img2imgkit.inference import load_code, save_code


@cache
def made_with() -> Manifest:
    """The manifest of the bundle that encoded the codes."""
    return loaded(Tinted).manifest


def kept(folder: Path, **changes: Any) -> Path:
    path = folder / "red.json"
    save_code(path, np.array([0.1, -2.5e-7, 3], np.float32), "style", made_with(), ["a.png", "b.png"])
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


def test_a_code_is_restored_bit_for_bit(tmp_path: Path) -> None:
    code = load_code(kept(tmp_path), "style", made_with())
    assert code.dtype == np.float32
    assert (code == np.array([0.1, -2.5e-7, 3], np.float32)).all()
    assert json.loads((tmp_path / "red.json").read_text())["pictures"] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"condition": "class"}, "a code for 'class', not for 'style'"),
        ({"digest": "0"}, "encoded with another bundle .tiny-tinted-x1.: encode again"),
        ({"format": 2}, "not a code file"),
        ({"code": []}, "not a code file"),
        ({"code": ["x"]}, "not a code file"),
        ({"code": [float("nan")]}, "not a code file"),
    ],
)
def test_a_file_of_another_bundle_or_condition_is_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    with pytest.raises(BundleError, match=match):
        load_code(kept(tmp_path, **changes), "style", made_with())


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(BundleError, match="No such file"):
        load_code(path, "style", made_with())
    path.write_bytes(b"\xff\x00")
    with pytest.raises(BundleError, match="not a code file"):
        load_code(path, "style", made_with())
    path.write_bytes(b" " * (5 << 20))
    with pytest.raises(BundleError, match="larger than 4 MiB"):
        load_code(path, "style", made_with())
    with pytest.raises(BundleError, match="cannot write it"):
        save_code(tmp_path / "no" / "x.json", np.zeros(1), "style", made_with(), [])
