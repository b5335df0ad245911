"""Evaluation on pairs of source and target, in two folders or side by side in one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2imgkit.data.folders import name_in
from img2imgkit.data.picture_files import no_picture_in, pictures_in, unread_in
from img2imgkit.errors import DataError
from img2imgkit.evaluation.reference_set import read
from img2imgkit.evaluation.result import Evaluation, Row, Watch, evaluated
from img2imgkit.evaluation.scoring import Scoring, Tally
from img2imgkit.images import Picture, to_rgb, with_depth

_SHOWN = 3  # names listed in an error


@dataclass(frozen=True)
class Pair:
    """A source and its target: two files, or the left and right halves of one.

    Attributes:
        name: the relative path of both in their folders, without suffix
        swap: the right half is the source
    """

    name: str
    source: Path
    target: Path
    swap: bool = False

    def read(self) -> tuple[Picture, Picture]:
        """Read source and target. Raises DataError if a file cannot be read or has no two equal halves."""
        if self.source != self.target:
            return read(self.source), read(self.target)
        whole = read(self.source)
        if whole.width % 2:
            raise DataError(f"{self.source}: {whole.width} pixels wide; two halves of equal width need an even number")
        left, right = (_columns(whole, start, start + whole.width // 2) for start in (0, whole.width // 2))
        return (right, left) if self.swap else (left, right)


@dataclass(frozen=True)
class PairSet:
    """The pairs of a folder.

    Attributes:
        inputs: where the sources come from
        unread: how many other files there are, by suffix, see ``unread_in``
    """

    name: str
    pairs: tuple[Pair, ...]
    inputs: str
    unread: str = ""


Make = Callable[[Pair, Picture], Picture]  # makes a result from a pair and its source, to compare with its target


def find_pairs(folder: Path, swap: bool = False) -> PairSet:
    """Find the pairs in a folder: ``source/NAME.png`` and ``target/NAME.png``, or pictures with both side by side.

    Args:
        swap: exchange sources and targets

    Raises:
        DataError: there is no picture, or a picture has no partner.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    name, unread = folder.absolute().name + (" swapped" if swap else ""), unread_in(folder)
    roles = ("target", "source") if swap else ("source", "target")
    if not any((folder / role).is_dir() for role in roles):
        whole = _pictures(folder)
        pairs = tuple(Pair(key, path, path, swap) for key, path in whole.items())
        return PairSet(name, pairs, "right halves" if swap else "left halves", unread)
    return PairSet(name, _matched(*(folder / role for role in roles)), roles[0], unread)


def match_folders(sources: Path, targets: Path) -> PairSet:
    """The pairs of two folders: pictures of the same name.

    Raises:
        DataError: there is no picture, or a picture has no partner.
    """
    name = f"{sources.absolute().name} to {targets.absolute().name}"
    pairs = _matched(sources, targets)
    return PairSet(name, pairs, str(sources), ", ".join(filter(None, map(unread_in, (sources, targets)))))


def copy_baseline(_: Pair, source: Picture) -> Picture:
    """The baseline that returns the source unchanged."""
    return source


def results_in(folder: Path, pairs: PairSet) -> Make:
    """Read existing results, with the same names as the pairs.

    Raises:
        DataError: the folder does not exist, or a pair has no result in it.
    """
    found = _pictures(folder)
    _require_partners({pair.name: pair.source for pair in pairs.pairs}, folder, found)
    return lambda pair, _: read(found[pair.name])


def evaluate_pairs(pairs: PairSet, make: Make, scoring: Scoring, scale: int = 1, watch: Watch = iter) -> Evaluation:
    """Score results against the targets of all pairs, in 8-bit levels.

    Args:
        scale: results are ``scale`` times as high and wide as sources
        watch: wraps the iterator of rows, for example to show progress

    Raises:
        DataError: a picture cannot be read, a picture or the set is too small for a metric, or the sizes of a result
            and its target differ.
    """
    tally = Tally(scoring, scale)
    rows = tuple(watch(_rows(pairs, make, tally)))
    return evaluated(pairs.name, scale, scoring, pairs.inputs, rows, tally)


def _rows(pairs: PairSet, make: Make, tally: Tally) -> Iterator[Row]:
    for pair in pairs.pairs:
        source, target = pair.read()
        result = make(pair, source)
        if (result.width, result.height) != (target.width, target.height):
            raise DataError(
                f"{pair.target}: the target has {target.width}x{target.height} pixels, the result for a source of"
                f" {source.width}x{source.height} has {result.width}x{result.height}; the sizes must be equal"
            )
        try:
            yield Row(pair.name, tally.add(*_alike(_levels(target), _levels(result))))
        except ValueError as error:
            raise DataError(f"{pair.target}: {error}") from error


def _levels(picture: Picture) -> np.ndarray:
    """(H, W, 1) for grey, else (H, W, 3); uint8. Transparency does not count."""
    return with_depth(to_rgb(picture) if picture.space == "cmyk" else picture, 8).color


def _alike(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Broadcast both to colour if one of them is in colour."""
    shape = np.broadcast_shapes(first.shape, second.shape)
    return np.broadcast_to(first, shape), np.broadcast_to(second, shape)


def _columns(picture: Picture, start: int, stop: int) -> Picture:
    alpha = None if picture.alpha is None else picture.alpha[:, start:stop]
    return picture.with_pixels(picture.color[:, start:stop], alpha)


def _pictures(folder: Path) -> dict[str, Path]:
    """All pictures in a folder and its subfolders, by relative path without suffix, sorted."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        other = found.setdefault(name_in(folder, path), path)
        if other != path:
            raise DataError(f"{folder}: {other.name} and {path.name} have the same name; pairs are matched by name")
    if not found:
        raise DataError(no_picture_in(folder))
    return found


def _matched(sources: Path, targets: Path) -> tuple[Pair, ...]:
    """Pairs of pictures with the same relative path without suffix."""
    found, partners = _pictures(sources), _pictures(targets)
    _require_partners(found, targets, partners)
    _require_partners(partners, sources, found)
    return tuple(Pair(key, path, partners[key]) for key, path in found.items())


def _require_partners(these: Mapping[str, Path], folder: Path, others: Mapping[str, Path]) -> None:
    """Raise DataError if one of ``these`` has no partner in ``folder``, which contains ``others``."""
    unpaired = [path.name for name, path in these.items() if name not in others]
    if unpaired:
        more = f" and {len(unpaired) - _SHOWN} more" if len(unpaired) > _SHOWN else ""
        raise DataError(f"{folder}: no partner of the same name for {', '.join(unpaired[:_SHOWN])}{more}")
