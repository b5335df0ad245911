"""The looks that a trained pix2pixHD has for the objects of each class, and which of them an object has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

LEAST = 1 / 64  # share of a picture that an object must cover for its look to count
RANDOM = 2**20  # numbers drawn are below; many more than looks, and exact in float32
STARTS, ROUNDS = 10, 300  # of k-means
KEY = re.compile(r"(#?)(\d+)")


@dataclass(frozen=True)
class Chosen:
    """The looks that a user chose, by class and by object."""

    classes: Mapping[int, int] = field(default_factory=dict)
    objects: Mapping[int, int] = field(default_factory=dict)


def fill(table: keras.Model, looks: Mapping[int, np.ndarray]) -> None:
    """Put each class's looks in. Shapes: looks (K, features), K at most the table's clusters."""
    layer = table.get_layer("table")
    centres, counts = np.zeros(layer.centres.shape, np.float32), np.zeros(layer.counts.shape, np.float32)
    for label, rows in looks.items():
        centres[label, : len(rows)], counts[label] = rows, len(rows)
    layer.centres.assign(centres)
    layer.counts.assign(counts)


def looks_in(features: np.ndarray, label: np.ndarray, instance: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The class and the features of each object that is large enough, both at its middle pixel.

    As officially; the class comes from the label map, where the official code takes it from Cityscapes' instance ids.

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
    """The centres of k-means, the best of several starts by k-means++ (Arthur and Vassilvitskii 2007, section 2.2).

    Shapes:
        points: (N, F) -> (K, F), K being ``clusters``, or as many as differ where that is less
    """
    points = points.astype(np.float64)
    distinct = len(np.unique(points, axis=0))
    found = [_from_start(points, min(clusters, distinct), random) for _ in range(STARTS)]
    return min(found, key=lambda each: each[0])[1]


def _from_start(points: np.ndarray, clusters: int, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """The sum of squared distances, and the centres, from one start."""
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
    """Which look each pixel has: what is chosen for its object, or else for its class, or else one drawn per object.

    Shapes:
        label, instance: (H, W, 1) whole numbers -> (H, W, 1) float32, from 0 on
    """
    known, object_of = np.unique(instance, return_inverse=True)
    drawn = [int(np.random.default_rng((seed, abs(int(each)), int(each < 0))).integers(RANDOM)) for each in known]
    numbers = np.array(drawn, np.float32)[object_of.reshape(instance.shape)]
    for asked, ids in ((chosen.classes, label), (chosen.objects, instance)):
        for each, number in asked.items():
            numbers[ids == each] = number
    return numbers


def parsed_choice(value: Any) -> Chosen:
    """From {26: 3, "#26001": 0}, or "26=3, #26001=0": the look of a class, and of an object by its instance id.

    Raises:
        ValueError: it is neither, and how.
    """
    if isinstance(value, str):
        pairs = [part.partition("=")[::2] for part in value.split(",")]
    elif isinstance(value, Mapping):
        pairs = [(str(key), str(number)) for key, number in value.items()]
    else:
        raise ValueError(f"expected such as 26=3,#26001=0, got {value!r}")
    found: dict[str, dict[int, int]] = {"": {}, "#": {}}
    for key, number in pairs:
        match = KEY.fullmatch(key.strip())
        if match is None or not number.strip().isdecimal() or int(number) >= RANDOM:
            form = "classes, or # and an object's id, with numbers of looks, such as 26=3,#26001=0"
            raise ValueError(f"expected {form}, got {value!r}")
        if int(match[2]) in found[match[1]]:
            raise ValueError(f"{match[1]}{int(match[2])} stands there twice")
        found[match[1]][int(match[2])] = int(number)
    return Chosen(found[""], found["#"])


def parsed_seed(value: Any) -> int:
    """A whole number from 0 on. Raises ValueError: it is none."""
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError(f"expected a whole number from 0 on, got {value!r}")
    return int(value)
