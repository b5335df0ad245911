"""The receptive radius that is measured is the true one, whatever the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Painted, Plain, Reflecting, loaded

import img2imgkit as kit
from img2imgkit.errors import GeometryError
from img2imgkit.geometry_proof import measured_reach, prove_radius


class Convolved(Plain):
    """One convolution after the other."""

    class Options(Plain.Options):
        kernels: tuple[int, ...] = (3,)
        dilation: int = 1
        activation: str = "linear"
        stated: int = 1

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(radius=self.options.stated)

    def network(self, image: Any) -> Any:
        from keras import layers

        chosen, x = self.options, image
        for size in chosen.kernels:
            x = layers.Conv2D(3, size, padding="same", dilation_rate=chosen.dilation, activation=chosen.activation)(x)
        return x


@pytest.mark.parametrize(
    ("options", "reach"),
    [
        ({"kernels": (1,)}, 0),
        ({}, 1),
        ({"kernels": (5,)}, 2),
        ({"dilation": 4}, 4),
        ({"kernels": (3,) * 7, "activation": "relu"}, 7),
    ],
)
def test_the_measured_reach_is_the_receptive_field(options: dict[str, Any], reach: int) -> None:
    bundle = loaded(Convolved, **options)
    before = bundle.nets["generator"].get_weights()
    assert measured_reach(bundle.task, bundle.nets, (25, 25)) == reach
    assert all(np.array_equal(a, b) for a, b in zip(before, bundle.nets["generator"].get_weights(), strict=True))


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
    assert measured_reach(bundle.task, bundle.nets, (33, 33)) == 9


class Zeroed(Plain):
    """A residual branch that a factor and a last layer of zeros switch off until they are trained."""

    def build(self) -> kit.Networks:
        import keras
        from keras import layers

        image = keras.Input((None, None, 3))
        branch = layers.Conv2D(3, 9, padding="same", kernel_initializer="zeros")(image)
        gated = layers.LayerNormalization(gamma_initializer="zeros", name="gate")(branch)
        return kit.Networks({"generator": keras.Model(image, image + gated)})


def test_weights_that_are_zero_before_training_hide_nothing() -> None:
    bundle = loaded(Zeroed, scale=1)
    assert measured_reach(bundle.task, bundle.nets, (15, 15)) == 4


@pytest.mark.parametrize(("stated", "size"), [(1, 7), (8, 23)])
def test_a_radius_that_is_too_small_is_refused_with_the_true_one(stated: int, size: int) -> None:
    bundle = loaded(Convolved, kernels=(21, 3), stated=stated)
    said = rf"states radius={stated}, but output pixels depend on inputs 11 pixels away.* Measured: radius=11$"
    with pytest.raises(GeometryError, match=said):
        prove_radius(bundle.task, bundle.nets, ((size, size),))
    with pytest.raises(GeometryError, match=said):
        prove_radius(bundle.task, bundle.nets, ((8, size), (size, 8)))


def test_without_time_for_a_larger_picture_what_was_seen_is_a_lower_bound() -> None:
    bundle = loaded(Convolved, kernels=(31,), stated=1)
    with pytest.raises(GeometryError, match=r"inputs at least 3 pixels away"):
        prove_radius(bundle.task, bundle.nets, ((7, 7),), fits=lambda size: False)


@pytest.mark.parametrize("size", [(8, 20), (20, 8)])
def test_a_reach_in_one_direction_is_seen_in_a_strip_of_this_direction(size: tuple[int, int]) -> None:
    class Wide(Convolved):
        """A kernel of one row."""

        def network(self, image: Any) -> Any:
            from keras import layers

            return layers.Conv2D(3, (1, 13), padding="same")(image)

    bundle = loaded(Wide, stated=2)
    assert measured_reach(bundle.task, bundle.nets, size) == (6 if size[1] > 8 else 4)


class Blurred(Painted):
    """Label maps whose colours are blurred: ids have no gradient."""

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(multiple=4, channels=1, output_channels=3, ids=4, unknown=True, radius=2)

    def build(self) -> kit.Networks:
        import keras

        image = keras.Input((None, None, 4))
        return kit.Networks({"generator": keras.Model(image, keras.layers.Conv2D(3, 7, padding="same")(image))})


def test_the_reach_of_label_maps_is_measured_by_changing_them() -> None:
    bundle = loaded(Blurred)
    with pytest.raises(GeometryError, match=r"states radius=2, .* inputs 3 pixels away"):
        prove_radius(bundle.task, bundle.nets, ((20, 20),))


def test_a_label_map_that_is_ignored_has_no_reach() -> None:
    class Ignored(Blurred):
        """Black for every map."""

        def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
            return 0.0 * super().translate(nets, inputs)

    bundle = loaded(Ignored)
    assert measured_reach(bundle.task, bundle.nets, (20, 20)) is None
