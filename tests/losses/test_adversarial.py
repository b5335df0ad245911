"""Adversarial losses: closed forms, values of official code, and means over replicas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import hinge, lsgan, relativistic, vanilla, wasserstein  # noqa: E402

LOSSES: dict[str, Callable[..., Any]] = {
    "vanilla": vanilla,
    "nonsaturating": vanilla,
    "original": vanilla,
    "wgan_softplus": vanilla,
    "lsgan": lsgan,
    "ls": lsgan,
    "hinge": hinge,
    "wgangp": wasserstein,
    "wgan": wasserstein,
    "w": wasserstein,
}
SCORES = np.array([[0.0, 2.0], [-3.0, 0.5]], np.float32)


def mean(terms: Any) -> float:
    return float(np.mean(np.asarray(terms)))


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("loss", "real", "wanted"),
    [
        (vanilla, True, [(softplus(0) + softplus(-2)) / 2, (softplus(3) + softplus(-0.5)) / 2]),
        (vanilla, False, [(softplus(0) + softplus(2)) / 2, (softplus(-3) + softplus(0.5)) / 2]),
        (lsgan, True, [1.0, (16 + 0.25) / 2]),
        (lsgan, False, [2.0, (9 + 0.25) / 2]),
        (hinge, True, [0.5, (4 + 0.5) / 2]),
        (hinge, False, [2.0, 0.75]),
        (wasserstein, True, [-1.0, 1.25]),
        (wasserstein, False, [1.0, -1.25]),
    ],
)
def test_closed_form_per_image(loss: Callable[..., Any], real: bool, wanted: list[float]) -> None:
    np.testing.assert_allclose(loss(SCORES, real), wanted, rtol=1e-6)


@pytest.mark.parametrize("loss", [vanilla, lsgan, hinge, wasserstein])
@pytest.mark.parametrize("shape", [(2,), (2, 2), (2, 1, 2, 1)])
def test_scores_of_any_rank_give_one_float32_per_image(loss: Callable[..., Any], shape: tuple[int, ...]) -> None:
    from keras import ops

    scores = ops.cast(np.resize(SCORES, shape), "bfloat16")
    result = loss(scores, True)
    assert tuple(result.shape) == (2,)
    assert result.dtype == np.float32


def test_smoothing_moves_the_label_of_real_only() -> None:
    np.testing.assert_allclose(lsgan(SCORES, True, smoothing=0.1), np.mean((SCORES - 0.9) ** 2, axis=1), rtol=1e-6)
    wanted = 0.9 * np.asarray(vanilla(SCORES, True)) + 0.1 * np.asarray(vanilla(SCORES, False))
    np.testing.assert_allclose(vanilla(SCORES, True, smoothing=0.1), wanted, rtol=1e-6)
    for loss in (vanilla, lsgan):
        np.testing.assert_array_equal(loss(SCORES, False, smoothing=0.1), loss(SCORES, False))


def test_vanilla_stays_finite_for_extreme_scores() -> None:
    scores = np.array([[-1e4], [1e4]], np.float32)
    np.testing.assert_allclose(vanilla(scores, True), [1e4, 0.0])


@pytest.mark.parametrize("loss", [vanilla, lsgan, hinge, wasserstein])
def test_relativistic_scores_are_relative_to_the_mean_of_the_others(loss: Callable[..., Any]) -> None:
    others = np.array([[1.0], [4.0]], np.float32)
    np.testing.assert_allclose(relativistic(loss, SCORES, others, True), loss(SCORES - 2.5, True), rtol=1e-6)


@pytest.mark.usefixtures("two_cpus")
def test_relativistic_averages_over_replicas_and_so_does_its_gradient() -> None:
    import tensorflow as tf

    scores, others = np.array([[0.5], [2.0]], np.float32), np.array([[-1.0], [4.0]], np.float32)
    weight = tf.Variable(1.0)

    def share(scores: Any, others: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(relativistic(lsgan, scores, weight * others, True)) / 2
        return total, tape.gradient(total, weight)

    strategy = backend.mirrored_cpus(2)

    def parted(values: np.ndarray) -> Any:
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(values[context.replica_id_in_sync_group :][:1])
        )

    shares = strategy.run(tf.function(share, autograph=False), args=(parted(scores), parted(others)))
    both = [float(strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None)) for each in shares]
    np.testing.assert_allclose(both, [float(each) for each in share(scores, others)], rtol=1e-6)


class TestOfficial:
    @pytest.mark.parametrize(
        "name",
        [
            name
            for library in ("junyanz", "SPADE", "BasicSR", "CUT")
            for name in official.names(f"{library}.GANLoss")
            if ".multi." not in name
        ],
    )
    def test_single_maps(self, name: str) -> None:
        given = official.entry(name)
        loss = LOSSES[given.args.get("gan_mode") or given.args["gan_type"]]
        by_generator = given.args.get("for_discriminator") is False or given.args.get("is_disc") is False
        weight = given.args.get("loss_weight", 1.0) if by_generator else 1.0
        real = given.args["target_is_real"]
        if loss is hinge and by_generator:
            loss, real = wasserstein, True
        label = {"smoothing": 1 - given.args["target_real_label"]} if "target_real_label" in given.args else {}
        result = np.asarray(loss(given.inputs["pred"], real, **label))
        wanted = given.value
        np.testing.assert_allclose(weight * (result if np.ndim(wanted) else result.mean()), wanted, rtol=1e-6)

    @pytest.mark.parametrize("name", [n for n in official.names("SPADE.GANLoss") if ".multi." in n])
    def test_spade_takes_the_mean_over_scales(self, name: str) -> None:
        given = official.entry(name)
        loss, real = LOSSES[given.args["gan_mode"]], given.args["target_is_real"]
        if loss is hinge and not given.args["for_discriminator"]:
            loss = wasserstein
        result = [mean(loss(maps[-1], real)) for maps in given.inputs["multi_feat"]]
        assert np.mean(result) == pytest.approx(given.value, rel=1e-6)

    def test_basicsr_takes_the_mean_over_scales(self) -> None:
        given = official.entry("BasicSR.MultiScaleGANLoss.hinge.D")
        result = [mean(hinge(maps[-1], True)) for maps in given.inputs["multi_feat"]]
        assert np.mean(result) == pytest.approx(given.value, rel=1e-6)

    @pytest.mark.parametrize("name", official.names("pix2pixHD.GANLoss"))
    def test_pix2pixhd_takes_the_sum_over_scales(self, name: str) -> None:
        given = official.entry(name)
        (maps,) = given.inputs.values()
        last = [scale[-1] for scale in maps] if isinstance(maps[0], list) else [maps[-1]]
        loss = lsgan if given.args["use_lsgan"] else vanilla
        if loss is vanilla:  # the official critic ends in a sigmoid there, ours in logits
            chances = [scores.astype(np.float64) for scores in last]
            last = [np.log(each / (1 - each)) for each in chances]
        result = sum(mean(loss(scores, given.args["target_is_real"])) for scores in last)
        assert result == pytest.approx(given.value, rel=1e-6)

    @pytest.mark.parametrize("name", official.names("BasicSR.ESRGAN.relativistic"))
    def test_esrgan_halves_relativistic_losses(self, name: str) -> None:
        given = official.entry(name)
        loss = LOSSES[given.args["gan_type"]]
        real, fake = given.inputs["d_pred_real"], given.inputs["d_pred_fake"]
        generator = mean(relativistic(loss, real, fake, False)) + mean(relativistic(loss, fake, real, True))
        assert given.args["loss_weight"] * generator / 2 == pytest.approx(given.expected["l_g_gan"], rel=1e-6)
        assert mean(relativistic(loss, real, fake, True)) / 2 == pytest.approx(given.expected["l_d_real"], rel=1e-6)
        assert mean(relativistic(loss, fake, real, False)) / 2 == pytest.approx(given.expected["l_d_fake"], rel=1e-6)

    def test_funit_hinge_on_the_channel_of_the_class(self) -> None:
        given = official.entry("FUNIT.GPPatchMcResDis.losses")
        critic = official.critic("funit_critic")

        def scores(images: np.ndarray) -> np.ndarray:
            maps = np.asarray(critic(images))
            return np.stack([each[..., label] for each, label in zip(maps, given.inputs["y"], strict=True)])

        real, fake = scores(given.inputs["x_real"]), scores(given.inputs["x_fake"])
        np.testing.assert_allclose(real, given.expected["resp_real"], atol=1e-5)
        assert mean(hinge(real, True)) == pytest.approx(given.expected["dis_real_loss"], rel=1e-6)
        assert mean(hinge(fake, False)) == pytest.approx(given.expected["dis_fake_loss"], rel=1e-6)
        assert mean(wasserstein(fake, True)) == pytest.approx(given.expected["gen_loss"], rel=1e-6)
