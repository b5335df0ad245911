"""Score a model on pictures whose right result is known."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from img2imgkit import evaluation
from img2imgkit.catalog import Catalog
from img2imgkit.data.picture_files import IGNORED
from img2imgkit.errors import ConfigError
from img2imgkit.evaluation import Evaluation, PairSet, Scoring
from img2imgkit.metrics import PAIRS_8BIT, SR_MATLAB
from img2imgkit.scripting.loaded_model import LoadedModel, load

Folder = str | os.PathLike[str]


def evaluate(
    model: Folder | LoadedModel,
    *,
    data: Folder | None = None,
    pairs: Folder | tuple[Folder, Folder] | None = None,
    metrics: Iterable[str] = (),
    protocol: str | None = None,
    weights: Mapping[str, Folder] | None = None,
    swap: bool = False,
    conditions: Mapping[str, Any] | None = None,
    device: str = "auto",
    catalog: Catalog | None = None,
    **options: Any,
) -> Evaluation:
    """Score a model on a reference set, or on pairs of a source and the right result, as ``img2img eval`` does.

        kit.evaluate("sr-compact-x2", data="Set5").mean["psnr_y"]
        kit.evaluate("runs/facades/bundle", pairs=("val/maps", "val/photos"), metrics=["l1", "ssim"])

    Files that are not pictures are left out with a warning.

    Args:
        model: what ``load`` takes, or a loaded model
        data: reference set: a folder of high-resolution pictures, or ``HR`` with ``LR_bicubic/X2`` as Set5 is published
        pairs: a folder with ``source`` and ``target``, or of side-by-side pictures; or the folders of both
        metrics: names of installed metrics; all of the protocol by default
        protocol: how pictures are prepared; by default that of the metrics: "sr-matlab" for ``data``, "pairs-8bit" for
            ``pairs``
        weights: the files that metrics need, by name
        swap: exchange sources and targets of a folder of pairs
        conditions: inputs of the model besides the picture, the same for all
        options: of ``load``, such as ``choices={"direction": "b_to_a"}``

    Returns:
        the scores: ``mean``, ``whole_set``, and ``rows`` for each picture
    Raises:
        NotInstalled, BundleError: there is no such model, metric or protocol, or the model is damaged.
        ConfigError: arguments contradict each other, or the metrics have no common protocol.
        DataError: a picture has no partner, cannot be read, or has another size than the result.
    """
    if (data is None) == (pairs is None):
        raise ConfigError("evaluate: state either 'data', a reference set, or 'pairs'")
    if isinstance(model, LoadedModel) and (options or device != "auto"):
        raise ConfigError("evaluate: the model is loaded: state options and device where it is loaded")
    if swap and (pairs is None or isinstance(pairs, tuple)):
        raise ConfigError("evaluate: 'swap' is for a folder of pairs; exchange the two folders instead")
    catalog = catalog or Catalog.installed()
    files = {name: Path(path) for name, path in (weights or {}).items()}
    usual = SR_MATLAB if data is not None else PAIRS_8BIT
    scoring = evaluation.find_scoring(catalog, usual, tuple(metrics), protocol, files)
    found = None if pairs is None else _pairs(pairs, swap)
    opened: AbstractContextManager[LoadedModel] = (
        nullcontext(model) if isinstance(model, LoadedModel) else load(model, device=device, catalog=catalog, **options)
    )
    with opened as loaded:
        given = dict(conditions or {})
        return _on_pairs(loaded, found, scoring, given) if found else _on_data(loaded, Path(data or ""), scoring, given)


def _on_data(model: LoadedModel, folder: Path, scoring: Scoring, given: Mapping[str, Any]) -> Evaluation:
    measured = evaluation.find_set(folder, model.scale)
    _warn(folder, measured.unread)
    return evaluation.evaluate(measured, evaluation.translated(lambda picture: model(picture, **given)), scoring)


def _on_pairs(model: LoadedModel, pairs: PairSet, scoring: Scoring, given: Mapping[str, Any]) -> Evaluation:
    return evaluation.evaluate_pairs(pairs, lambda _, source: model(source, **given), scoring, model.scale)


def _pairs(pairs: Folder | tuple[Folder, Folder], swap: bool) -> PairSet:
    if isinstance(pairs, tuple):
        found = evaluation.match_folders(*map(Path, pairs))
    else:
        found = evaluation.find_pairs(Path(pairs), swap)
    _warn(found.name, found.unread)
    return found


def _warn(folder: Path | str, unread: str) -> None:
    if unread:
        warnings.warn(f"{folder}: {IGNORED}: {unread}", stacklevel=4)
