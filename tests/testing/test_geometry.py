"""Verification of sizes and channels: minimum sizes, output channels, generators only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tiny_tasks import Directed, Recoloured, Reflecting, loaded

import img2imgkit as kit
from img2imgkit import backend
from img2imgkit.testing.geometry import check_pictures, check_radius, check_sizes, measured_reach

GOOD = [
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


class OtherChannels(Recoloured):
    """Claims to output grey."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(output_channels=1, radius=1)


class Critical(Directed):
    """Translates with its critic."""

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["critic"](inputs["source"])


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (TooModest, r"translate fails on \(2, 8, 8, 3\), which geometry\(\) allows"),
        (OtherChannels, r"translate returned \(2, 1, 1, 3\) for .* promises \(2, 1, 1, 1\)"),
        (Critical, "translate uses network 'critic', but a bundle contains generators only"),
    ],
)
def test_a_task_with_a_wrong_geometry_is_caught(task: type[kit.Task], said: str) -> None:
    backend.load()
    made = task()
    with pytest.raises(AssertionError, match=said):
        check_sizes(made, made.build())


class Deadened(Reflecting):
    """A norm followed by a rectifier hides a distant dependency."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(radius=9)

    def build(self) -> kit.Networks:
        import keras
        from keras import layers

        image = keras.Input((None, None, 3))
        passed = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(1, 3, padding="same")(image)) - 2.0)
        far = layers.Conv2D(3, 3, dilation_rate=8, padding="same")(passed)
        return kit.Networks({"generator": keras.Model(image, layers.Conv2D(3, 1)(image) + far)})


def test_a_norm_before_a_rectifier_does_not_hide_the_reach() -> None:
    bundle = loaded(Deadened)
    before = bundle.nets["generator"].get_weights()
    assert measured_reach(bundle.task, bundle.nets, 33) == 9
    assert all((a == b).all() for a, b in zip(before, bundle.nets["generator"].get_weights(), strict=True))
