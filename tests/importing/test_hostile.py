"""Hostile and damaged model files are refused with a reason: nothing is run or written, and little memory is used."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hostile_models import CANARY, HOSTILE

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.errors import InteropError
from img2imgkit.importing import import_bundle

MOST = 32 << 20  # bytes; the bombs would take from 64 MiB to all there is


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    backend.load()
    catalog = Catalog.installed({"IMG2IMG_PLUGINS": "importers,pix2pix"})
    assert catalog.tasks
    return catalog


@pytest.mark.parametrize("what", HOSTILE)
def test_it_is_refused_without_side_effects(what: str, catalog: Catalog, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    name, make, reason = HOSTILE[what]
    path = make(tmp_path / "in" / name)
    before = sorted(tmp_path.rglob("*"))
    tracemalloc.start()
    with pytest.raises(InteropError, match=reason) as caught:
        import_bundle([path], tmp_path / "out", catalog)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.name in str(caught.value)
    assert not list(tmp_path.rglob(CANARY))
    assert sorted(tmp_path.rglob("*")) == before
    assert most < MOST


def test_code_in_a_keras_file_is_not_read_when_its_weights_are_imported(catalog: Catalog, tmp_path: Path) -> None:
    """The stated task builds its own network; the configuration in the file is ignored."""
    name, make, _ = HOSTILE["code in Keras 3's format"]
    with pytest.raises(InteropError, match=r"has 2 arrays.* the network 'unet'"):
        import_bundle([make(tmp_path / name)], tmp_path / "out", catalog, "pix2pix", {"generator.depth": 2})
    assert not list(tmp_path.rglob(CANARY))
    assert not (tmp_path / "out").exists()
