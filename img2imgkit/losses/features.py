"""Distances of features: perceptual and style losses, LPIPS, and feature matching; (N,) each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from img2imgkit.backend import ops
from img2imgkit.losses.reconstruction import l1

Tensor = Any
Features = Mapping[str, Tensor]
Distance = Callable[[Tensor, Tensor], Tensor]


def perceptual(
    image_features: Features, target_features: Features, weights: Mapping[str, float], distance: Distance = l1
) -> Tensor:
    """Weighted sum of distances between features (Johnson et al. 2016, https://arxiv.org/abs/1603.08155, eq. 2).

    Shapes:
        features: (N, ...) each; taps without a weight are ignored -> (N,) float32

    >>> image, target = {"conv1": ops.ones((1, 4)), "conv2": ops.ones((1, 2))}, {"conv1": ops.zeros((1, 4))}
    >>> perceptual(image, target, {"conv1": 0.5}).numpy()
    array([0.5], dtype=float32)
    """
    terms = [weight * distance(image_features[tap], target_features[tap]) for tap, weight in weights.items()]
    return sum(terms[1:], terms[0])


def style(
    image_features: Features, target_features: Features, weights: Mapping[str, float], distance: Distance = l1
) -> Tensor:
    """Weighted sum of distances between Gram matrices of features (Gatys et al. 2015, https://arxiv.org/abs/1508.06576).

    Shapes:
        features: (N, H, W, C) each; taps without a weight are ignored -> (N,) float32

    Moving features to other places does not change the style:

    >>> image = {"conv1": ops.reshape(ops.arange(8.0), (1, 2, 2, 2))}
    >>> style(image, {"conv1": image["conv1"][:, ::-1]}, {"conv1": 1.0}).numpy()
    array([0.], dtype=float32)
    """
    image, target = ({tap: gram(features[tap]) for tap in weights} for features in (image_features, target_features))
    return perceptual(image, target, weights, distance)


def gram(features: Tensor) -> Tensor:
    """Gram matrix: the mean product of each pair of channels, divided by the number of channels.

    Shapes:
        features: (N, H, W, C) -> (N, C, C) float32

    >>> gram(ops.array([[[[1.0, 2.0]]]])).numpy()
    array([[[0.5, 1. ],
            [1. , 2. ]]], dtype=float32)
    """
    count, height, width, channels = ops.shape(features)
    rows = ops.reshape(ops.cast(features, "float32"), (count, height * width, channels))
    return ops.matmul(ops.transpose(rows, (0, 2, 1)), rows) / ops.cast(height * width * channels, "float32")


def lpips(image_features: Features, target_features: Features, heads: Mapping[str, Tensor]) -> Tensor:
    """Learned distance between features of unit length (Zhang et al. 2018, https://arxiv.org/abs/1801.03924, eq. 1).

    Args:
        heads: weight of each channel by tap, (C,) each
    Shapes:
        features: (N, H, W, C) each -> (N,) float32

    Only the direction of features matters; orthogonal ones have distance 2:

    >>> image, target = {"conv1": ops.array([[[[3.0, 0.0]]]])}, {"conv1": ops.array([[[[0.0, 1.0]]]])}
    >>> lpips(image, target, {"conv1": ops.ones(2)}).numpy().round(4)
    array([2.], dtype=float32)
    """
    terms = []
    for tap, head in heads.items():
        apart = ops.square(_unit_length(image_features[tap]) - _unit_length(target_features[tap]))
        terms.append(ops.mean(ops.sum(apart * ops.cast(head, "float32"), axis=-1), axis=(1, 2)))
    return sum(terms[1:], terms[0])


def _unit_length(features: Tensor) -> Tensor:
    features = ops.cast(features, "float32")
    squares = ops.sum(ops.square(features), axis=-1, keepdims=True)
    return features / (ops.sqrt(ops.maximum(squares, 1e-30)) + 1e-10)  # sqrt has no derivative at 0


def feature_matching(fake_features: Sequence[Tensor], real_features: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of each layer's features, mean over layers.

    Wang et al. 2018, https://arxiv.org/abs/1711.11585, eq. 4. With several critics, pass the features of all, without
    their scores. The official code of pix2pixHD weights this by 4 times its lambda; that of SPADE by the number of
    layers of one critic times its lambda.

    Shapes:
        matching shapes on both sides, (N, ...) each -> (N,) float32; the real side gets no gradient

    >>> fake, real = [ops.ones((2, 3)), ops.zeros((2, 5))], [ops.zeros((2, 3)), ops.zeros((2, 5))]
    >>> feature_matching(fake, real).numpy()
    array([0.5, 0.5], dtype=float32)
    """
    pairs = list(zip(fake_features, real_features, strict=True))
    terms = [l1(fake, ops.stop_gradient(real)) for fake, real in pairs]
    return sum(terms[1:], terms[0]) / len(terms)
