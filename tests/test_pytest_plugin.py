"""The fixtures that plugin authors get: pictures of each data kind, a home of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import img2imgkit as kit
from img2imgkit.config import parse_yaml, validate
from img2imgkit.data import inspect_data, open_reader
from img2imgkit.places import Places

BUILT_IN = kit.Catalog.installed({"IMG2IMG_PLUGINS": ""}).data_kinds
GEOMETRIES = {
    "degraded": kit.Geometry(scale=2),
    "semantic": kit.Geometry(channels=1, output_channels=3, ids=3),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_kind_has_pictures_that_its_reader_accepts(name: str, tiny_data: Callable[..., dict[str, Any]]) -> None:
    section = tiny_data(name, batch=3)
    assert (section["kind"], section["batch"]) == (name, 3)
    kind, geometry = BUILT_IN[name], GEOMETRIES.get(name, kit.Geometry())
    data = kind(validate(kind.Options, parse_yaml("", "data"), data=section))
    found = inspect_data(data, geometry)
    assert (found.problems, found.notes) == ((), ())
    batch = open_reader(data, geometry).batch(1, 0)
    assert set(batch) == set(kind.keys)
    assert {len(array) for array in batch.values()} == {3}


def test_the_side_is_that_of_the_crops(tiny_data: Callable[..., dict[str, Any]]) -> None:
    assert tiny_data("paired", side=24)["crop"] == 24


def test_a_class_needs_an_example(tiny_data: Callable[..., dict[str, Any]]) -> None:
    class Nameless(BUILT_IN["paired"]):  # type: ignore[misc]
        """Has none."""

        write_example = classmethod(kit.DataKind.write_example.__func__)  # type: ignore[attr-defined]

    with pytest.raises(NotImplementedError, match=r"'paired' does not define write_example\(\)"):
        tiny_data(Nameless)


def test_the_home_is_a_folder_of_the_test(kit_home: Places, tmp_path: Path) -> None:
    assert kit_home == Places.of_user()
    assert kit_home.config.is_relative_to(tmp_path)
    assert not kit_home.config.exists()
