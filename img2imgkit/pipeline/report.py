"""The report of a run: ``report.json`` for programs, ``report.html`` for people, both in the main sink's folder.

The schema of ``report.json`` is versioned; within a version, fields are only added.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from html import escape
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from img2imgkit import __version__
from img2imgkit.images import Picture, release_pixels
from img2imgkit.inference import FAST, Decision
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline.executor import Outcome, Result
from img2imgkit.pipeline.notes import kinds_of_notes
from img2imgkit.pipeline.output_folder import folder_of, write_own_file
from img2imgkit.pipeline.own_files import REPORTS, STATE, THUMBNAILS
from img2imgkit.pipeline.plan import Plan

MAX_SIDE = 360  # pixels, and at least half of that, of larger pictures; the page shows 210
ROWS = 32  # of a large picture that are sampled at a time
MAX_ITEMS = 200


class Thumbnails:
    """Thumbnails of one output folder, in ``.img2img/thumbnails/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / STATE / THUMBNAILS
        self._output = folder

    def make(self, item: Item) -> None:
        """Write both thumbnails of an item's first frame. Errors are ignored: they must not make the item fail."""
        if item.entry.index >= MAX_ITEMS:
            return
        with suppress(OSError, ValueError, MemoryError):
            for path, picture in zip(self.paths(item.entry), (item.originals[0], item.frames[0]), strict=True):
                jpeg = io.BytesIO()
                _small(picture).save(jpeg, "JPEG", quality=85)
                write_own_file(self._output, PurePosixPath(STATE, THUMBNAILS, path.name), jpeg.getvalue(), sync=False)

    def paths(self, entry: Entry) -> tuple[Path, Path]:
        """Return the paths of an entry's two thumbnails, whether or not they exist."""
        identity = "\0".join([str(entry.relative), *(f"{field}={value}" for field, value in entry.variant)])
        name = hashlib.sha1(identity.encode(errors="surrogatepass")).hexdigest()[:16]
        return self.folder / f"{name}-before.jpg", self.folder / f"{name}-after.jpg"


