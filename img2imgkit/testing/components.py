"""Contract tests for losses, adversarial losses, penalties, augmentations and degradations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from img2imgkit import backend
from img2imgkit.adversary import AdversarialLoss, Augmentation, Penalty
from img2imgkit.degradations import Degradation
from img2imgkit.image_losses import Loss
from img2imgkit.testing.claims import check_component, expect

_SEED = 7
_IMAGES, _SIDE = 3, 24
_NOISE = (1e-3, 0.1, 1.0)  # standard deviations
Arrays = dict[str, np.ndarray]


def check_loss(loss: Loss) -> None:
    """Verify the contract of a loss: one finite number per image, from that image alone, with a gradient.

    With the role "reconstruction", it must be minimal for equal images.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_component(loss)
    side = max(loss.minimum, _SIDE)
    image, target = np.random.default_rng(_SEED).uniform(-1, 1, (2, _IMAGES, side, side, 3)).astype(np.float32)
    apart = _per_image(loss(image, target), "the loss")
    alone = np.concatenate([np.asarray(loss(image[at : at + 1], target[at : at + 1])) for at in range(_IMAGES)])
    expect(np.allclose(apart, alone, rtol=1e-4), f"an image's loss depends on its batch: {alone} alone, {apart} in it")
    _passes_gradient(lambda x: loss(x, target), image, "the loss")
    if "reconstruction" in loss.roles:
        equal, rng = _per_image(loss(target, target), "the loss of equal images"), np.random.default_rng(_SEED)
        for strength in _NOISE:
            noisy = np.asarray(loss(target + rng.normal(0, strength, target.shape).astype(np.float32), target))
            expect(
                (equal <= noisy).all(),
                f"the loss of equal images is {equal}, but with noise of {strength} it is less: {noisy}",
            )


def check_adversarial_loss(loss: AdversarialLoss) -> None:
    """Verify the contract of an adversarial loss: shapes, gradients, and that better scores lower each player's loss.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_component(loss)
    rng = np.random.default_rng(_SEED)
    for shape in ((_IMAGES, 1), (_IMAGES, 4, 5, 1)):
        low, high = (rng.uniform(*ends, shape).astype(np.float32) for ends in ((-0.5, -0.2), (0.2, 0.5)))
        _check_values(loss, low, high)
        _check_values(loss, 100 * low, 100 * high)
        _check_rewards(loss, low, high)


def _check_values(loss: AdversarialLoss, low: np.ndarray, high: np.ndarray) -> None:
    _per_image(loss.generator(low, high), "the generator's loss")
    for origin, value in zip(("real", "generated"), loss.critic(low, high), strict=True):
        _per_image(value, f"the critic's loss on {origin} images")


def _check_rewards(loss: AdversarialLoss, low: np.ndarray, high: np.ndarray) -> None:
    _passes_gradient(lambda x: loss.generator(x, high), low, "the generator's loss")
    _passes_gradient(lambda x: loss.critic(x, high)[0], low, "the critic's loss on real images")
    _passes_gradient(lambda x: loss.critic(low, x)[1], high, "the critic's loss on generated images")
    before, after = (np.sum(loss.generator(scores, high)) for scores in (low, low + 0.1))
    expect(
        after < before,
        f"higher scores of generated images give the generator a loss of {after}, not less than {before}",
    )
    before, after = (np.sum(loss.critic(low + by, high - by)) for by in (0.0, 0.1))
    expect(
        after < before,
        f"scores that separate real from generated give the critic a loss of {after}, not less than {before}",
    )
    compares = not np.allclose(loss.generator(low, high), loss.generator(low, 0.5 * high))
    expect(
        loss.compares or not compares,
        f"{loss.name}: the generator's loss depends on the scores of real images, but 'compares' is false",
    )


def check_penalty(penalty: Penalty) -> None:
    """Verify the contract of a penalty: deterministic float32 draws, one number per image, a gradient for the critic.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    from keras import ops

    check_component(penalty)
    drawn = _drawn(penalty.draw, (_SIDE, _SIDE, 3))
    real, fake = np.random.default_rng(_SEED).uniform(-1, 1, (2, _IMAGES, _SIDE, _SIDE, 3)).astype(np.float32)

    def penalty_of(weight: Any) -> Any:
        return penalty(lambda x: ops.sum(weight * ops.sin(3.0 * x)), real, fake, drawn)

    weight = np.full((3,), 0.5, np.float32)
    _per_image(penalty_of(weight), "the penalty")
    _passes_gradient(penalty_of, weight, "the penalty, with respect to the critic's weights,")


