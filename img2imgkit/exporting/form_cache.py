"""Engine forms that bundles lack, made when that saves more than it costs, and kept in the user's cache folder.

An entry is a folder named by what it depends on: the bundle's digest, the choices and the version of the form. Several
runs can share the cache: an entry is written under another name and renamed, by one run at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit.bundle import FORM_VERSION, Bundle, EngineForm, Manifest, engine_form, form_in
from img2imgkit.bundle.engine_form import RECORD
from img2imgkit.errors import BundleError, ExportError, LockError
from img2imgkit.exporting.engine_form import write_engine_form
from img2imgkit.files import write_whole
from img2imgkit.locks import locked
from img2imgkit.places import Places

FOLDER = "engine-forms"
LARGEST_CACHE = 4 << 30  # bytes; the least recently used entries beyond are removed
WAIT = 300.0  # seconds for another run that makes the same form

# Measured on 2 cores with AVX-512: making the forms of networks of 0.1 to 54 million parameters, and the time that a
# source pixel takes less in OpenVINO float32 than in TensorFlow, for the smallest of them, sr-compact-x2.
SECONDS, SECONDS_PER_PARAMETER = 5.0, 1.5e-6
SAVED_PER_PIXEL = 3e-7
ASSUMED_PIXELS = 1 << 18  # of a picture whose size is not known


@dataclass(frozen=True)
class Workload:
    """What a run will translate.

    Attributes:
        pictures: how many
        pixels: of all of them, as far as headers were read; None if none was
    """

    pictures: int
    pixels: int | None = None


@dataclass(frozen=True)
class FoundForm:
    """The engine form for a run, or in words why there is none.

    Attributes:
        form: None if the run has to use TensorFlow
        note: "", or why there is no form
    """

    form: EngineForm | None
    note: str = ""


def engine_form_for(
    folder: Path,
    manifest: Manifest,
    choices: Mapping[str, Any],
    work: Workload,
    places: Places,
    load: Callable[[], Bundle],
) -> FoundForm:
    """The engine form of a bundle for a run: the bundle's own, one in the cache, or one that is made now if it pays.

    Nothing here imports TensorFlow unless a form is made.

    Args:
        folder, manifest: the bundle
        choices: all choices of the task, as JSON
        load: loads the bundle with these choices; called only if a form is made

    Raises:
        BundleError: the bundle's own form is incomplete.
    """
    entry = entry_of(manifest, choices, places)
    if found := engine_form(folder, manifest, choices) or _used(entry):
        return FoundForm(found)
    if not pays(manifest, work):
        return FoundForm(None, "the bundle has no engine form, and making one would take longer than it saves")
    try:
        return _made(entry, load)
    except (ExportError, BundleError, LockError) as error:
        return FoundForm(None, f"no engine form can be made: {error}")
    except OSError as error:
        return FoundForm(None, f"no engine form can be kept in {entry.parent}: {error.strerror or error}")


def pays(manifest: Manifest, work: Workload) -> bool:
    """Whether making the form takes less time than it saves in a run."""
    pixels = work.pictures * ASSUMED_PIXELS if work.pixels is None else work.pixels
    return pixels * SAVED_PER_PIXEL > SECONDS + manifest.weights.parameters * SECONDS_PER_PARAMETER


def entry_of(manifest: Manifest, choices: Mapping[str, Any], places: Places) -> Path:
    """The folder in the cache of a bundle's form with these choices, whether or not it exists."""
    hashed = json.dumps([manifest.digest, dict(choices), FORM_VERSION], sort_keys=True)
    return places.cache / FOLDER / hashlib.sha256(hashed.encode()).hexdigest()[:32]


def cache_size(places: Places) -> tuple[int, int]:
    """The number of forms in the cache, and their bytes."""
    entries = _entries(places.cache / FOLDER)
    return len(entries), sum(map(_bytes, entries))


def clear_cache(places: Places) -> None:
    """Remove all forms from the cache."""
    for entry in _entries(places.cache / FOLDER):
        shutil.rmtree(entry, ignore_errors=True)


def _used(entry: Path) -> EngineForm | None:
    """The form of an entry, which counts as used now."""
    if found := form_in(entry):
        with suppress(OSError):  # a cache that cannot be written
            os.utime(entry / RECORD)
    return found


def _made(entry: Path, load: Callable[[], Bundle]) -> FoundForm:
    entry.parent.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + WAIT
    while True:
        try:
            with locked(entry.with_suffix(".lock"), "another run, which makes the engine form,"):
                form = _used(entry) or _written(entry, load())  # another run may just have made it
            break
        except LockError:
            if time.monotonic() > ends:
                raise
    _shrink(entry)
    return FoundForm(form)


def _written(entry: Path, bundle: Bundle) -> EngineForm | None:
    fresh = entry.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was killed
    try:
        record = write_engine_form(bundle, fresh)
        write_whole(fresh / RECORD, json.dumps(record.model_dump(mode="json"), indent=2) + "\n")
        shutil.rmtree(entry, ignore_errors=True)  # incomplete
        fresh.rename(entry)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return form_in(entry)


def _shrink(newest: Path) -> None:
    """Remove the least recently used entries beyond the limit, and never the newest."""
    total = 0
    for entry in sorted(_entries(newest.parent), key=_last_use, reverse=True):
        total += _bytes(entry)
        if total > LARGEST_CACHE and entry != newest:
            shutil.rmtree(entry, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
    except OSError:
        return []


def _last_use(entry: Path) -> float:
    try:
        return (entry / RECORD).stat().st_mtime
    except OSError:
        return 0.0


def _bytes(entry: Path) -> int:
    with suppress(OSError):
        return sum(each.stat().st_size for each in entry.iterdir())
    return 0
