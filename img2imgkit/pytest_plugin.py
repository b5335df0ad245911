"""For pytest, which loads it wherever img2imgkit is installed: gives ``check_task`` the two devices that it needs.

TensorFlow cannot split the CPU any more once it has used it, which another test may do first.
"""

from __future__ import annotations

import pytest

from img2imgkit import backend


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
