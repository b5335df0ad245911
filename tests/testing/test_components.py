"""Contract tests for losses: the built-in ones pass, and each clause catches its violation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import img2imgkit as kit
from img2imgkit import backend, resolve
from img2imgkit.adversary import AdversarialLossChoice, Color, Lsgan, Relativistic, Vanilla, WganGp
from img2imgkit.image_losses import L1
from img2imgkit.testing import check_adversarial_loss, check_augmentation, check_loss, check_penalty

backend.load()

from keras import ops  # noqa: E402

OWN = kit.Catalog(tuple(plugin for plugin in kit.Catalog.installed({}).plugins if plugin.own))


@pytest.mark.parametrize("name", OWN.losses)
def test_losses_keep_their_contract(name: str) -> None:
    check_loss(OWN.losses[name]())


@pytest.mark.parametrize("name", OWN.adversarial_losses)
def test_adversarial_losses_keep_their_contract(name: str) -> None:
    check_adversarial_loss(OWN.adversarial_losses[name]())


@pytest.mark.parametrize("loss", [Vanilla(smoothing=0.2), Relativistic(loss=AdversarialLossChoice.read("hinge"))])
def test_adversarial_losses_keep_it_with_other_options(loss: kit.AdversarialLoss) -> None:
    check_adversarial_loss(resolve(loss, OWN))


@pytest.mark.parametrize("name", OWN.penalties)
def test_penalties_keep_their_contract(name: str) -> None:
    check_penalty(OWN.penalties[name]())


def test_a_penalty_keeps_it_with_other_options() -> None:
    check_penalty(WganGp(target=0.0, epsilon=1e-16, per_pixel=True))


@pytest.mark.parametrize("name", OWN.augmentations)
def test_augmentations_keep_their_contract(name: str) -> None:
    check_augmentation(OWN.augmentations[name]())


def loss_of(call: Any, base: type[Any] = L1) -> Any:
    return type("Broken", (base,), {"__call__": call, "__doc__": "Broken.", "name": "broken", "__module__": __name__})()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda self, image, target: ops.mean(ops.abs(image - target)), r"must be \(3,\) float32"),
        (lambda self, image, target: ops.mean(ops.abs(image - target), (1, 2, 3)) / 0.0, "is not finite"),
        (
            lambda self, image, target: ops.mean(ops.abs(image - ops.mean(target, 0)), (1, 2, 3)),
            "an image's loss depends on its batch",
        ),
        (lambda self, image, target: ops.mean(ops.abs(ops.round(image) - target), (1, 2, 3)), "has no gradient"),
        (lambda self, image, target: -ops.mean(ops.abs(image - target), (1, 2, 3)), "the loss of equal images is"),
    ],
)
def test_a_broken_loss_is_caught(call: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_loss(loss_of(call))


class Blind(Lsgan):
    """Rewards nobody."""

    name = "blind"

    def cost(self, scores: Any, real: bool) -> Any:
        return super().cost(-scores, real)


class Comparing(Lsgan):
    """Compares without declaring it."""

    name = "comparing"

    def generator(self, of_fake: Any, of_real: Any) -> Any:
        return self.cost(of_fake, True) + self.cost(of_real, False)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (Blind(), "give the generator a loss of"),
        (Comparing(), "depends on the scores of real images, but 'compares' is false"),
    ],
)
def test_a_broken_adversarial_loss_is_caught(loss: kit.AdversarialLoss, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_adversarial_loss(loss)


class Unseeded(WganGp):
    """Draws from another random generator."""

    name = "unseeded"

    def draw(self, random: np.random.Generator, shape: Any) -> Any:
        return {"mix": np.float32(np.random.default_rng().random())}


class Detached(WganGp):
    """Gives the critic no gradient."""

    name = "detached"

    def __call__(self, critic: Any, real: Any, fake: Any, drawn: Any) -> Any:
        return ops.stop_gradient(super().__call__(critic, real, fake, drawn))


@pytest.mark.parametrize(
    ("penalty", "said"), [(Unseeded(), "different results for the same seed"), (Detached(), "has no gradient")]
)
def test_a_broken_penalty_is_caught(penalty: kit.Penalty, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_penalty(penalty)


def augmentation_of(call: Any) -> Any:
    return loss_of(lambda self, image, drawn: call(image, drawn[:, :1, None, None]), Color)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda image, drawn: image[:, 1:], "the shape must not change"),
        (lambda image, drawn: image + np.inf, "contain NaN or infinity"),
        (lambda image, drawn: image + ops.cast(ops.mean(drawn), image.dtype), "the other images of its batch"),
        (lambda image, drawn: ops.cast(image, "float32") + drawn, "the dtype must not change"),
        (lambda image, drawn: ops.stop_gradient(image), "the augmented image has no gradient"),
    ],
)
def test_a_broken_augmentation_is_caught(call: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_augmentation(augmentation_of(call))