def check_augmentation(augmentation: Augmentation) -> None:
    """Verify the contract of an augmentation: deterministic draws, unchanged shapes and dtypes, and gradients.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_component(augmentation)
    for channels in (1, 3, 6):
        _check_change(augmentation, (_SIDE, _SIDE - 5, channels))


def _check_change(augmentation: Augmentation, shape: Sequence[int]) -> None:
    from keras import ops

    numbers = _drawn(lambda rng, shape: {"numbers": augmentation.draw(rng, shape)}, shape)["numbers"]
    images = np.random.default_rng(_SEED).uniform(-1, 1, (_IMAGES, *shape)).astype(np.float32)
    changed = np.asarray(augmentation(images, numbers))
    expect(changed.shape == images.shape, f"images of {images.shape} became {changed.shape}; the shape must not change")
    expect(np.isfinite(changed).all(), "augmented images contain NaN or infinity")
    alone = np.concatenate([augmentation(images[at : at + 1], numbers[at : at + 1]) for at in range(_IMAGES)])
    expect(np.allclose(changed, alone, atol=1e-5), "an image depends on the other images of its batch")
    half = augmentation(ops.cast(images, "bfloat16"), numbers)
    expect(half.dtype == "bfloat16", f"bfloat16 images became {half.dtype}; the dtype must not change")

    def augmented(x: Any) -> Any:
        return ops.sin(augmentation(x, numbers))

    _passes_gradient(augmented, images, "the augmented image")
    _passes_gradient(lambda x: backend.input_gradient(augmented, x), images, "its gradient")


def _drawn(
    draw: Callable[[np.random.Generator, Sequence[int]], Mapping[str, np.ndarray]], shape: Sequence[int]
) -> Arrays:
    """The draws of ``_IMAGES`` images."""
    first, again = (
        [draw(rng, shape) for _ in range(_IMAGES)]
        for rng in (np.random.default_rng(_SEED), np.random.default_rng(_SEED))
    )
    for one, other in zip(first, again, strict=True):
        same = one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
        expect(same, "draw returned different results for the same seed; use no randomness but 'random'")
        wrong = {key: str(np.asarray(value).dtype) for key, value in one.items() if value.dtype != np.float32}
        expect(not wrong, f"draw must return float32 arrays, returned {wrong}")
    return {key: np.stack([each[key] for each in first]) for key in first[0]}


def _per_image(values: Any, what: str) -> np.ndarray:
    """The values as an array; must be one finite float32 number per image."""
    shape, dtype = tuple(values.shape), str(np.asarray(values).dtype)
    expect((shape, dtype) == ((_IMAGES,), "float32"), f"{what} must be ({_IMAGES},) float32, is {shape} {dtype}")
    expect(np.isfinite(values).all(), f"{what} is not finite: {np.asarray(values)}")
    return np.asarray(values)


def _passes_gradient(function: Callable[[Any], Any], x: np.ndarray, what: str) -> None:
    from keras import ops

    gradient = np.asarray(backend.input_gradient(function, ops.convert_to_tensor(x)))
    expect(np.isfinite(gradient).all(), f"{what} has a gradient that is not finite")
    expect(np.abs(gradient).max() > 0, f"{what} has no gradient")


def check_degradation(degradation: Degradation) -> None:
    """Verify the contract of a degradation: output size, 8-bit levels, and dependence on its arguments alone.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_component(degradation)
    picture = np.random.default_rng(_SEED).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    for scale in (1, 2, 3):
        kept = picture.copy()
        first, again = (degradation.apply(picture, scale, np.random.default_rng(_SEED)) for _ in range(2))
        factor = scale if degradation.shrinks else 1
        wanted = (24 // factor, 36 // factor, 3)
        returned = (first.shape, str(first.dtype))
        expect(
            returned == (wanted, "uint8"), f"at scale {scale} it must return {wanted} uint8, but returned {returned}"
        )
        expect(
            np.array_equal(first, again),
            "apply returned different results for the same seed; use no randomness but 'random'",
        )
        expect(np.array_equal(picture, kept), "apply modified its input picture; return a new one")
        expect(degradation.description(scale).strip(), "description is empty; it is stored in the training record")
