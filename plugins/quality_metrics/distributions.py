"""Distances between the features of two sets of pictures, and the diversity of one set's classes; float64."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

Indices = tuple[np.ndarray, np.ndarray]

SEED = 2020  # of the subsets and splits that torch-fidelity draws
KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # at most; smaller sets make smaller subsets
IS_SPLITS = 10


def frechet_distance(references: np.ndarray, pictures: np.ndarray) -> float:
    """Fréchet distance of two normal distributions fitted to features (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).

    Equals torch-fidelity 0.4, pytorch-fid 0.3 and clean-fid 0.1.35. The trace of the root of the product of the two
    covariances is the sum of the singular values of the product of the centred features, which needs no root of a
    matrix and is exact for fewer pictures than features too.

    Shapes:
        references: (N, D); pictures: (M, D) -> a number of 0 or more
    Raises:
        ValueError: a set has fewer than two pictures.

    Features moved by 3 and 4 have the squared distance 25:

    >>> features = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> round(frechet_distance(features, features + [3, 4]), 6)
    25.0
    """
    first, second = (_at_least_two(each) for each in (references, pictures))
    apart = first.mean(axis=0) - second.mean(axis=0)
    roots = [_root(each) for each in (first, second)]
    traces = sum(float(np.sum(root**2)) for root in roots)
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return max(float(apart @ apart) + traces - 2 * float(shared), 0.0)


def _root(features: np.ndarray) -> np.ndarray:
    """(N, D) -> (min(N, D), D): a matrix whose square, transposed first, is the covariance."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return centred if len(centred) <= centred.shape[1] else np.linalg.qr(centred, mode="r")


def kernel_distance(
    references: np.ndarray, pictures: np.ndarray, subsets: Iterable[Indices] | None = None
) -> tuple[float, float]:
    """Squared maximum mean discrepancy with the kernel ``(x y / D + 1) ** 3``: mean and deviation over subsets.

    The kernel inception distance (Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401) of given features. Equals
    torch-fidelity 0.4, with its seed, and the estimate of clean-fid 0.1.35, which draws its subsets without a seed.

    Args:
        subsets: indices of references and pictures for each subset; by default those of ``kid_subsets``
    Shapes:
        references: (N, D); pictures: (M, D); each subset: (n,) and (n,)
    Raises:
        ValueError: a set has fewer than two pictures.
    """
    first, second = (_at_least_two(each) for each in (references, pictures))
    drawn = kid_subsets(len(first), len(second)) if subsets is None else subsets
    found = [_discrepancy(first[some], second[others]) for some, others in drawn]
    return float(np.mean(found)), float(np.std(found))


def kid_subsets(references: int, pictures: int) -> Iterator[Indices]:
    """Draw 100 subsets of at most 1,000 pictures without replacement, as torch-fidelity does with its seed 2020.

    Of two sets that are no larger and equally many, all subsets would be the whole: there is one.
    """
    rng = np.random.RandomState(SEED)
    size = min(references, pictures, KID_SUBSET_SIZE)
    for _ in range(1 if references == pictures == size else KID_SUBSETS):
        second = rng.choice(pictures, size, replace=False)
        yield rng.choice(references, size, replace=False), second


def _discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate for two subsets of the same size n, (n, D) each."""
    size, features = x.shape

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / features + 1) ** 3

    within = [(matrix.sum() - np.trace(matrix)) / (size * (size - 1)) for matrix in (kernel(x, x), kernel(y, y))]
    return float(sum(within) - 2 * kernel(x, y).mean())


def inception_score(logits: np.ndarray, splits: int = IS_SPLITS, seed: int | None = SEED) -> tuple[float, float]:
    """Exponential of the mean divergence of each picture's classes from the set's: mean and deviation over splits.

    Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 4. Equals torch-fidelity 0.4.

    Args:
        seed: shuffles the pictures before they are split; None keeps their order
    Shapes:
        logits: (N, classes)
    Raises:
        ValueError: there are fewer pictures than splits.

    Four pictures of four classes, each certain:

    >>> inception_score(1000 * np.eye(4), splits=1)
    (4.0, 0.0)
    """
    count = len(logits)
    if count < splits:
        raise ValueError(f"the inception score needs a picture for each of {splits} splits, got {count}")
    order = np.arange(count) if seed is None else np.random.RandomState(seed).permutation(count)
    shifted = logits[order].astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    scores = [_diversity(logs[at * count // splits : (at + 1) * count // splits]) for at in range(splits)]
    return float(np.mean(scores)), float(np.std(scores))


def _diversity(logs: np.ndarray) -> float:
    """(n, classes) logarithms of probabilities -> the score of one split."""
    chances = np.exp(logs)
    expected = np.log(np.maximum(chances.mean(axis=0), np.finfo(np.float64).tiny))
    return float(np.exp((chances * (logs - expected)).sum(axis=1).mean()))


def _at_least_two(features: np.ndarray) -> np.ndarray:
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"needs features (N, D) of at least 2 pictures, got shape {features.shape}")
    return features.astype(np.float64)
