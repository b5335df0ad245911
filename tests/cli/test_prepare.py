"""``img2img prepare`` writes the engine forms of bundles and clears the cache of forms."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from img2imgkit import bundle
from img2imgkit.catalog import Catalog


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A shipped bundle without its form."""
    place = tmp_path / "enlarge"
    shutil.copytree(bundle.locate("sr-compact-x2", Path(), Catalog.installed()), place)
    shutil.rmtree(place / "engine")
    manifest = bundle.describe(place).model_copy(update={"form": None})
    (place / "bundle.json").write_text(manifest.text(), encoding="utf-8")
    return place


def test_it_writes_the_form_into_the_bundle(img2img, copied):
    outcome = img2img("prepare", copied)
    assert (outcome.code, outcome.out) == (0, f"{copied}: engine form, 0.4 MB\n")
    assert bundle.engine_form(copied, bundle.describe(copied), {}) is not None


def test_a_bundle_without_a_form_is_told_and_fails(img2img, copied, monkeypatch):
    monkeypatch.setattr("img2imgkit.cli.prepare.add_engine_form", lambda _: "no engine form: it differs")
    outcome = img2img("prepare", copied)
    assert (outcome.code, outcome.out) == (1, f"{copied}: no engine form: it differs\n")


def test_it_clears_the_cache(img2img, tmp_path, monkeypatch):
    monkeypatch.setenv("IMG2IMG_HOME", str(tmp_path))
    entry = tmp_path / "cache" / "engine-forms" / ("0" * 32)
    entry.mkdir(parents=True)
    (entry / "translate.onnx").write_bytes(bytes(2_000_000))
    outcome = img2img("prepare", "--clear-cache")
    assert (outcome.code, outcome.out) == (0, "cached engine forms: 1 removed, 2.0 MB\n")
    assert not entry.exists()


def test_it_needs_something_to_do(img2img):
    outcome = img2img("prepare")
    assert outcome.code == 2
    assert "Missing argument 'BUNDLE...'" in outcome.err
