"""Contract tests of a task's geometry: what is measured becomes a failed assertion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tiny_tasks import Directed, Normed, Plain, Recoloured, Reflecting, loaded

import img2imgkit as kit
from img2imgkit.testing.geometry import check_pictures, check_radius, check_sizes

GOOD = [
    (Normed, {}),
    (Reflecting, {}),
    (Recoloured, {}),
    (Recoloured, {"channels": 1}),
    (Recoloured, {"written": 1}),
    (Directed, {}),
]


@pytest.mark.parametrize(("task", "options"), GOOD)
def test_a_task_with_a_correct_geometry_passes(task: type[kit.Task], options: dict[str, Any]) -> None:
    bundle = loaded(task, **options)
    check_sizes(bundle.task, bundle.nets)
    check_radius(bundle.task, bundle.nets)
    check_pictures(bundle)


class TooModest(Reflecting):
    """Claims to accept 8 pixels but needs more."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(multiple=4, radius=1, minimum=8)


def test_wrong_sizes_are_caught() -> None:
    bundle = loaded(TooModest)
    with pytest.raises(AssertionError, match=r"sizes: translate fails on \(2, 8, 8, 3\), which geometry\(\) allows"):
        check_sizes(bundle.task, bundle.nets)


class Shortsighted(Plain):
    """Claims a radius of 2 but sees 3 pixels far."""

    radius = 2


class Global(Plain):
    """Claims that every output depends on the whole picture."""

    radius = None


class Blind(Plain):
    """Gives the same output for every picture."""

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return 0.0 * super().translate(nets, inputs)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Shortsighted, r"radius: geometry\(\) states radius=2, but output pixels depend on inputs 3 pixels away"),
        (Global, r"geometry\(\) states radius=None, but no pixel depends on inputs more than 3 pixels away"),
        (Blind, "translate does not depend on its input"),
    ],
)
def test_a_wrong_radius_is_caught(task: type[kit.Task], said: str) -> None:
    bundle = loaded(task)
    with pytest.raises(AssertionError, match=said):
        check_radius(bundle.task, bundle.nets)
