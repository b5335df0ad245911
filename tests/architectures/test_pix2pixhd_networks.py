"""pix2pixHD's networks: sizes, shared weights, instance-wise pooling; multi-scale critics and their pyramid."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures import InstanceEncoder, NetworkSpec  # noqa: E402
from img2imgkit.architectures.multiscale.network import multiscale_critic  # noqa: E402
from img2imgkit.architectures.pix2pixhd.network import (  # noqa: E402
    instance_encoder,
    pix2pixhd_generator,
    pix2pixhd_image,
    pix2pixhd_model,
    pix2pixhd_networks,
)
from img2imgkit.nn import MeanDown, SpectralConv  # noqa: E402

LOCAL = {"width": 2, "downs": 1, "blocks": 1, "enhancers": 2, "local_blocks": 1}


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


class TestGenerator:
    @pytest.mark.parametrize(("enhancers", "norm"), [(0, "instance"), (1, "batch"), (2, "instance")])
    def test_an_image_has_the_size_of_the_input(self, enhancers: int, norm: Any) -> None:
        options: Any = {**LOCAL, "enhancers": enhancers}
        image = pix2pixhd_generator(5, norm=norm, **options)(images(2, 16, 24, 5), training=True)
        assert image.shape == (2, 16, 24, 3)
        assert np.abs(image).max() < 1

    def test_the_first_stage_fits_into_the_second(self) -> None:
        first, second = pix2pixhd_networks(5, 4, 2, 1), pix2pixhd_networks(5, 2, 2, 1, enhancers=1)
        assert set(first) == {"global", "output"}
        assert set(second) == {"global", "enhancer1"}
        paths = [[(v.path, tuple(v.shape)) for v in networks["global"].weights] for networks in (first, second)]
        assert paths[0] == paths[1]

    def test_the_output_depends_on_every_network(self) -> None:
        networks, seen = pix2pixhd_networks(3, **LOCAL), tf.constant(images(1, 32, 32, 3))
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(pix2pixhd_image(networks, seen, training=True))
        kernels = [v for net in networks.values() for v in net.trainable_variables if v.name == "kernel"]
        assert all(np.abs(each).max() > 0 for each in tape.gradient(total, [v.value for v in kernels]))

    def test_the_one_model_has_the_networks_weights(self) -> None:
        networks = pix2pixhd_networks(3, **LOCAL)
        model, seen = pix2pixhd_model(networks), images(1, 16, 16, 3)
        weights = {id(v) for net in networks.values() for v in net.weights}
        assert {id(v) for v in model.weights} == weights
        np.testing.assert_array_equal(model(seen), pix2pixhd_image(networks, tf.constant(seen)))

    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        networks = pix2pixhd_networks(36, 32)  # a quarter of ngf 64, which has 182,546,755
        count = sum(int(np.prod(v.shape)) for net in networks.values() for v in net.trainable_variables)
        assert count == official_parameters(36, 32)
        assert official_parameters(36, 64) == 182_546_755


def official_parameters(channels: int, width: int) -> int:
    """Of ``GlobalGenerator`` with 4 halvings and 9 blocks."""

    def conv(inside: int, outside: int, size: int = 3) -> int:
        return size**2 * inside * outside + outside

    widths = [width * 2**number for number in range(5)]
    halvings = sum(conv(a, b) for a, b in pairwise(widths))
    doublings = sum(conv(b, a) for a, b in pairwise(widths))
    ends = conv(channels, width, 7) + conv(width, 3, 7)
    return ends + halvings + doublings + 18 * conv(widths[-1], widths[-1])


class TestInstanceEncoder:
    @pytest.mark.parametrize("downs", [1, 3])
    def test_its_geometry_states_the_smallest_size_and_every_other(self, downs: int) -> None:
        chosen, spec = InstanceEncoder(width=2, downs=downs), NetworkSpec(3, 2, norm="instance")
        geometry, encoder = chosen.geometry(spec), chosen.build(spec)
        assert geometry.radius is None
        for side in (geometry.minimum, geometry.minimum + geometry.multiple):
            made = encoder([images(1, side, side, 3), np.zeros((1, side, side, 1), np.int32)])
            assert made.shape == (1, side, side, geometry.written)
        for side in (max(4, 2**downs) - 1, geometry.minimum + geometry.multiple // 2):
            with pytest.raises(Exception, match=r"(?i)pad|shape|broadcast|incompatible|dimensions"):
                encoder([images(1, side, side, 3), np.zeros((1, side, side, 1), np.int32)])

    def test_sizes_may_be_unknown(self) -> None:
        encoder = instance_encoder(out_channels=2, width=2, downs=1)
        run = tf.function(lambda *given: encoder(list(given)), autograph=False)
        whole = tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, None, None, 1), tf.int32)
        traced = run.get_concrete_function(*whole)
        for size in (8, 12):
            photo, ids = tf.constant(images(2, size, 8, 3)), tf.zeros((2, size, 8, 1), tf.int32)
            np.testing.assert_allclose(traced(photo, ids), encoder([photo, ids]), atol=1e-6)

    def test_ids_stay_exact_under_mixed_precision(self) -> None:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            encoder = instance_encoder(out_channels=1, width=2, downs=1)
        finally:
            keras.config.set_dtype_policy(before)
        ids = np.repeat(np.int32([26001, 26002]), 4).reshape(1, 1, 8, 1).repeat(8, axis=1)  # one number in bfloat16
        result = np.asarray(encoder([images(1, 8, 8, 3), ids]))
        assert result.dtype == np.float32
        assert len(np.unique(result)) == 2


class TestCritic:
    @pytest.mark.parametrize("size", [(7, 8), (8, 9), (1, 5)])
    def test_a_smaller_scale_equals_that_of_torch(self, size: tuple[int, int]) -> None:
        x = images(2, *size, 3)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.nan)
        rows, columns = (range(0, side, 2) for side in size)
        wanted = [[np.nanmean(padded[:, r : r + 3, c : c + 3], axis=(1, 2)) for c in columns] for r in rows]
        np.testing.assert_allclose(MeanDown()(x), np.array(wanted).transpose(2, 0, 1, 3), atol=1e-6)

    def test_each_scale_returns_its_features_and_scores(self) -> None:
        found = multiscale_critic(5, 2, 2, 3)(images(2, 32, 48, 5))
        assert [len(scale) for scale in found] == [4, 4, 4]
        assert [tuple(features.shape) for features in found[0]] == [
            *((2, 17, 25, 2), (2, 9, 13, 4), (2, 10, 14, 8), (2, 11, 15, 1))
        ]
        assert [scale[0].shape[1] for scale in found] == [17, 9, 5]

    def test_one_scale_has_the_same_structure_as_several(self) -> None:
        [scale] = multiscale_critic(5, 2, 2, 1)(images(2, 32, 48, 5))
        assert [tuple(features.shape) for features in scale] == [
            *((2, 17, 25, 2), (2, 9, 13, 4), (2, 10, 14, 8), (2, 11, 15, 1))
        ]

    @pytest.mark.parametrize("norm", ["instance", "batch", "none"])
    def test_a_bias_before_a_norm_can_be_left_out(self, norm: Any) -> None:
        model = multiscale_critic(3, 2, 2, 1, norm, spectral=True, use_bias=False)
        biased = [layer.name for layer in model.layers if getattr(layer, "bias", None) is not None]
        between = ["scale0_conv1", "scale0_conv2"]
        assert biased == ["scale0_conv0", *(between if norm == "none" else []), "scale0_conv3"]
        assert [layer.name for layer in model.layers if isinstance(layer, SpectralConv)] == between

    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        count = sum(int(np.prod(v.shape)) for v in multiscale_critic(39).trainable_variables)
        assert count == 2 * (16 * (39 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 128 + 256 + 512 + 1)

    def test_scores_are_float32_under_mixed_precision(self) -> None:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = multiscale_critic(3, 2, 1)
        finally:
            keras.config.set_dtype_policy(before)
        found = model(images(1, 16, 16, 3))
        assert [scale[-1].dtype for scale in found] == ["float32", "float32"]
        assert found[0][0].dtype == "bfloat16"
