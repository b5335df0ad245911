"""Look up the requested metrics and protocol in the catalog, and load the metrics' weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from img2imgkit.catalog import Catalog
from img2imgkit.config import suggestion
from img2imgkit.errors import ConfigError, InteropError, NotInstalled
from img2imgkit.evaluation.confidence import Interval, interval_of_set
from img2imgkit.files import open_regular, sha256
from img2imgkit.formats.frozen_graph import read_frozen_graph
from img2imgkit.formats.keras_file import read_convolutions
from img2imgkit.importing import read_safetensors, read_torch
from img2imgkit.importing.added_files import added_file
from img2imgkit.importing.weight_sets import state_of
from img2imgkit.metrics import Metric, PairMetric, Protocol, SetMetric, SetsMetric, protocols_of


@dataclass(frozen=True)
class Scoring:
    """Metrics that are ready to measure, and their common protocol.

    Attributes:
        digests: the SHA-256 digest of each file of weights, by the name in the metrics' ``needs``
        confidence: whether evaluations compute confidence intervals
    """

    protocol: Protocol
    metrics: tuple[Metric, ...]
    digests: Mapping[str, str] = field(default_factory=dict)
    confidence: bool = False


class Tally:
    """Scores pictures one at a time, and collects the features for set metrics."""

    def __init__(self, scoring: Scoring, scale: int) -> None:
        """Start with no pictures; results are ``scale`` times as high and wide as inputs."""
        self._scoring, self._scale = scoring, scale
        of_sets = [metric for metric in scoring.metrics if isinstance(metric, SetsMetric | SetMetric)]
        self._extractors = {_features_of(metric): metric for metric in of_sets}
        self._compared = {_features_of(metric) for metric in of_sets if isinstance(metric, SetsMetric)}
        self._references: dict[str, list[np.ndarray]] = {}
        self._pictures: dict[str, list[np.ndarray]] = {}

    def add(self, reference: np.ndarray, picture: np.ndarray) -> dict[str, float]:
        """Score a picture; returns the scores by pair metric.

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
        for key, extractor in self._extractors.items():
            self._pictures.setdefault(key, []).append(extractor.features(second))
            if key in self._compared:
                self._references.setdefault(key, []).append(extractor.features(first))
        return scores

    def whole_set(self) -> dict[str, float]:
        """The scores of all pictures together, by set metric.

        Raises:
            ValueError: there are too few pictures, or their features have different shapes.
        """
        of_sets = (metric for metric in self._scoring.metrics if isinstance(metric, SetsMetric | SetMetric))
        return {metric.name: self._measured(metric) for metric in of_sets}

    def intervals(self, whole_set: Mapping[str, float]) -> dict[str, Interval]:
        """The confidence intervals of the scores of all pictures together.

        Raises:
            ValueError: there are too few pictures.
        """
        found = {}
        for metric in self._scoring.metrics:
            if isinstance(metric, SetsMetric | SetMetric):
                count = len(self._pictures.get(_features_of(metric), []))
                found[metric.name] = interval_of_set(partial(self._measured, metric), count, whole_set[metric.name])
        return found

    def _measured(self, metric: SetsMetric | SetMetric, some: np.ndarray | None = None) -> float:
        """The score of all pictures, or of those with these indices."""

        def chosen(kept: Mapping[str, list[np.ndarray]]) -> list[np.ndarray]:
            features = kept.get(_features_of(metric), [])
            return features if some is None else [features[at] for at in some]

        pictures = chosen(self._pictures)
        if isinstance(metric, SetsMetric):
            return metric.measure(chosen(self._references), pictures)
        return metric.measure(pictures)


def _features_of(metric: SetsMetric | SetMetric) -> str:
    return metric.features_of or metric.name


