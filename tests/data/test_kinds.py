"""All kinds alike: what they promise of keys, options, schemas and their page of the docs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from img2imgkit.config import Config, parse_yaml
from img2imgkit.data import DataOptions, open_reader
from img2imgkit.data.options import ReaderOptions
from img2imgkit.task import BATCH_KEYS, DataKind, Geometry

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
OPTIONS: dict[str, type[ReaderOptions]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(DataOptions)[0])
}
ONE_FOLDER = {"degraded": "folder", "labelled": "folder", "few_shot": "folder"}


def pictures_for(kind: str, place: Path) -> dict[str, Any]:
    """Folders with pictures for a kind, and the options that name them."""
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


def geometry_for(kind: str) -> Geometry:
    return Geometry(channels=1, output_channels=3) if kind == "semantic" else Geometry()


def test_every_data_kind_of_a_task_can_be_read() -> None:
    assert set(OPTIONS) == set(get_args(DataKind)) == set(BATCH_KEYS)


@pytest.mark.parametrize("kind", OPTIONS)
def test_batches_have_the_keys_that_tasks_are_promised(tmp_path: Path, kind: str) -> None:
    reader = open_reader(OPTIONS[kind].model_validate(pictures_for(kind, tmp_path)), geometry_for(kind))  # type: ignore[arg-type]
    batch = reader.batch(0, 0)
    assert set(batch) == set(BATCH_KEYS[reader.kind])
    assert all(len(value) == 3 for value in batch.values())
    for key, value in batch.items():
        if value.ndim == 4 and key not in ("label", "instance"):
            assert value.dtype == np.float32
            assert -1 <= value.min() < -0.5 < 0.5 < value.max() <= 1
    assert reader.verify() == []


@pytest.mark.parametrize("kind", OPTIONS)
def test_rows_and_threads_do_not_change_a_batch(tmp_path: Path, kind: str) -> None:
    options = OPTIONS[kind].model_validate(pictures_for(kind, tmp_path))
    whole = open_reader(options, geometry_for(kind)).batch(3, 7)  # type: ignore[arg-type]
    reader = open_reader(options, geometry_for(kind))  # type: ignore[arg-type]
    for row in (2, 0, 1):
        [part] = [reader.batch(3, 7, range(row, row + 1))]
        for key, value in part.items():
            np.testing.assert_array_equal(value[0], whole[key][row])


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_option_is_described_and_on_the_page(kind: str) -> None:
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    shared = "".join(part for part in section if part.startswith(("For all kinds", "Sizes")))
    [own] = [part for part in section if part.startswith(f"`{kind}`")]
    for name, field in OPTIONS[kind].model_fields.items():
        assert f"`{name}`" in own + shared or name == "kind"
        assert field.description


def shown() -> Iterator[Any]:
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        if "data" in (stated := parse_yaml(block).data):
            yield stated["data"]


@pytest.mark.parametrize("stated", list(shown()), ids=lambda stated: stated["kind"])
def test_every_example_of_the_page_is_accepted(stated: dict[str, Any]) -> None:
    options: Config = TypeAdapter(DataOptions).validate_json(json.dumps(stated))
    assert isinstance(options, ReaderOptions)
    assert options.data_problems(geometry_for(options.kind)) == []
