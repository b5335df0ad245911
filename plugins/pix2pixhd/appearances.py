"""Appearances: the feature clusters of each class in a trained pix2pixHD, and which one an object gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

LEAST = 1 / 64  # minimum share of a picture that an object must cover to be clustered
RANDOM = 2**20  # exclusive limit of drawn numbers; many more than clusters, and exact in float32
STARTS, ROUNDS = 10, 300  # of k-means
KEY = re.compile(r"(#?)(\d+)")


@dataclass(frozen=True)
class Chosen:
    """The appearances that a user chose, by class and by object."""

    classes: Mapping[int, int] = field(default_factory=dict)
    objects: Mapping[int, int] = field(default_factory=dict)


def fill(table: keras.Model, appearances: Mapping[int, np.ndarray]) -> None:
    """Set each class's appearances. Shapes: appearances (K, features), K at most the table's clusters."""
    layer = table.get_layer("table")
    centres, counts = np.zeros(layer.centres.shape, np.float32), np.zeros(layer.counts.shape, np.float32)
    for label, rows in appearances.items():
        centres[label, : len(rows)], counts[label] = rows, len(rows)
    layer.centres.assign(centres)
    layer.counts.assign(counts)


def looks_in(features: np.ndarray, label: np.ndarray, instance: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The class and the features of each object that is large enough, at its middle pixel.

    As in the official code, except that the class is from the label map, not from Cityscapes' instance ids.

    Shapes:
        features: (H, W, F); label, instance: (H, W) -> (F,)
    """
    _, object_of, sizes = np.unique(instance, return_inverse=True, return_counts=True)
    order = np.argsort(object_of.reshape(-1), kind="stable")
    middles = order[np.cumsum(sizes) - sizes + sizes // 2]
    for size, middle in zip(sizes, middles, strict=True):
        if size > LEAST * instance.size:
            yield int(label.reshape(-1)[middle]), features.reshape(-1, features.shape[-1])[middle]


def clustered(points: np.ndarray, clusters: int, random: np.random.Generator) -> np.ndarray:
    """The centres of k-means, the best of several k-means++ starts (Arthur and Vassilvitskii 2007, section 2.2).

    Shapes:
        points: (N, F) -> (K, F), K being ``clusters``, or the number of distinct points if that is less
    """
    points = points.astype(np.float64)
    distinct = len(np.unique(points, axis=0))
    found = [_from_start(points, min(clusters, distinct), random) for _ in range(STARTS)]
    return min(found, key=lambda each: each[0])[1]


def _from_start(points: np.ndarray, clusters: int, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """The sum of squared distances and the centres from one start."""
    centres = points[random.integers(len(points))][None]
    while len(centres) < clusters:
        near = _squares(points, centres).min(axis=1)
        chances = near / near.sum() if near.any() else None
        centres = np.append(centres, points[random.choice(len(points), p=chances)][None], axis=0)
    for _ in range(ROUNDS):
        nearest = _squares(points, centres).argmin(axis=1)
        kept = [points[nearest == i].mean(axis=0) if (nearest == i).any() else c for i, c in enumerate(centres)]
        if np.array_equal(kept, centres):
            break
        centres = np.array(kept)
    return float(_squares(points, centres).min(axis=1).sum()), centres


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances. Shapes: (N, F), (K, F) -> (N, K)."""
    squares: np.ndarray = np.square(points[:, None] - centres).sum(axis=-1)
    return squares


def numbers_of(label: np.ndarray, instance: np.ndarray, seed: int, chosen: Chosen) -> np.ndarray:
    """The appearance of each pixel: chosen for its object, or else for its class, or else drawn for its object.

    Shapes:
        label, instance: (H, W, 1) integers -> (H, W, 1) float32, from 0
    """
    known, object_of = np.unique(instance, return_inverse=True)
    drawn = [int(np.random.default_rng((seed, abs(int(each)), int(each < 0))).integers(RANDOM)) for each in known]
    numbers = np.array(drawn, np.float32)[object_of.reshape(instance.shape)]
    for choice, ids in ((chosen.classes, label), (chosen.objects, instance)):
        for each, number in choice.items():
            numbers[ids == each] = number
    return numbers


def parsed_choice(value: Any) -> Chosen:
    """Parse {26: 3, "#26001": 0} or "26=3, #26001=0": appearances of a class, and of an object by its instance id.

    Raises:
        ValueError: the value is invalid.
    """
    if isinstance(value, str):
        pairs = [part.partition("=")[::2] for part in value.split(",")]
    elif isinstance(value, Mapping):
        pairs = [(str(key), str(number)) for key, number in value.items()]
    else:
        raise ValueError(f"expected for example 26=3,#26001=0, got {value!r}")
    found: dict[str, dict[int, int]] = {"": {}, "#": {}}
    for key, number in pairs:
        match = KEY.fullmatch(key.strip())
        if match is None or not number.strip().isdecimal() or int(number) >= RANDOM:
            form = "classes, or # and an object's id, with numbers of appearances, such as 26=3,#26001=0"
            raise ValueError(f"expected {form}, got {value!r}")
        if int(match[2]) in found[match[1]]:
            raise ValueError(f"{match[1]}{int(match[2])} is given twice")
        found[match[1]][int(match[2])] = int(number)
    return Chosen(found[""], found["#"])


def parsed_seed(value: Any) -> int:
    """Parse a whole number from 0. Raises ValueError for other values."""
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError(f"expected a whole number, 0 or more, got {value!r}")
    return int(value)
