"""All kinds: keys, options, schemas and documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit import Catalog, DataKind, Geometry
from img2imgkit.config import parse_yaml, validate
from img2imgkit.data import open_reader
from img2imgkit.testing import check_data_kind

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
KINDS: dict[str, type[DataKind]] = dict(Catalog.installed({"IMG2IMG_PLUGINS": ""}).data_kinds)
ONE_FOLDER = {"degraded": "folder", "labelled": "folder", "few_shot": "folder"}


def pictures_for(kind: str, place: Path) -> dict[str, Any]:
    """Create pictures for a kind, and return the options that refer to them."""
    random = np.random.default_rng(0)
    roles = {
        "paired": ("source", "target"), "unpaired": ("a", "b"), "semantic": ("label", "target"), "degraded": ("all",),
        "labelled": ("all/x", "all/y"), "few_shot": ("all/x", "all/y"),
    }[kind]  # fmt: skip
    for role in roles:
        (place / role).mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(0, 5 if role == "label" else 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels[..., 0] if role == "label" else pixels).save(place / role / f"{number}.png")
    stated: dict[str, Any] = {"kind": kind, "batch": 3}
    if kind in ONE_FOLDER:
        stated["folder"] = place / "all"
    else:
        stated |= {role: place / role for role in roles}
    sizes = {"semantic": {"classes": 5}, "labelled": {"center_crop": 32, "resize": 16}}.get(kind, {})
    return {**stated, **({"crop": 16} if kind != "labelled" else {}), **sizes}


def geometry_for(kind: str, ids: int = 5) -> Geometry:
    if kind == "semantic":
        return Geometry(channels=1, output_channels=3, ids=ids)
    return Geometry(scale=2) if kind == "degraded" else Geometry()


def kind_of(name: str, place: Path) -> DataKind:
    kind = KINDS[name]
    return kind(kind.Options.model_validate(pictures_for(name, place)))


def test_six_kinds_are_built_in() -> None:
    assert set(KINDS) == {"paired", "unpaired", "labelled", "semantic", "few_shot", "degraded"}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_fulfils_its_contract(tmp_path: Path, name: str) -> None:
    data = kind_of(name, tmp_path)
    folders = {path.name: path for path in tmp_path.iterdir()}
    probe = next(folders[role] for role in ("all", "source", "a", "label") if role in folders)
    check_data_kind(KINDS[name], data.options, probe, geometry_for(name))


@pytest.mark.parametrize("name", KINDS)
def test_pictures_fill_their_range(tmp_path: Path, name: str) -> None:
    batch = open_reader(kind_of(name, tmp_path), geometry_for(name)).batch(0, 0)
    seen = {key: value for key, value in batch.items() if value.ndim == 4 and key not in KINDS[name].ids}
    assert seen
    assert all(value.min() < -0.5 < 0.5 < value.max() for value in seen.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_described_and_on_the_page(kind: str) -> None:
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    shared = "".join(part for part in section if part.startswith(("For all kinds", "Sizes")))
    [own] = [part for part in section if part.startswith(f"`{kind}`")]
    for name, field in KINDS[kind].Options.model_fields.items():
        assert f"`{name}`" in own + shared or name == "kind"
        assert field.description


def ids_in(options: Any) -> int:
    """The number of ids in label maps of these options."""
    return getattr(options, "classes", 0) + (getattr(options, "unknown", None) is not None)


def shown() -> Iterator[Any]:
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        if "data" in (stated := parse_yaml(block).data):
            yield stated["data"]


@pytest.mark.parametrize("stated", list(shown()), ids=lambda stated: stated["kind"])
def test_every_example_of_the_page_is_accepted(stated: dict[str, Any]) -> None:
    options = validate(KINDS[stated["kind"]].Options, parse_yaml(""), data=stated)
    assert options.data_problems(geometry_for(options.kind, ids_in(options))) == []
