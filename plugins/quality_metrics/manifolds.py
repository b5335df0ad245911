"""Precision, recall, density and coverage: whether the features of two sets lie in each other's neighbourhoods."""

from __future__ import annotations

import numpy as np

PRECISION_NEIGHBOURS = 3  # of Kynkäänniemi et al., and of torch-fidelity
DENSITY_NEIGHBOURS = 5  # of Naeem et al.
_ROWS = 1024  # distances are computed for so many pictures at a time


def precision_recall(
    references: np.ndarray, pictures: np.ndarray, neighbours: int = PRECISION_NEIGHBOURS
) -> tuple[float, float]:
    """The share of pictures among the references, and of references among the pictures.

    Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991, section 2. A point is among a set if its distance to one
    of it is at most that one's to its k-th neighbour. Equals torch-fidelity 0.4; the code of density and coverage
    differs only in that it excludes the edge.

    Shapes:
        references: (N, D); pictures: (M, D)
    Raises:
        ValueError: a set has no k-th neighbours.

    >>> line = np.arange(8.0)[:, None]
    >>> precision_recall(line, line[:4]), precision_recall(line, line + 100)
    ((1.0, 0.875), (0.0, 0.0))
    """
    near, far = radii(references, neighbours), radii(pictures, neighbours)
    precise, recalled = np.zeros(len(pictures), bool), np.zeros(len(references), bool)
    for start in range(0, len(references), _ROWS):
        rows = slice(start, start + _ROWS)
        apart = distances(references[rows], pictures)
        precise |= (apart <= near[rows, None]).any(axis=0)
        recalled[rows] = (apart <= far).any(axis=1)
    return float(precise.mean()), float(recalled.mean())


def density_coverage(
    references: np.ndarray, pictures: np.ndarray, neighbours: int = DENSITY_NEIGHBOURS
) -> tuple[float, float]:
    """How many neighbourhoods of references hold each picture, and the share of them that hold any.

    Naeem et al. 2020, https://arxiv.org/abs/2002.09797, eq. 4 and 5. Equals ``compute_prdc`` of prdc 0.2, which
    excludes the edge of a neighbourhood.

    Shapes:
        references: (N, D); pictures: (M, D)
    Raises:
        ValueError: the references have no k-th neighbours.

    >>> line = np.arange(8.0)[:, None]
    >>> density_coverage(line, line + 0.25, neighbours=1)
    (2.0, 1.0)
    """
    near = radii(references, neighbours)
    held, covered = np.zeros(len(pictures)), np.zeros(len(references), bool)
    for start in range(0, len(references), _ROWS):
        rows = slice(start, start + _ROWS)
        inside = distances(references[rows], pictures) < near[rows, None]
        held += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
    return float(held.mean() / neighbours), float(covered.mean())


def radii(features: np.ndarray, neighbours: int) -> np.ndarray:
    """The distance of each point to its k-th neighbour in the same set, (N, D) -> (N,)."""
    if len(features) <= neighbours:
        raise ValueError(f"{neighbours} neighbours need at least {neighbours + 1} pictures, got {len(features)}")
    found = []
    for start in range(0, len(features), _ROWS):
        apart = distances(features[start : start + _ROWS], features)
        rows = np.arange(len(apart))
        apart[rows, start + rows] = 0  # exactly, so that each point comes first among its own
        found.append(np.partition(apart, neighbours, axis=1)[:, neighbours])
    return np.concatenate(found)


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances, (N, D) and (M, D) -> (N, M) float64."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))
