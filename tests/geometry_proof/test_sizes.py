from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tiny_tasks import Directed, Plain, Recoloured, Reflecting, Strided, loaded

import img2imgkit as kit
from img2imgkit.errors import GeometryError
from img2imgkit.geometry_proof import allowed_sizes, prove_sizes


class TooModest(Reflecting):
    """Claims to accept 8 pixels but needs 9, in multiples of 4."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(multiple=4, radius=1, minimum=8)


class Indivisible(Strided):
    """Claims to accept any size, but gives other sizes unless they are multiples of 4."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(radius=24)


class OtherChannels(Recoloured):
    """Claims to output grey."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(output_channels=1, radius=1)


class OtherScale(Plain):
    """Claims to enlarge three times."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(scale=3, radius=3)


class Critical(Directed):
    """Translates with its critic."""

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["critic"](inputs["source"])


class Infinite(Plain):
    """Divides by zero."""

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return super().translate(nets, inputs) / 0.0


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (TooModest, r"translate fails on \(2, 8, 8, 3\), which geometry\(\) allows: .*\. Measured: minimum=9$"),
        (Indivisible, r"translate returned \(2, 4, 4, 3\) for \(2, 1, 1, 3\); .*\. Measured: multiple=4$"),
        (OtherChannels, r"returned \(2, 1, 1, 3\) for .* promises \(2, 1, 1, 1\)\. Measured: output_channels=3"),
        (OtherScale, r"promises \(2, 3, 3, 3\)\. Measured: scale=2"),
        (Critical, "translate uses network 'critic', but a bundle contains generators only"),
        (Infinite, "NaN or infinity"),
    ],
)
def test_a_wrong_geometry_is_refused_with_what_was_measured(task: type[kit.Task], said: str) -> None:
    bundle = loaded(task)
    with pytest.raises(GeometryError, match=said):
        prove_sizes(bundle.task, bundle.nets)


@pytest.mark.parametrize("task", [Plain, Recoloured, Reflecting, Strided, Directed])
def test_a_correct_geometry_passes(task: type[kit.Task]) -> None:
    bundle = loaded(task)
    prove_sizes(bundle.task, bundle.nets)


def test_sizes_are_the_smallest_and_larger_ones_in_each_direction() -> None:
    assert allowed_sizes(kit.Geometry(multiple=4, minimum=9)) == ((12, 12), (12, 20), (16, 12), (28, 24))
    assert len(allowed_sizes(kit.Geometry(multiple=64))) == 3
