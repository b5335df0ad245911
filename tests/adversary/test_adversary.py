"""The options of every critic: the random numbers that they draw and the terms that they compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from img2imgkit import Catalog, backend, resolve
from img2imgkit.adversary import Adversary, Penalty
from img2imgkit.components import Component
from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError

backend.load()

from keras import ops  # noqa: E402

from img2imgkit import losses  # noqa: E402

RANDOM = np.random.default_rng(3)
REAL, FAKE = RANDOM.uniform(-1, 1, (2, 3, 8, 8, 3)).astype(np.float32)


def made(**options: Any) -> Adversary:
    """With components by name."""
    return resolve(Adversary(**options), Catalog.installed({}))


def relativistic(loss: str | Component = "lsgan") -> dict[str, Any]:
    return {"kind": "relativistic", "loss": loss}


def judge(x: Any) -> Any:
    """A critic of one patch per two pixels, not linear."""
    return ops.average_pool(ops.sum(x + 0.5 * x * x, axis=-1, keepdims=True), 2, 2)


def drawn(adversary: Adversary, name: str = "critic", seed: int = 5) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    images = [adversary.draw(random, REAL.shape[1:], name) for _ in REAL]
    return {key: np.stack([image[key] for image in images]) for key in images[0]}


class TestOptions:
    def test_all_can_be_configured_in_a_file(self) -> None:
        stated = """{loss: {kind: relativistic, loss: {kind: vanilla, smoothing: 0.1}}, penalty: r1,
            augment: [color, cutout], spectral: true}"""
        adversary = resolve(validate(Adversary, parse_yaml(stated, "t.yaml")), Catalog.installed({}))
        assert [each.kind for each in adversary.augment] == ["color", "cutout"]
        assert adversary.model_dump(mode="json") == {
            "loss": {"kind": "relativistic", "loss": {"kind": "vanilla", "smoothing": 0.1}},
            "penalty": {"kind": "r1"},
            "augment": [{"kind": "color"}, {"kind": "cutout"}],
            "spectral": True,
        }

    @pytest.mark.parametrize("loss", ["hinge", "wasserstein"])
    def test_smoothing_without_labels_is_refused(self, loss: str) -> None:
        with pytest.raises(ConfigError, match="smoothing"):
            made(loss={"kind": loss, "smoothing": 0.1})

    def test_a_relativistic_loss_accepts_pointwise_losses_only(self) -> None:
        with pytest.raises(ConfigError, match="this option needs the role pointwise"):
            made(loss=relativistic(relativistic()))  # type: ignore[arg-type]

    def test_an_augmentation_listed_twice_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="augment lists an augmentation twice: color, color"):
            Adversary(augment=("color", "color"))


class TestDraw:
    @pytest.mark.parametrize(
        ("options", "keys"),
        [
            ({}, set()),
            ({"penalty": "r1"}, set()),
            ({"penalty": "r2"}, set()),
            ({"penalty": "wgan_gp"}, {"d_mix"}),
            ({"penalty": "zero_centred"}, {"d_mix"}),
            ({"penalty": "dragan"}, {"d_mix", "d_noise"}),
            ({"augment": ("color", "translation", "cutout")}, {"d_color", "d_translation", "d_cutout"}),
        ],
    )
    def test_only_needed_numbers_are_drawn(self, options: dict[str, Any], keys: set[str]) -> None:
        batch = made(**options).draw(np.random.default_rng(0), (8, 8, 3), "d")
        assert set(batch) == keys
        for numbers in batch.values():
            assert numbers.dtype == np.float32
            assert ((numbers >= 0) & (numbers < 1)).all()

    def test_name_clashes_of_random_numbers_are_refused(self) -> None:
        class Coloured(Penalty):
            """A penalty with numbers called as an augmentation is."""

            name = "coloured"

            def draw(self, random: np.random.Generator, shape: Any) -> dict[str, np.ndarray]:
                return {"color": random.random(2)}

            def __call__(self, critic: Any, real: Any, fake: Any, drawn: Any) -> Any:
                return drawn["color"]

        with pytest.raises(ValueError, match="penalty 'coloured' and an augmentation both draw color"):
            made(penalty=Coloured(), augment=("color",)).draw(np.random.default_rng(0), (8, 8, 3))

    def test_noise_has_the_shape_of_the_critics_input(self) -> None:
        assert made(penalty="dragan").draw(np.random.default_rng(0), (8, 4, 6))["critic_noise"].shape == (8, 4, 6)


class TestTerms:
    @pytest.mark.parametrize("loss", ["vanilla", "lsgan", "hinge", "wasserstein"])
    def test_the_critic_has_a_loss_for_real_and_for_fake(self, loss: Any) -> None:
        real, fake = made(loss=loss).critic(judge, REAL, FAKE, {})
        pays = getattr(losses, loss)
        np.testing.assert_allclose(real, pays(judge(REAL), True), rtol=1e-6)
        np.testing.assert_allclose(fake, pays(judge(FAKE), False), rtol=1e-6)

    @pytest.mark.parametrize("loss", ["vanilla", "lsgan", "wasserstein"])
    def test_the_generator_loss_labels_fakes_as_real(self, loss: Any) -> None:
        result = made(loss=loss).generator(judge, FAKE, REAL, {})
        np.testing.assert_allclose(result, getattr(losses, loss)(judge(FAKE), True), rtol=1e-6)

    def test_with_hinge_the_generator_loss_is_the_negated_score(self) -> None:
        result = made(loss="hinge").generator(judge, FAKE, REAL, {})
        np.testing.assert_allclose(result, -np.mean(judge(FAKE), axis=(1, 2, 3)), rtol=1e-6)

    def test_smoothing_affects_the_critic_only(self) -> None:
        smooth, plain = made(loss={"kind": "lsgan", "smoothing": 0.1}), made()
        np.testing.assert_allclose(
            smooth.critic(judge, REAL, FAKE, {})[0], losses.lsgan(judge(REAL), True, smoothing=0.1), rtol=1e-6
        )
        np.testing.assert_array_equal(smooth.critic(judge, REAL, FAKE, {})[1], plain.critic(judge, REAL, FAKE, {})[1])
        np.testing.assert_array_equal(smooth.generator(judge, FAKE, REAL, {}), plain.generator(judge, FAKE, REAL, {}))

    def test_only_a_relativistic_generator_loss_scores_real_images(self) -> None:
        seen = []

        def counting(x: Any) -> Any:
            seen.append(x)
            return judge(x)

        made().generator(counting, FAKE, REAL, {})
        assert len(seen) == 1
        made(loss=relativistic()).generator(counting, FAKE, REAL, {})
        assert len(seen) == 3

    @pytest.mark.parametrize("loss", ["vanilla", "lsgan", "hinge"])
    def test_relativistic_terms_compare_with_the_opposite_images(self, loss: Any) -> None:
        adversary, pays = made(loss=relativistic(loss)), getattr(losses, loss)
        of_real, of_fake = np.asarray(judge(REAL)), np.asarray(judge(FAKE))
        up, down = of_real - of_fake.mean(), of_fake - of_real.mean()
        real, fake = adversary.critic(judge, REAL, FAKE, {})
        np.testing.assert_allclose(real, pays(up, True), rtol=1e-5)
        np.testing.assert_allclose(fake, pays(down, False), rtol=1e-5)
        wanted = (np.asarray(pays(up, False)) + np.asarray(pays(down, True))) / 2
        np.testing.assert_allclose(adversary.generator(judge, FAKE, REAL, {}), wanted, rtol=1e-5)

    @pytest.mark.parametrize("loss", ["lsgan", relativistic()])
    def test_losses_are_averaged_over_scales(self, loss: Any) -> None:
        adversary = made(loss=loss)

        def coarse(x: Any) -> Any:
            return ops.average_pool(judge(x), 2, 2)

        def both(x: Any) -> Any:
            return [judge(x), coarse(x)]

        for terms in (
            lambda j: adversary.generator(j, FAKE, REAL, {}),
            lambda j: adversary.critic(j, REAL, FAKE, {})[0],
            lambda j: adversary.critic(j, REAL, FAKE, {})[1],
        ):
            wanted = (np.asarray(terms(judge)) + np.asarray(terms(coarse))) / 2
            np.testing.assert_allclose(terms(both), wanted, rtol=1e-6)


class TestPenalties:
    @pytest.mark.parametrize("penalty", ["wgan_gp", "r1", "r2", "dragan", "zero_centred"])
    def test_each_penalty_is_taken_at_its_points(self, penalty: Any) -> None:
        adversary = made(penalty=penalty)
        batch = drawn(adversary)
        mixed = losses.interpolate(REAL, FAKE, batch.get("critic_mix", np.zeros(3, np.float32)))
        wanted = {
            "wgan_gp": lambda: losses.gradient_penalty(judge, mixed),
            "zero_centred": lambda: losses.squared_gradient(judge, mixed),
            "r1": lambda: losses.squared_gradient(judge, REAL),
            "r2": lambda: losses.squared_gradient(judge, FAKE),
            "dragan": lambda: losses.gradient_penalty(
                judge, losses.dragan_points(REAL, batch["critic_noise"], batch["critic_mix"])
            ),
        }[penalty]()
        result = adversary.penalise(judge, REAL, FAKE, batch)
        assert tuple(result.shape) == (3,)
        np.testing.assert_allclose(result, wanted, rtol=1e-6)

    def test_without_a_penalty_the_term_is_zero(self) -> None:
        np.testing.assert_array_equal(made().penalise(judge, REAL, FAKE, {}), np.zeros(3))

    def test_the_gradient_includes_all_scales(self) -> None:
        adversary = made(penalty="r1")
        twice = adversary.penalise(lambda x: [judge(x), judge(x)], REAL, FAKE, {})
        np.testing.assert_allclose(twice, 4 * np.asarray(adversary.penalise(judge, REAL, FAKE, {})), rtol=1e-6)


class TestAugmentation:
    ADVERSARY = made(augment=("color", "translation", "cutout"), penalty="wgan_gp")

    def test_real_and_fake_at_one_position_are_augmented_alike(self) -> None:
        batch = drawn(self.ADVERSARY)
        same = self.ADVERSARY.critic(lambda x: x, REAL, REAL, batch)
        shown = np.asarray(self.ADVERSARY.through(lambda x: x, batch)(REAL))
        np.testing.assert_allclose(same[0], losses.lsgan(shown, True), rtol=1e-6)
        np.testing.assert_allclose(same[1], losses.lsgan(shown, False), rtol=1e-6)

    def test_it_depends_on_the_batch_alone(self) -> None:
        first, again, other = (
            np.asarray(self.ADVERSARY.generator(judge, FAKE, REAL, drawn(self.ADVERSARY, seed=seed)))
            for seed in (5, 5, 6)
        )
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()

    def test_critics_that_share_a_batch_have_their_own_random_numbers(self) -> None:
        a, b = drawn(self.ADVERSARY, "a", seed=1), drawn(self.ADVERSARY, "b", seed=2)
        assert not set(a) & set(b)
        for name, alone in (("a", a), ("b", b)):
            np.testing.assert_array_equal(
                self.ADVERSARY.penalise(judge, REAL, FAKE, a | b, name),
                self.ADVERSARY.penalise(judge, REAL, FAKE, alone, name),
            )

    def test_gradients_reach_the_generator(self) -> None:
        import tensorflow as tf

        fake = tf.Variable(FAKE)

        @tf.function(autograph=False)
        def gradient() -> Any:
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(self.ADVERSARY.generator(judge, fake, REAL, drawn(self.ADVERSARY)))
            return tape.gradient(total, fake)

        result = gradient().numpy()
        assert np.isfinite(result).all()
        assert (result != 0).mean() > 0.2
