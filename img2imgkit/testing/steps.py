"""Contract tests for pipeline steps: run them to verify what pipelines rely on."""

from __future__ import annotations

import copy
import json
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import is_
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from img2imgkit.catalog import Catalog
from img2imgkit.config import Config
from img2imgkit.errors import ImageError
from img2imgkit.images import Affine, Metadata, Picture, encode
from img2imgkit.inference import ModelFinder
from img2imgkit.item import Entry, Item
from img2imgkit.step import Planning, Rendering, Resources, Sink, Source, Step, Transform
from img2imgkit.testing.claims import check_descriptions, check_docstring, check_name, check_options, expect, must_work


def sample_items() -> tuple[Item, ...]:
    """One item for each sort of picture. Their files do not exist; only sources read files."""
    rng = np.random.default_rng(2)
    metadata = Metadata(text={"Title": "sample"}, dpi=(72.0, 72.0))
    pictures = {
        "grey": Picture(_noise(rng, 9, 7, 1), None, "grey", metadata, "PNG", "L"),
        "rgb": Picture(_noise(rng, 13, 17, 3), None, "rgb", metadata, "PNG", "RGB"),
        "rgba": Picture(_noise(rng, 12, 8, 3), _noise(rng, 12, 8, 1), "rgb", metadata, "PNG", "RGBA"),
        "deep": Picture(_noise(rng, 6, 10, 3, np.uint16), None, "rgb", metadata, "PNG", "RGB;16"),
        "deep-grey-alpha": Picture(
            _noise(rng, 5, 5, 1, np.uint16), _noise(rng, 5, 5, 1, np.uint16), "grey", metadata, "PNG", "LA;16"
        ),
        "pixel": Picture(_noise(rng, 1, 1, 3), None, "rgb", metadata, "PNG", "RGB"),
    }
    return tuple(_item(name, picture, index) for index, (name, picture) in enumerate(pictures.items()))


def _item(name: str, picture: Picture, index: int) -> Item:
    relative = PurePosixPath("folder", f"{name}.png")
    entry = Entry(f"/nowhere/{relative}", relative, index, picture.color.nbytes, "0")
    return Item.still(entry, picture)


def _noise(rng: np.random.Generator, height: int, width: int, channels: int, dtype: type = np.uint8) -> np.ndarray:
    return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)


_THREADS = 4


