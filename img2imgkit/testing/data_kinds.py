"""Contract tests for data kinds: read a few pictures to verify what training relies on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, Reader, ReaderOptions, stacked
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry
from img2imgkit.testing.claims import check_descriptions, check_docstring, check_name, check_options, expect, must_work

_SEED, _POSITIONS, _THREADS = 11, (5, 0, 3, 1), 4
_SIDE = 16  # of random batches, in pixels
_MISSING = "no-such-folder"


def check_data_kind(
    kind: type[DataKind], options: ReaderOptions, probe: Path, geometry: Geometry | None = None
) -> None:
    """Verify the contract of a data kind. Use a few small pictures: each is decoded several times.

    Args:
        options: options that refer to readable pictures
        probe: a folder for the reader's ``probe``
        geometry: of a task that the pictures fit; None: RGB to RGB of the same size

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    geometry = geometry or Geometry()
    _check_description(kind, options, geometry)
    reader, again = _reader(kind, options, geometry), _reader(kind, options, geometry)
    _check_about(kind, options, reader)
    samples = [_sample(kind, reader, geometry, position) for position in _POSITIONS]
    _check_repeatable(kind, reader, again, samples)
    _check_batch(kind, reader)
    _check_probe(kind, reader, probe, geometry)
    _check_missing(kind, options, geometry)
    _check_random_batch(kind, reader, geometry)


def _check_description(kind: type[DataKind], options: ReaderOptions, geometry: Geometry) -> None:
    expect(isinstance(kind, type) and issubclass(kind, DataKind), f"{kind!r} is not a class derived from DataKind")
    check_name(kind)
    check_docstring(kind)
    expect(type(options) is kind.Options, f"{kind.name!r}: got options of {type(options).__name__}")
    check_options(options)
    check_descriptions(kind.Options)
    expect(
        kind.keys and len(set(kind.keys)) == len(kind.keys), f"{kind.name!r}: keys {kind.keys} are empty or repeated"
    )
    unknown = sorted(set(kind.ids) - set(kind.keys))
    expect(not unknown, f"{kind.name!r}: ids contains {unknown}, which are not among its keys {kind.keys}")
    claim = f"{kind.name!r}: label_maps is {kind.label_maps}, but the geometry's ids are {geometry.ids}"
    expect(kind.label_maps == (geometry.ids is not None), claim)
    problems = options.data_problems(geometry)
    expect(not problems, f"{kind.name!r}: the options do not fit the geometry: {problems}")


def _reader(kind: type[DataKind], options: ReaderOptions, geometry: Geometry) -> Reader:
    with must_work(f"{kind.name!r}: reader()"):
        reader = kind(options).reader(geometry)
    expect(isinstance(reader, Reader), f"{kind.name!r}: reader() returned {type(reader).__name__}, expected a Reader")
    expect(not reader.problems, f"{kind.name!r}: the reader reports problems: {list(reader.problems)}")
    return reader


def _check_about(kind: type[DataKind], options: ReaderOptions, reader: Reader) -> None:
    """The reader's description and record are plain data without this machine's paths."""
    expect(reader.kind == kind.name, f"the reader's kind is {reader.kind!r}, expected {kind.name!r}")
    expect(reader.epoch >= 1, f"{kind.name!r}: an epoch has {reader.epoch} samples")
    found = reader.verify()
    expect(isinstance(found, Findings), f"{kind.name!r}: verify() returned {type(found).__name__}, expected Findings")
    expect(not found.problems, f"{kind.name!r}: verify() reports {found.problems} for readable pictures")
    contents = list(reader.contents)
    expect(contents and all(isinstance(each, Contents) for each in contents), f"{kind.name!r}: contents are {contents}")
    for name, stated in (("description", reader.description), ("Options.record()", options.record())):
        try:
            text = json.dumps(dict(stated))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{kind.name!r}: {name} is not plain JSON data: {error}") from error
        for path in (each for paths in _paths(options).values() for each in paths):
            expect(
                str(path) not in text, f"{kind.name!r}: {name} contains the path {path}; records are shared with others"
            )
    missing = sorted(kind.example_fields.keys() - reader.description.keys())
    expect(not missing, f"{kind.name!r}: example_fields lists {missing}, which the reader's description lacks")


def _sample(kind: type[DataKind], reader: Reader, geometry: Geometry, position: int) -> Arrays:
    sample = reader.sample(_SEED, position)
    _check_arrays(kind, f"sample {position}", sample, geometry, images=None)
    return sample


def _check_arrays(
    kind: type[DataKind], what: str, arrays: Mapping[str, np.ndarray], geometry: Geometry, images: int | None
) -> None:
    """The arrays have the kind's keys and types for devices; images are in [-1, 1], ids are integers."""
    expect(set(arrays) == set(kind.keys), f"{kind.name!r}: {what} has the keys {sorted(arrays)}, expected {kind.keys}")
    for key, array in arrays.items():
        place = f"{kind.name!r}: {what}, {key!r}"
        fit = isinstance(array, np.ndarray) and array.dtype in (np.float32, np.int32)
        expect(fit, f"{place} is {getattr(array, 'dtype', type(array).__name__)}, expected float32 or int32")
        expect(images is None or len(array) == images, f"{place} has shape {array.shape}, expected {images} images")
        expect(np.isfinite(array).all(), f"{place} contains NaN or infinity")
        if key in kind.ids:
            _check_ids(place, array, geometry.ids if key == kind.ids[0] else None)
        elif array.ndim == (3 if images is None else 4):
            _check_range(place, array)


