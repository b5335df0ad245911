"""For pytest, which loads it wherever img2imgkit is installed: two devices for ``check_task``, and fixtures.

two_cpus   the CPU as two devices
tiny_data  makes a few pictures of a data kind, and returns the options that read them
kit_home   the user's folders and settings of img2imgkit in a temporary folder

TensorFlow cannot split the CPU any more once it has used it, which another test may do first.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.data_kind import DataKind
from img2imgkit.places import HOME_VARIABLE, Places, UserConfig, variable

_SIDE = 32


def pytest_collection_finish(session: pytest.Session) -> None:
    """Split the CPU if a collected module has ``check_task``, or a test the fixture ``two_cpus``."""
    if any(_needs_two(item) for item in session.items):
        backend.load()
        backend.split_cpu(2)


def _needs_two(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "module", None), "check_task") or "two_cpus" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def two_cpus() -> None:
    """The CPU as two devices."""


@pytest.fixture
def tiny_data(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Write a few small random pictures of a data kind, and return the section ``data`` of a training file for them.

        tiny_data("paired", crop=16)
        tiny_data(Noisy, side=24)   # the class of a kind that defines write_example()

    Its arguments are an installed kind's name or a class, ``side``, the height of the pictures, and further options.
    """

    def make(kind: str | type[DataKind], side: int = _SIDE, **options: Any) -> dict[str, Any]:
        found: type[DataKind] = Catalog.installed().get("data_kinds", kind) if isinstance(kind, str) else kind
        return {"kind": found.name, **found.write_example(tmp_path / "data" / found.name, side), **options}

    return make


@pytest.fixture
def kit_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The user's folders in a temporary folder, for this process and those that it starts; no settings are made."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    for name in UserConfig.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    return Places.of_user()