def check_step(
    step_class: type[Step],
    options: Config | None = None,
    items: Iterable[Item] | None = None,
    *,
    catalog: Catalog | None = None,
) -> None:
    """Verify the contract of a step.

    Args:
        items: inputs for a transform or sink; pictures of every sort by default. A source needs options that refer to
            existing files.
        catalog: for steps that use it; empty by default

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    kinds = [base for base in (Source, Transform, Sink) if issubclass(step_class, base)]
    expect(len(kinds) == 1, f"{step_class.__name__} must derive from one of Source, Transform and Sink")
    check_name(step_class)
    check_docstring(step_class)
    check_descriptions(step_class.Options)
    catalog = catalog or Catalog(())
    first, second = (_opened(step_class, options, catalog) for _ in range(2))
    try:
        check_options(first.options)
        _check_stated(first, second)
        if isinstance(first, Source):
            _check_source(first)
        else:
            _check_items(first, second, tuple(sample_items() if items is None else items))
    finally:
        first.close()
        second.close()


def _opened(step_class: type[Step], options: Config | None, catalog: Catalog) -> Step:
    with must_work(f"{step_class.__name__} cannot be prepared and opened"):
        step = step_class(options)
        step.prepare(Planning(ModelFinder(catalog), {}, ()))
        step.open(Resources("cpu"))
    return step


def _check_stated(first: Step, second: Step) -> None:
    """Fingerprint and facts, stored in ledgers and used by templates, are plain and reproducible data."""
    for name in ("fingerprint", "facts"):
        stated, again = dict(getattr(first, name)()), dict(getattr(second, name)())
        try:
            text = json.dumps(stated)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{name}() returns {stated!r}, which is not plain JSON data: {error}") from error
        expect(
            text == json.dumps(again), f"{name}() differs between two steps with the same options: {stated}, {again}"
        )


def _check_items(first: Step, second: Step, items: tuple[Item, ...]) -> None:
    expect(items, "no items to test the step with")
    run = _transformed if isinstance(first, Transform) else _rendered
    results = []
    for item in items:
        untouched = copy.deepcopy(item)
        results.append(run(first, item))
        name = item.entry.relative
        expect(_same_item(item, untouched), f"{first.name!r} modified its input item {name}")
        expect(
            results[-1] == run(first, item), f"{first.name!r} is not deterministic: two different results for {name}"
        )
        expect(results[-1] == run(second, item), f"two {first.name!r} steps with the same options differ on {name}")
    if getattr(first, "lane", "cpu") == "cpu":
        _check_threads(first, run, items, results)


def _check_threads(step: Step, run: Callable[[Any, Item], Any], items: tuple[Item, ...], results: list[Any]) -> None:
    """Concurrent calls give the same results as sequential ones."""
    with ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(lambda item: run(step, item), items * _THREADS))
    expect(together == results * _THREADS, f"{step.name!r} gives other results when several threads call it")


def _transformed(step: Any, item: Item) -> Any:
    """The result of ``apply`` as comparable values: pixels, metadata, notes; or the error of a refusal."""
    try:
        result = step.apply_to_frames(item)
    except ImageError as error:
        return ("refused", str(error))
    expect(isinstance(result, Item), f"{step.name!r} returned {type(result).__name__}, expected an Item")
    same = isinstance(result.originals, tuple) and len(result.originals) == len(item.originals)
    same = same and all(map(is_, result.originals, item.originals))
    kept = result.entry == item.entry and same
    expect(kept, f"{step.name!r} lost the entry or the original of {item.entry.relative}: use item.with_picture(...)")
    frame = item.frames[0]
    stated = step.output_size(frame.width, frame.height)
    actual = (result.frames[0].width, result.frames[0].height)
    expect(
        stated in (None, actual),
        f"{step.name!r} states an output of {stated} pixels for {item.entry.relative}, but returns {actual}",
    )
    notes = {key: value for key, value in item.notes.items() if result.notes.get(key) != value}
    expect(not notes, f"{step.name!r} lost the notes {sorted(notes)} of earlier steps")
    for before, after in zip(item.frames, result.frames, strict=False):
        _check_turn(step, before, after)
        _check_writable(step, after, item.entry.relative)
    return (*map(_plain, result.frames), json.dumps(dict(result.notes), sort_keys=True, default=str))


def _check_turn(step: Any, before: Picture, after: Picture) -> None:
    """A picture that was mirrored or turned says so, or metadata such as a georeference would be wrong."""
    color, size = before.color, (after.width, after.height)
    turned = {2: color[:, ::-1], 3: color[::-1, ::-1], 4: color[::-1], 6: np.rot90(color, -1), 8: np.rot90(color)}
    places, stated = before.metadata.placement, after.metadata.placement
    known = places.in_picture((before.width, before.height)) if places else None
    if known is None or stated is None or np.array_equal(after.color, color):
        return
    for orientation, pixels in turned.items():
        by = Affine.turn(orientation, before.width, before.height)
        if np.array_equal(after.color, pixels) and stated.in_picture(size) not in (None, known.then(by)):
            raise AssertionError(
                f"{step.name!r} mirrors or turns pictures without saying so: use picture.with_pixels(..., "
                f"by=Affine.turn({orientation}, width, height))"
            )


def _check_writable(step: Any, picture: Picture, name: PurePosixPath) -> None:
    """A picture can be written, whatever the layout of its arrays."""
    for format in ("TIFF",) if picture.space == "cmyk" else ("PNG", "TIFF"):
        with must_work(f"what {step.name!r} makes of {name} as {format}"):
            encode(picture, format)


def _rendered(step: Any, item: Item) -> Any:
    """The result of ``render`` as comparable values; or the error of a refusal."""
    known = step.target(item.entry)
    expect(
        known == step.target(item.entry),
        f"target() of {step.name!r} returns two different targets for {item.entry.relative}",
    )
    try:
        made = step.render(item)
    except ImageError as error:
        return ("refused", str(error))
    expect(isinstance(made, Rendering), f"{step.name!r} returned {type(made).__name__}, expected a Rendering")
    for target in (known, made.target):
        inside = isinstance(target, PurePosixPath) and not target.is_absolute() and ".." not in target.parts
        expect(inside, f"{step.name!r} has the target {target}, which is not inside its location")
    return (str(known), str(made.target), made.data, json.dumps(dict(made.notes), sort_keys=True, default=str))


def _check_source(source: Source) -> None:
    (entries, ignored), again = _found(source), _found(source)
    expect((entries, ignored) == again, f"{source.name!r} found different files in an unchanged folder")
    expect(entries, f"{source.name!r} found nothing: use options that refer to existing files")
    numbers = [entry.index for entry in entries]
    expect(
        numbers == list(range(len(numbers))),
        f"{source.name!r} numbers its entries {numbers[:5]}..., expected 0, 1, 2...",
    )
    paths = [entry.relative for entry in entries]
    expect(len(set(paths)) == len(paths), f"{source.name!r} finds two entries with the same relative path")
    for entry in entries:
        texts = isinstance(entry.location, str) and isinstance(entry.version, str)
        expect(texts, f"{source.name!r} gives {entry.relative} a location or version that is not a string")
        expect(
            source.reads(entry.location), f"{source.name!r} found {entry.location}, but reads() returns False for it"
        )
        expect(
            _loaded(source, entry) == _loaded(source, entry),
            f"{source.name!r} loads {entry.relative} differently each time",
        )


def _found(source: Source) -> tuple[list[Entry], Counter[str]]:
    """The entries and ignored files of a source. ``find`` must be an iterator, so that many entries fit into memory."""
    ignored: Counter[str] = Counter()
    stream = source.find(ignored)
    expect(
        isinstance(stream, Iterator), f"find() of {source.name!r} returns {type(stream).__name__}, expected an iterator"
    )
    return list(stream), ignored


def _loaded(source: Source, entry: Entry) -> Any:
    try:
        item = source.load(entry)
    except ImageError as error:
        return ("refused", str(error))
    expect(item.entry == entry, f"{source.name!r} loads {entry.relative} as {item.entry.relative}")
    same = len(item.frames) == len(item.originals) and all(map(operator.is_, item.frames, item.originals))
    expect(same, f"{source.name!r} loads {entry.relative} with originals that differ from its frames")
    for frame in item.frames:
        _check_writable(source, frame, entry.relative)
    return tuple(map(_plain, item.frames))


def _plain(picture: Picture) -> tuple[Any, ...]:
    alpha = None if picture.alpha is None else picture.alpha.tobytes()
    return (
        picture.color.shape,
        str(picture.color.dtype),
        picture.color.tobytes(),
        alpha,
        picture.space,
        picture.metadata,
        picture.format,
        picture.mode,
    )


def _same_item(first: Item, second: Item) -> bool:
    pixels = all(
        tuple(map(_plain, before)) == tuple(map(_plain, after))
        for before, after in ((first.frames, second.frames), (first.originals, second.originals))
    )
    return pixels and first.entry == second.entry and dict(first.notes) == dict(second.notes)
