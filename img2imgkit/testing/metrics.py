"""Contract tests for metrics: measure pictures to verify what reports, trainings and bundles rely on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from img2imgkit.metrics import Metric, PairMetric, Protocol, SetMetric, SetsMetric
from img2imgkit.testing.claims import check_docstring, check_name, check_source, expect

_KINDS = (PairMetric, SetsMetric, SetMetric)
_SEED, _SIDE, _PICTURES, _SCALE = 17, 32, 6, 2
_LITTLE, _MUCH = 4.0, 40.0  # standard deviations of noise, in levels


def check_metric(metric_class: type[Metric], weights: Mapping[str, Mapping[str, np.ndarray]] | None = None) -> None:
    """Verify the contract of a metric under each of its protocols.

    Equal pictures or sets must score best, noisier and brighter ones worse. The direction of a metric of a single
    set cannot be verified.

    Args:
        weights: the arrays of each of its ``needs``; small random ones suffice if noise still worsens the score

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    _check_description(metric_class)
    _check_needs(metric_class, weights or {})
    first, second = (_made(metric_class, weights) for _ in range(2))
    for protocol in metric_class.protocols:
        for channels in (3, 1):
            sets = [[protocol.view(each, _SCALE) for each in _pictures(first, protocol, channels, noise)]
                    for noise in (0.0, _LITTLE, _MUCH)]  # fmt: skip
            where = f"{metric_class.name!r} under {protocol.label!r}, {channels} channels"
            _check_numbers(first, second, sets, where)
    if isinstance(first, PairMetric):
        _check_shapes(first)
    else:
        _check_sets(first)


def _check_description(metric: type[Metric]) -> None:
    kinds = [base.__name__ for base in _KINDS if issubclass(metric, base)]
    expect(len(kinds) == 1, f"{metric.__name__} must derive from one of PairMetric, SetsMetric and SetMetric")
    check_name(metric)
    check_docstring(metric)
    expect(isinstance(metric.digits, int) and metric.digits >= 0, f"{metric.__name__}.digits is {metric.digits!r}")
    for protocol in metric.protocols:
        expect(
            protocol.about, f"{metric.__name__}: protocol {protocol.label!r} has no 'about', which is shown to users"
        )


def _check_needs(metric: type[Metric], weights: Mapping[str, Any]) -> None:
    """Needed weights are described, and the constructor rejects missing required ones."""
    if metric.needs:
        check_source(metric)
    for need in metric.needs:
        said = need.name and need.description and need.source
        expect(said, f"{metric.__name__}.needs: {need!r} must state a name, a description and a source")
        if need.required:
            expect(need.name in weights, f"{metric.__name__} needs {need.name!r}: pass its weights to check_metric")
            others = {name: arrays for name, arrays in weights.items() if name != need.name}
            refusal = _refusal(partial(metric, others)) or ""
            expect(
                need.name in refusal, f"{metric.__name__} can be constructed without the required weights {need.name!r}"
            )


def _made(metric: type[Metric], weights: Mapping[str, Any] | None) -> Metric:
    try:
        return metric(weights)
    except ValueError as error:
        raise AssertionError(f"{metric.__name__} cannot be constructed: {error}") from error


def _pictures(metric: Metric, protocol: Protocol, channels: int, noise: float) -> list[np.ndarray]:
    """Smooth pictures with edges, of several sizes, equal in every call; the noise also brightens them."""
    least = getattr(metric, "minimum_size", 1) + 2 * protocol.border(_SCALE)
    made = []
    for number in range(_PICTURES):
        rng = np.random.default_rng(_SEED + number)
        y, x = np.mgrid[: max(_SIDE, least) + number, : max(_SIDE, least)]
        waves = [np.sin(x / rng.uniform(2, 9) + y / rng.uniform(2, 9)) + (x > y) for _ in range(channels)]
        smooth = 40 + 50 * (np.stack(waves, -1) + 1)
        made.append(np.clip(smooth + noise * (rng.standard_normal(smooth.shape) + 0.5), 0, 255))
    return made


def _check_numbers(metric: Metric, again: Metric, sets: Sequence[Sequence[np.ndarray]], where: str) -> None:
    """Equal pictures score best, noise scores worse, and the same pictures score the same."""
    clean, little, much = sets
    untouched = [picture.copy() for picture in [*clean, *little]]
    equal, near, far = (_measured(metric, clean, other, where) for other in (clean, little, much))
    kept = all((before == now).all() for before, now in zip(untouched, [*clean, *little], strict=True))
    expect(kept, f"{where}: it modified its input pictures")
    for other in (metric, again):
        found = _measured(other, clean, little, where)
        expect(found == near, f"{where}: not deterministic: {near}, then {found} for the same pictures")
    for each in (near, far):
        expect(math.isfinite(each), f"{where}: returned {each} for pictures that differ")
    documented = math.isfinite(equal) or math.isfinite(metric.ceiling)
    expect(documented, f"{where}: returned {equal} for equal pictures; set a finite 'ceiling' for training records")
    if isinstance(metric, SetMetric):
        return
    which = f"higher_is_better is {metric.higher_is_better}"
    expect(
        metric.is_better(equal, near), f"{where}: returned {equal} for equal pictures, {near} for noisy ones; {which}"
    )
    expect(metric.is_better(near, far), f"{where}: returned {near} for weak noise, {far} for strong noise; {which}")


def _measured(metric: Metric, references: Sequence[np.ndarray], pictures: Sequence[np.ndarray], where: str) -> float:
    try:
        if isinstance(metric, PairMetric):
            return float(np.mean([metric.measure(*pair) for pair in zip(references, pictures, strict=True)]))
        if isinstance(metric, SetsMetric):
            return metric.measure(*([metric.features(each) for each in some] for some in (references, pictures)))
        assert isinstance(metric, SetMetric)
        return metric.measure([metric.features(each) for each in pictures])
    except ValueError as error:
        raise AssertionError(f"{where}: rejects pictures: {error}") from error


def _check_shapes(metric: PairMetric) -> None:
    """Pictures of different shapes are rejected in both orders, and so are too small ones."""
    side = max(_SIDE, metric.minimum_size)
    whole, shorter = np.zeros((side + 1, side, 3)), np.zeros((side, side, 3))
    for pair in ((whole, shorter), (shorter, whole), (shorter, shorter[..., :1])):
        said = _refusal(partial(metric.measure, *pair))
        named = said and all(str(each.shape) in said for each in pair)
        shapes = " and ".join(str(each.shape) for each in pair)
        expect(
            named, f"{metric.name!r}: shapes {shapes} must raise a ValueError that names both, got {said or 'a score'}"
        )
    if metric.minimum_size > 1:
        small = np.zeros((metric.minimum_size - 1, side, 3))
        said = _refusal(lambda: metric.measure(small, small))
        expect(said, f"{metric.name!r}: scored {small.shape}, smaller than minimum_size {metric.minimum_size}")


def _check_sets(metric: Metric) -> None:
    """An empty set is rejected."""
    measure: Any = metric.measure  # type: ignore[attr-defined]
    said = _refusal(lambda: measure([], []) if isinstance(metric, SetsMetric) else measure([]))
    expect(said, f"{metric.name!r}: an empty set must raise a ValueError")


def _refusal(measure: Callable[[], Any]) -> str | None:
    """The text of the ValueError; None if none was raised."""
    try:
        measure()
    except ValueError as error:
        return str(error)
    return None
