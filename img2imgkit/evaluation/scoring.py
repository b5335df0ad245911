"""What is measured: the metrics and the protocol that are asked for, found in the catalog, with their weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2imgkit.catalog import Catalog
from img2imgkit.config import suggestion
from img2imgkit.errors import ConfigError, InteropError, NotInstalled
from img2imgkit.importing import read_safetensors, read_torch
from img2imgkit.importing.torch_weights import state_of
from img2imgkit.metrics import Metric, PairMetric, Protocol, SetMetric, SetsMetric, protocols_of


@dataclass(frozen=True)
class Scoring:
    """Metrics, ready to measure, and the one protocol that they measure under."""

    protocol: Protocol
    metrics: tuple[Metric, ...]


class Tally:
    """Scores as pictures come, and what metrics of sets keep of each."""

    def __init__(self, scoring: Scoring, scale: int) -> None:
        """Begin; the pictures were enlarged ``scale`` times."""
        self._scoring, self._scale = scoring, scale
        self._references: dict[str, list[np.ndarray]] = {}
        self._pictures: dict[str, list[np.ndarray]] = {}

    def add(self, reference: np.ndarray, picture: np.ndarray) -> dict[str, float]:
        """The scores of a picture, by the name of each metric of pairs.

        Shapes:
            reference, picture: the same, (H, W, 1) or (H, W, 3), [0, 255]
        Raises:
            ValueError: the shapes differ, or a picture is too small.
        """
        if reference.shape != picture.shape:
            raise ValueError(f"cannot compare shapes {reference.shape} and {picture.shape}")
        first, second = (self._scoring.protocol.view(levels, self._scale) for levels in (reference, picture))
        scores = {}
        for metric in self._scoring.metrics:
            if isinstance(metric, PairMetric):
                scores[metric.name] = metric.measure(first, second)
            if isinstance(metric, SetsMetric):
                self._references.setdefault(metric.name, []).append(metric.features(first))
            if isinstance(metric, SetsMetric | SetMetric):
                self._pictures.setdefault(metric.name, []).append(metric.features(second))
        return scores

    def whole_set(self) -> dict[str, float]:
        """The scores of all pictures together, by the name of each metric of sets.

        Raises:
            ValueError: there are too few pictures, or features that do not go together.
        """
        scores = {}
        for metric in self._scoring.metrics:
            pictures = self._pictures.get(metric.name, [])
            if isinstance(metric, SetsMetric):
                scores[metric.name] = metric.measure(self._references.get(metric.name, []), pictures)
            if isinstance(metric, SetMetric):
                scores[metric.name] = metric.measure(pictures)
        return scores


def find_scoring(
    catalog: Catalog,
    usual: Protocol,
    names: Sequence[str] = (),
    protocol: str | None = None,
    weights: Mapping[str, Path] | None = None,
) -> Scoring:
    """The metrics of these names, or else all of the protocol whose weights are there.

    Args:
        usual: the protocol where none is named; metrics that are not measured under it have their own
        protocol: the label of another one
        weights: files by the names that metrics give to what they need: .npz, .safetensors, or PyTorch's

    Raises:
        NotInstalled: no metric or protocol of that name.
        ConfigError: metrics that have no protocol in common, required weights that are missing, or a file for which
            no metric has any use.
        InteropError: a file of weights cannot be read.
    """
    files = weights or {}
    chosen = [catalog.get("metrics", name) for name in dict.fromkeys(names)]
    under = _protocol(catalog, usual, chosen, protocol)
    if not chosen:
        own = [metric for metric in catalog.metrics.values() if under in metric.protocols]
        chosen = [metric for metric in own if all(not need.required or need.name in files for need in metric.needs)]
    if not chosen:
        raise NotInstalled(f"no metric is installed that measures under protocol {under.label!r} without weights")
    return Scoring(under, _made(chosen, files))


def _protocol(catalog: Catalog, usual: Protocol, chosen: Sequence[type[Metric]], stated: str | None) -> Protocol:
    """The one that is stated; else the usual one, or the first that all chosen metrics are measured under."""
    label = usual.label if stated is None else stated
    if stated is None and chosen:
        shared = [each for each in chosen[0].protocols if all(each in metric.protocols for metric in chosen)]
        label = label if usual in shared or not shared else shared[0].label
    protocol = usual if label == usual.label else _of_label(catalog, label)
    for metric in chosen:
        if protocol not in metric.protocols:
            own = ", ".join(each.label for each in metric.protocols)
            raise ConfigError(
                f"metric {metric.name!r} is measured under {own}, not under {label}; "
                "measure metrics of different protocols one after the other"
            )
    return protocol


def _of_label(catalog: Catalog, label: str) -> Protocol:
    labels = {name: [each.label for each in metric.protocols] for name, metric in catalog.metrics.items()}
    known = sorted({each for some in labels.values() for each in some})
    if label not in known:
        there = f"; the protocols are {', '.join(known)}" if known else ""
        raise NotInstalled(f"no metric is installed of a protocol {label!r}{there}{suggestion(label, known)}")
    try:
        return protocols_of(catalog.metrics[name] for name, some in labels.items() if label in some)[label]
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _made(chosen: Iterable[type[Metric]], files: Mapping[str, Path]) -> tuple[Metric, ...]:
    chosen = list(chosen)
    wanted = {need.name for metric in chosen for need in metric.needs}
    if unused := [name for name in files if name not in wanted]:
        needed = f"; they need {', '.join(sorted(wanted))}" if wanted else ""
        raise ConfigError(f"no metric that is measured needs weights {unused[0]!r}{needed}")
    arrays = {name: read_arrays(path) for name, path in files.items()}
    made = []
    for metric in chosen:
        try:
            made.append(metric({need.name: arrays[need.name] for need in metric.needs if need.name in arrays}))
        except ValueError as error:
            raise ConfigError(str(error)) from error
    return tuple(made)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of a file, by its name: .npz, .safetensors, or a state dict of PyTorch. Nothing in it is run.

    Raises:
        InteropError: no such file, damaged, or of another kind.
    """
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.suffix != ".npz":
        return state_of(read_torch(path))
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged archive can fail in every way there is
        raise InteropError(f"{path}: damaged, or no .npz file ({type(error).__name__}: {error})") from None
