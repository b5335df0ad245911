"""What the page says of each model: installed bundles, and models of the index, which can be added from the page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import img2imgkit as kit
from img2imgkit import bundle
from img2imgkit.app import commands
from img2imgkit.app.roots import shown
from img2imgkit.app.run_process import RunProcess
from img2imgkit.app.surveys import error_of
from img2imgkit.errors import RequestError, ToolkitError
from img2imgkit.inference import BUILT_IN

_METRICS = {"psnr_y": "PSNR", "ssim_y": "SSIM"}


class ModelCards:
    """The models of this environment. Adding one reads them again.

    Args:
        notify: called after a model was added, or could not be
    """

    def __init__(self, notify: Callable[[], object]) -> None:
        self._notify = notify
        self._lock = threading.Lock()
        self._catalog: kit.Catalog | None = None
        self._adding: dict[str, str] = {}  # by name: "" while it is being added, then what went wrong
        self._proved: set[str] = set()
        self._pool = ThreadPoolExecutor(1, "models")

    def cards(self) -> dict[str, Any]:
        """Installed models, models of the index that are not, engines, and broken plugins."""
        catalog = self._read()
        installed = [_installed(catalog, name) for name in catalog.bundles]
        entries = (entry for entry in catalog.model_index.values() if entry.kind == "model")
        index = [self._entry(entry) for entry in entries if entry.name not in catalog.bundles]
        engines = ["auto", *sorted({*BUILT_IN, *catalog.engines})]
        broken = [{"plugin": each.plugin, "reason": shown(each.reason)} for each in catalog.broken]
        return {"installed": installed, "index": index, "engines": engines, "broken": broken}

    def prove(self, name: str) -> None:
        """Check that a model can run on pictures alone. Raises RequestError: it cannot, or is not installed."""
        catalog = self._read()
        if name in self._proved:
            return
        if name not in catalog.bundles:
            raise RequestError(f"no model {name!r} is installed", 404)
        if (found := _installed(catalog, name))["problem"]:
            raise RequestError(f"{name}: {found['problem']}", 409)
        self._proved.add(name)

    def add(self, name: str, accepted: str) -> None:
        """Fetch a model of the index in a child process.

        Args:
            accepted: the licence that the user accepts; "" if it is free

        Raises:
            RequestError: the index has no such model, or its licence is not accepted.
        """
        entry = self._read().model_index.get(name)
        if entry is None:
            raise RequestError(f"the index has no model {name!r}", 404)
        if not entry.licence.is_free and accepted != entry.licence.id:
            raise RequestError(f"{name}: accept its licence, {entry.licence.id}", 409)
        with self._lock:
            if self._adding.get(name) == "":
                return
            self._adding[name] = ""
        self._pool.submit(self._fetch, name, [accepted] if accepted else [])
        self._notify()

    def close(self) -> None:
        """Start no more; a model that is being fetched is left to its process, which leaves nothing half done."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, name: str, accepted: list[str]) -> None:
        ended = RunProcess(commands.add_model(name, accepted), lambda event: None).wait()
        with self._lock:
            if ended.code == 0:
                self._adding.pop(name)
                self._catalog = None
                self._proved.clear()
            else:
                self._adding[name] = error_of(ended)
        self._notify()

    def _read(self) -> kit.Catalog:
        with self._lock:
            if self._catalog is None:
                self._catalog = kit.Catalog.installed()
            return self._catalog

    def _entry(self, entry: kit.ModelEntry) -> dict[str, Any]:
        adding = self._adding.get(entry.name)
        return {
            "name": entry.name,
            "about": entry.about,
            "example": entry.example,
            "bytes": entry.bytes,
            "licence": entry.licence.id,
            "free": entry.licence.is_free,
            "stated_by": entry.licence.stated_by,
            "credits": list(entry.attribution),
            "scores": [_score(score) for score in entry.scores],
            "adding": adding == "",
            "problem": adding or "",
        }


def _installed(catalog: kit.Catalog, name: str) -> dict[str, Any]:
    folder = catalog.bundles[name]
    try:
        manifest = bundle.describe(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        problem = _obstacle(catalog, manifest)
    except (ToolkitError, OSError) as error:
        return {"name": name, "problem": shown(error), "task": "", "about": "", "scores": [], "scale": 1, "bytes": 0}
    return {
        "name": name,
        "task": manifest.task,
        "about": manifest.description,
        "scale": manifest.contract.scale,
        "parameters": manifest.weights.parameters,
        "bytes": size,
        "licence": manifest.licence,
        "credits": list(manifest.attribution),
        "scores": [_score(score) for score in manifest.scores],
        "problem": problem,
    }


def _obstacle(catalog: kit.Catalog, manifest: bundle.Manifest) -> str:
    """Why a model does not run on pictures alone; "" if it does."""
    kind = catalog.data_kinds.get(manifest.contract.data)
    alone = kind is not None and kind.picture_alone
    return "" if alone else "It needs inputs besides the picture: run it by a pipeline file."


def _score(score: Any) -> str:
    return f"{score.set}: {_METRICS.get(score.metric, score.metric)} {score.value:.4g}"