def _check_range(place: str, array: np.ndarray) -> None:
    expect(array.dtype == np.float32, f"{place} is {array.dtype}, expected images as float32")
    low, high = float(array.min()), float(array.max())
    expect(low >= -1 and high <= 1, f"{place} is in [{low:g}, {high:g}], expected [-1, 1]")


def _check_ids(place: str, array: np.ndarray, count: int | None) -> None:
    whole = (array == np.round(array)).all() and array.min() >= 0
    expect(whole, f"{place} contains numbers that are not ids")
    expect(count is None or array.max() < count, f"{place} contains {array.max():g}; ids are 0 to {(count or 0) - 1}")


def _check_repeatable(kind: type[DataKind], reader: Reader, again: Reader, samples: Sequence[Arrays]) -> None:
    """A sample is a function of (seed, position), independent of order, reader and thread."""
    claim = f"{kind.name!r}: a sample depends on more than (seed, position)"
    backwards = [again.sample(_SEED, position) for position in reversed(_POSITIONS)]
    expect(_same(samples, backwards[::-1]), f"{claim}: two readers, or two orders, return different ones")
    with ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(lambda position: reader.sample(_SEED, position), _POSITIONS * _THREADS))
    expect(_same([*samples] * _THREADS, together), f"{claim}: concurrent threads get different ones")


def _check_batch(kind: type[DataKind], reader: Reader) -> None:
    step, size = 3, reader.batch_size
    whole = reader.batch(_SEED, step)
    alone = stacked([reader.sample(_SEED, step * size + row) for row in range(size)])
    expect(_same([whole], [alone]), f"{kind.name!r}: the rows of a batch are not the samples at their positions")
    last = reader.batch(_SEED, step, range(size - 1, size))
    rows = {key: array[size - 1 :] for key, array in whole.items()}
    expect(_same([last], [rows]), f"{kind.name!r}: batch(rows=) differs from the same rows of the whole batch")


def _check_probe(kind: type[DataKind], reader: Reader, folder: Path, geometry: Geometry) -> None:
    """The probe consists of batches of one with "source", and "target" if the ground truth is known."""
    with must_work(f"{kind.name!r}: probe"):
        found = reader.probe(folder)
    expect(found, f"{kind.name!r}: probe finds no picture in {folder}")
    for name, batch in found:
        place = f"{kind.name!r}: probe {name!r}"
        expect(
            isinstance(name, str) and "source" in batch, f"{place} has the keys {sorted(batch)}; 'source' is missing"
        )
        expect(all(len(array) == 1 for array in batch.values()), f"{place} is not a batch of one")
        channels = {"source": geometry.channels, "target": geometry.written}
        for key in channels.keys() & batch.keys():
            shape = batch[key].shape
            good = len(shape) == 4 and shape[3] == channels[key]
            expect(good, f"{place}, {key!r} has shape {shape}, expected (1, H, W, {channels[key]})")
            if key == "source" and kind.label_maps:
                _check_ids(f"{place}, {key!r}", batch[key], geometry.ids)
            else:
                _check_range(f"{place}, {key!r}", batch[key])
    _must_name(kind, "probe", folder / _MISSING, lambda: reader.probe(folder / _MISSING))


def _check_missing(kind: type[DataKind], options: ReaderOptions, geometry: Geometry) -> None:
    """A missing folder or file is reported by name, in a DataError or among the reader's problems."""
    for name, paths in _paths(options).items():
        gone = paths[0].parent / _MISSING
        stated = (gone,) if isinstance(getattr(options, name), tuple) else gone
        moved = kind(options.model_copy(update={name: stated}))
        _must_name(kind, f"option {name!r}", gone, lambda data=moved: data.reader(geometry).problems)


def _must_name(kind: type[DataKind], what: str, path: Path, find: Any) -> None:
    try:
        found = [str(each) for each in find()]
    except DataError as error:
        found = [str(error)]
    except Exception as error:
        claim = f"{kind.name!r}: {what}: a missing {path} raises {type(error).__name__}, expected DataError"
        raise AssertionError(claim) from error
    named = any(str(path) in text for text in found)
    expect(named, f"{kind.name!r}: {what}: a missing {path} must be named in a DataError or a problem, got {found}")


def _check_random_batch(kind: type[DataKind], reader: Reader, geometry: Geometry) -> None:
    """Random batches have the same keys, types and axes as the reader's."""
    side, images = -(-max(_SIDE, geometry.minimum) // geometry.multiple) * geometry.multiple, 3
    first, again = (
        kind.random_batch(np.random.default_rng(_SEED), images, side, geometry, reader.description) for _ in range(2)
    )
    _check_arrays(kind, "random_batch", first, geometry, images)
    expect(_same([first], [again]), f"{kind.name!r}: random_batch depends on more than its random generator")
    for key, array in reader.batch(_SEED, 0).items():
        made, read = (first[key].dtype, first[key].ndim), (array.dtype, array.ndim)
        expect(made == read, f"{kind.name!r}: random_batch returns {key!r} as {made}, the reader as {read}")


def _same(first: Sequence[Arrays], second: Sequence[Arrays]) -> bool:
    return all(
        one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
        for one, other in zip(first, second, strict=True)
    )


def _paths(options: ReaderOptions) -> dict[str, list[Path]]:
    """The paths in each option that contains any."""

    def found() -> Iterator[tuple[str, list[Path]]]:
        for name in type(options).model_fields:
            value = getattr(options, name)
            values = value if isinstance(value, tuple) else (value,)
            if paths := [each for each in values if isinstance(each, Path)]:
                yield name, paths

    return dict(found())