def find_scoring(
    catalog: Catalog,
    usual: Protocol,
    names: Sequence[str] = (),
    protocol: str | None = None,
    weights: Mapping[str, Path] | None = None,
) -> Scoring:
    """Find the named metrics, or by default the protocol's metrics whose weights are available.

    Args:
        usual: the default protocol; named metrics that do not support it use their first common protocol
        protocol: the label of a protocol to use instead
        weights: weight files by the names in the metrics' ``needs``, see ``read_arrays``; for names that are not among
            them, what the user added to the models under that name

    Raises:
        NotInstalled: no metric or protocol of that name.
        ConfigError: the metrics have no common protocol, required weights are missing, or no metric uses a file.
        InteropError: a weights file cannot be read.
    """
    chosen = [catalog.get("metrics", name) for name in dict.fromkeys(names)]
    files = {**_added(chosen), **(weights or {})}
    under = _protocol(catalog, usual, chosen, protocol)
    if not chosen:
        own = [metric for metric in catalog.metrics.values() if under in metric.protocols and metric.by_default]
        chosen = [metric for metric in own if all(not need.required or need.name in files for need in metric.needs)]
    if not chosen:
        raise NotInstalled(f"no installed metric of protocol {under.label!r} works without weights")
    return Scoring(under, _made(chosen, files), {name: sha256(path) for name, path in files.items()})


def _protocol(catalog: Catalog, usual: Protocol, chosen: Sequence[type[Metric]], stated: str | None) -> Protocol:
    """The stated protocol; else the usual one, or the first that all chosen metrics share."""
    label = usual.label if stated is None else stated
    if stated is None and chosen:
        shared = [each for each in chosen[0].protocols if all(each in metric.protocols for metric in chosen)]
        label = label if usual in shared or not shared else shared[0].label
    protocol = usual if label == usual.label else _of_label(catalog, label)
    for metric in chosen:
        if protocol not in metric.protocols:
            own = ", ".join(each.label for each in metric.protocols)
            raise ConfigError(
                f"metric {metric.name!r} has the protocols {own}, not {label}; "
                "measure metrics of different protocols in separate runs"
            )
    return protocol


def _of_label(catalog: Catalog, label: str) -> Protocol:
    labels = {name: [each.label for each in metric.protocols] for name, metric in catalog.metrics.items()}
    known = sorted({each for some in labels.values() for each in some})
    if label not in known:
        listed = f"; the protocols are {', '.join(known)}" if known else ""
        raise NotInstalled(f"no installed metric has the protocol {label!r}{listed}{suggestion(label, known)}")
    try:
        return protocols_of(catalog.metrics[name] for name, some in labels.items() if label in some)[label]
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _added(chosen: Iterable[type[Metric]]) -> dict[str, Path]:
    """The files that the user added under the names of what the metrics need."""
    names = {need.name for metric in chosen for need in metric.needs}
    return {name: path for name in sorted(names) if (path := added_file(name)) is not None}


def _made(chosen: Iterable[type[Metric]], files: Mapping[str, Path]) -> tuple[Metric, ...]:
    chosen = list(chosen)
    wanted = {need.name for metric in chosen for need in metric.needs}
    if unused := [name for name in files if name not in wanted]:
        needed = f"; they need {', '.join(sorted(wanted))}" if wanted else ""
        raise ConfigError(f"none of the chosen metrics needs weights {unused[0]!r}{needed}")
    arrays = {name: read_arrays(path) for name, path in files.items()}
    made = []
    for metric in chosen:
        try:
            made.append(metric({need.name: arrays[need.name] for need in metric.needs if need.name in arrays}))
        except ValueError as error:
            raise ConfigError(str(error)) from error
    return tuple(made)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of a file, by name. Nothing in it is executed.

    The suffix decides the format: .npz; .safetensors; .pb, the constants of a frozen TensorFlow graph; .h5, the
    convolutions of Keras weights as "conv0.kernel", "conv0.bias" and so on; any other, a PyTorch state dict.

    Raises:
        InteropError: the file is missing, damaged or of another format.
    """
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.suffix == ".pb":
        return read_frozen_graph(path)
    if path.suffix == ".h5":
        found = enumerate(read_convolutions(path))
        return {f"conv{at}.{part}": pair[part == "bias"] for at, pair in found for part in ("kernel", "bias")}
    if path.suffix != ".npz":
        return state_of(read_torch(path))
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged archive can raise anything
        raise InteropError(f"{path}: damaged, or not an .npz file ({type(error).__name__}: {error})") from None
