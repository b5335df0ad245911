"""Engine forms that bundles lack, made when that saves more than it costs, and kept in the user's cache folder.

An entry is a folder named by what it depends on: the bundle's digest, the plugin of its task, the choices and the
version of the form. Several runs can share the cache: an entry is written under another name and renamed, by one run at
a time.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit.bundle import FORM_VERSION, Bundle, EngineForm, Manifest, PluginVersion, engine_form, form_in
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


@dataclass(frozen=True)
class FoundForm:
    """An engine form, or in words why there is none.

    Attributes:
        form: None if the run has to use TensorFlow
        note: "", or why there is no form
    """

    form: EngineForm | None
    note: str = ""


@dataclass(frozen=True)
class FormSource:
    """Where the engine form of a bundle comes from: its folder, or an entry of the cache, which can be made.

    Attributes:
        folder, manifest: the bundle
        plugin: the plugin of its task, as it is installed
        choices: choices of the task that differ from its defaults, as JSON
    """

    folder: Path
    manifest: Manifest
    plugin: PluginVersion
    choices: Mapping[str, Any]
    places: Places

    @property
    def entry(self) -> Path:
        """The folder in the cache, whether or not it exists."""
        plugin = [self.plugin.name, self.plugin.version]
        hashed = json.dumps([self.manifest.digest, plugin, dict(self.choices), FORM_VERSION], sort_keys=True)
        return self.places.cache / FOLDER / hashlib.sha256(hashed.encode()).hexdigest()[:32]

    def find(self) -> EngineForm | None:
        """The bundle's own form, or one in the cache; imports no TensorFlow, and reads no file of the form.

        Raises:
            BundleError: the bundle's own form is incomplete.
        """
        return engine_form(self.folder, self.manifest, self.choices) or self._cached()

    def make(self, load: Callable[[], Bundle]) -> FoundForm:
        """Make the form in the cache, which takes about ``seconds_to_make``, or wait for another run that makes it.

        Args:
            load: loads the bundle with these choices
        """
        try:
            return self._made(load)
        except (ExportError, BundleError, LockError) as error:
            return FoundForm(None, f"no engine form can be made: {error}")
        except OSError as error:
            return FoundForm(None, f"no engine form can be kept in {self.entry.parent}: {error.strerror or error}")

    def forget(self) -> None:
        """Remove the form from the cache, such as a damaged one."""
        shutil.rmtree(self.entry, ignore_errors=True)

    def _cached(self) -> EngineForm | None:
        """The form in the cache, which counts as used now."""
        found = form_in(self.entry)
        if found is None or any(found.choices.get(name) != value for name, value in self.choices.items()):
            return None
        with suppress(OSError):  # a cache that cannot be written
            os.utime(self.entry / RECORD)
        return found

    def _made(self, load: Callable[[], Bundle]) -> FoundForm:
        self.entry.parent.mkdir(parents=True, exist_ok=True)
        ends = time.monotonic() + WAIT
        while True:
            try:
                with locked(self.entry.with_suffix(".lock"), "another run, which makes the engine form,"):
                    form = self._cached() or _written(self.entry, load())  # another run may just have made it
                break
            except LockError:
                if time.monotonic() > ends:
                    raise
        _shrink(self.entry)
        return FoundForm(form)


def seconds_to_make(manifest: Manifest) -> float:
    """About how long it takes to make a bundle's form."""
    return SECONDS + manifest.weights.parameters * SECONDS_PER_PARAMETER


def pixels_that_pay(manifest: Manifest) -> int:
    """The number of pixels to translate from which making the form takes less time than it saves."""
    return math.ceil(seconds_to_make(manifest) / SAVED_PER_PIXEL)


def cache_size(places: Places) -> tuple[int, int]:
    """The number of forms in the cache, and their bytes."""
    entries = _entries(places.cache / FOLDER)
    return len(entries), sum(map(_bytes, entries))


def clear_cache(places: Places) -> None:
    """Remove all forms from the cache."""
    for entry in _entries(places.cache / FOLDER):
        shutil.rmtree(entry, ignore_errors=True)


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