def _small(picture: Picture) -> Image.Image:
    # Subsample first, to avoid copying a huge picture.
    stride = max(1, max(picture.width, picture.height) // (2 * MAX_SIDE))
    levels = _sampled(picture.color, stride)
    levels = (levels >> 8).astype(np.uint8) if levels.dtype == np.uint16 else levels
    mode = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[picture.space]
    image = Image.fromarray(np.ascontiguousarray(levels[..., 0] if mode == "L" else levels), mode)
    return image.reduce(-(-max(image.size) // MAX_SIDE)).convert("RGB")  # means of blocks: a tenth of bicubic's time


def _sampled(color: np.ndarray, stride: int) -> np.ndarray:
    """Every so many rows and columns of a picture, few rows in memory at a time."""
    wanted = color[::stride, ::stride]
    made = np.empty_like(wanted)
    for start in range(0, len(wanted), ROWS):
        made[start : start + ROWS] = wanted[start : start + ROWS]
        release_pixels(color)
    return made


SCHEMA = 1
JSON, HTML = REPORTS
DISTRIBUTIONS = ("img2imgkit", "tensorflow", "keras", "numpy", "pillow", "simplejpeg", "imagecodecs", "tifffile")


def make_report(plan: Plan, result: Result, began: float) -> dict[str, Any]:
    """Return the report as JSON data."""
    pipeline = plan.pipeline
    return {
        "schema": SCHEMA,
        "pipeline": pipeline.name,
        "file": pipeline.document.file,
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(began)),
        "seconds": round(result.seconds, 3),
        "interrupted": result.interrupted,
        "devices": list(result.devices),
        "versions": {"python": platform.python_version(), **_versions()},
        "plugins": sorted({f"{use.plugin} {use.version}" for use in pipeline.uses}),
        "steps": [{"uses": u.step.name, "with": u.step.options.model_dump(mode="json")} for u in pipeline.uses],
        "engines": list(engine_lines(plan)),
        "licences": _licences(plan),
        "recipe": plan.recipes.common.digest,
        "totals": {
            "found": len(result.outcomes),
            "done": result.count("done"),
            "up_to_date": result.count("up to date"),
            "failed": result.count("failed"),
            "not_reached": result.count("not reached"),
            "skipped": result.count("skipped"),
            "ignored": dict(plan.ignored),
        },
        "notes": [asdict(kind) for kind in kinds_of_notes(result.outcomes)],
        "items": [_item(outcome) for outcome in result.outcomes],
    }


def engine_lines(plan: Plan) -> Iterator[str]:
    """What runs the models of a plan, one sentence for each model."""
    for step in plan.recipes.common.steps:
        if engine := step.get("on", {}).get("engine"):
            why = f" ({Decision.model_validate(engine[FAST])})" if FAST in engine else ""
            runs = "{name} {version} on the {device}, {precision}".format_map(engine)
            yield f"{step['uses']} runs with {runs}{why}"


def _licences(plan: Plan) -> dict[str, str]:
    """The licences of all models of a plan, by name."""
    return {name: text for use in plan.pipeline.uses for name, text in use.step.licences().items()}


def write_report(report: dict[str, Any], plan: Plan) -> Path:
    """Write both files and return the path of the HTML file. Raises OSError if they cannot be written."""
    folder = folder_of(plan.pipeline.main_sink)
    write_own_file(folder, PurePosixPath(JSON), json.dumps(report, indent=1) + "\n")
    write_own_file(folder, PurePosixPath(HTML), _html(report, plan, folder))
    return folder / HTML


def _versions() -> dict[str, str]:
    found = {"img2imgkit": __version__}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _item(outcome: Outcome) -> dict[str, Any]:
    return {
        "input": outcome.entry.location,
        "relative": str(outcome.entry.relative),
        "index": outcome.entry.index,
        "variant": dict(outcome.entry.variant),
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "before": outcome.before,
        "outputs": list(outcome.outputs),
        "notes": _plain(outcome.notes),
    }


def _plain(value: Any) -> Any:
    """Convert a note to JSON data: NumPy scalars become numbers, other types that JSON lacks become strings."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    known = value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return value if known else str(value)


def _html(report: dict[str, Any], plan: Plan, folder: Path) -> str:
    page = Template(resources.files(__package__).joinpath("report_page.html").read_text(encoding="utf-8"))
    thumbnails = Thumbnails(folder)
    items = sorted(report["items"], key=lambda item: item["status"] != "failed")
    main = plan.pipeline.sinks.index(plan.pipeline.main_sink)
    rows = (_row(item, _entry(item), thumbnails, folder, main) for item in items)
    totals = report["totals"]
    ignored = ", ".join(f"{escape(reason)} ({count})" for reason, count in totals["ignored"].items())
    return page.substitute(
        name=escape(report["pipeline"]),
        state="interrupted" if report["interrupted"] else "finished",
        began=escape(report["began"]),
        seconds=f"{report['seconds']:.1f}",
        device=escape(", ".join(report["devices"]) or "CPU"),
        tallies="".join(
            _tally(totals[key], label, key) for key, label in TALLIES.items() if totals[key] or key == "done"
        ),
        ignored=f"<p class=ignored>Ignored: {ignored}.</p>" if ignored else "",
        notes=_note_list(report["notes"]),
        rows="".join(rows),
        steps="".join(
            f"<li><b>{escape(s['uses'])}</b> <code>{escape(_options(s['with']))}</code></li>" for s in report["steps"]
        ),
        engines="".join(f"<p class=engine>{escape(line)}</p>" for line in (*report["engines"], *_credits(report))),
        versions=escape(", ".join(f"{name} {version}" for name, version in report["versions"].items())),
    )


def _credits(report: dict[str, Any]) -> Iterator[str]:
    return (f"licence of {name}: {text}" for name, text in report["licences"].items())


def _note_list(notes: list[dict[str, Any]]) -> str:
    lines = (f"<li>{escape(_clean(each['note']))} <b>{each['pictures']}</b>" for each in notes)
    return f"<ul class=notes>{''.join(lines)}</ul>" if notes else ""


TALLIES = {
    "done": "made",
    "up_to_date": "up to date",
    "failed": "failed",
    "not_reached": "not reached",
    "skipped": "skipped",
}


def _tally(count: int, label: str, kind: str) -> str:
    return f"<div class='tally {kind}'><b>{count}</b> {label}</div>"


def _options(options: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in options.items() if value not in (None, "", (), []))


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(item["input"], PurePosixPath(item["relative"]), item["index"], -1, "", tuple(item["variant"].items()))


def _row(item: dict[str, Any], entry: Entry, thumbnails: Thumbnails, folder: Path, main: int) -> str:
    sides = ("before", "after") if item["status"] in ("done", "up to date") else ()  # else of an earlier run
    paths = zip(thumbnails.paths(entry), sides, strict=False)
    pictures = "".join(_thumbnail(path, folder, side) for path, side in paths)
    outputs = "<br>".join(
        f"<a href='{_link(Path(o['path']), folder)}'>{escape(_below(o['path'], folder))}</a>" for o in item["outputs"]
    )
    after: dict[str, Any] = next((output for output in item["outputs"] if output["sink"] == main), {})
    sizes = " → ".join(_size(each) for each in (item["before"], after) if each)
    seconds = sum(item["seconds"].values())
    notes = "; ".join(f"{key}: {_readable(value)}" for key, value in item["notes"].items() if key != "trace")
    reason = item["reason"] if item["status"] in ("failed", "not reached", "skipped") else ""
    return (
        f"<tr class='{item['status'].replace(' ', '-')}'><td class=pictures>{pictures}</td>"
        f"<td><b>{escape(_clean(entry.title))}</b><br><span class=status>{item['status']}</span> "
        f"{escape(_clean(reason))}"
        f"<div class=notes>{escape(_clean(notes))}</div></td>"
        f"<td>{sizes}</td><td class=number>{f'{seconds:.2f} s' if seconds else ''}</td><td>{outputs}</td></tr>\n"
    )


def _readable(value: Any) -> str:
    """Format a note for people: ``model sr-compact-x2, tiles 4``."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_readable(each)}" for key, each in value.items())
    return "; ".join(map(_readable, value)) if isinstance(value, list | tuple) else str(value)


def _thumbnail(path: Path, folder: Path, side: str) -> str:
    return f"<img loading=lazy alt='{side}' title='{side}' src='{_link(path, folder)}'>" if path.exists() else ""


def _size(picture: dict[str, Any]) -> str:
    return f"{picture['width']}×{picture['height']} {picture['depth']} bit"


def _below(path: str, folder: Path) -> str:
    return _clean(os.path.relpath(path, folder))


def _link(path: Path, folder: Path) -> str:
    return quote(os.fsencode(os.path.relpath(path, folder).replace(os.sep, "/")))


def _clean(text: str) -> str:
    """Escape bytes that are not UTF-8, which occur in file names."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
