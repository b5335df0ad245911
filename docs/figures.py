"""Tables of pages that come from measurements and from the models themselves, so that nobody retypes a figure.

A page marks the place of each table: ``<!-- figures: NAME -->`` and ``<!-- end of figures -->``. ``docs/generate.py``
fills it, and finds tables that are out of date.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from img2imgkit import bundle
from img2imgkit.catalog import Catalog

DOCS = Path(__file__).parent
PLACE = re.compile(r"(<!-- figures: (?P<name>[a-z-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
SIDES = ("Translator", "PyTorch", "torch.compile", "ONNX Runtime", "OpenVINO", "ncnn")
SPEED = "results/speed.json"
PRESETS = "results/presets.json"


def filled_pages(catalog: Catalog) -> dict[Path, str]:
    """The text of every page that has places for figures, with today's figures."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: filled(text, catalog) for path, text in texts.items() if PLACE.search(text)}


def filled(text: str, catalog: Catalog) -> str:
    """A page with the tables that its places name. Raises KeyError for a name without a table."""
    return PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place['name']](catalog)}\n{place[3]}", text)


def translations(_: Catalog) -> str:
    """Milliseconds for one picture, by side."""
    found = measured(SPEED)["peers"]
    rows = []
    for record in found["records"]:
        times = [milliseconds(record["sides"].get(side, {}).get("seconds")) for side in SIDES]
        rows.append((f"{record['model']}, {record['side']}x{record['side']}", record["precision"], *times))
    return table(("network", "precision", "this toolkit", *SIDES[1:]), rows) + versions_line(found["machine"])


def training_steps(_: Catalog) -> str:
    """Milliseconds of a training step, ours and PyTorch's."""
    rows = []
    for method, found in measured(SPEED)["training_step_ms"].items():
        for precision in ("float32", "bfloat16"):
            ours, theirs = found[f"ours {precision}"], found[f"PyTorch {precision}"]
            rows.append((f"{method}, batch 1", precision, f"{ours:,}", f"{theirs:,}", f"{theirs / ours:.2f}"))
    return table(("step", "precision", "this toolkit", "PyTorch", "times as fast"), rows)


def runs(_: Catalog) -> str:
    """Seconds and memory of whole runs."""
    rows = []
    for name, found in measured(SPEED)["runs"].items():
        side, when, precision = name.split()
        if when == "now":
            seconds, peak = (statistics.median(each[key] for each in found) for key in ("seconds", "peak_mib"))
            rows.append((f"{side}x{side} pixels", precision, f"{seconds:.1f} s", f"{peak:.0f} MiB"))
    return table(("pictures", "precision", "time", "peak memory"), rows)


def scores(catalog: Catalog) -> str:
    """PSNR and SSIM on Set5 of the bundled models and of those of the index, best first for each scale."""
    rows = []
    for name, folder in catalog.bundles.items():
        manifest = bundle.describe(folder)
        rows.append((name, manifest.contract.scale, manifest.weights.parameters, "bundled", of_set5(manifest.scores)))
    for name, entry in catalog.model_index.items():
        rows.append((name, scale_of(name), None, entry.licence.id, of_set5(entry.scores)))
    ranked = sorted((row for row in rows if "psnr_y" in row[4]), key=lambda row: (row[1], -row[4]["psnr_y"]))
    lines = [
        (f"`{name}`", f"{scale}x", f"{each['psnr_y']:.2f}", f"{each['ssim_y']:.4f}", origin)
        for name, scale, _, origin, each in ranked
    ]
    return table(("model", "scale", "PSNR", "SSIM", "licence"), lines)


def of_set5(found: Iterable[Any]) -> dict[str, float]:
    """The scores on Set5 by metric."""
    return {each.metric: each.value for each in found if each.set == "Set5"}


def scale_of(name: str) -> int:
    """The scale that a model's name states."""
    stated = re.search(r"x(\d)(plus|-|$)", name)
    return int(stated[1]) if stated else 1


def presets(_: Catalog) -> str:
    """The small training files with the time of all their steps."""
    found = measured(PRESETS)
    rows = [
        (f"`{Path(row['file']).name}`", f"{row['steps']:,}", f"{row['seconds_per_step']:.2f} s", hours(row["hours"]))
        for row in found["presets"]
    ]
    machine = found["machine"]
    shown = table(
        ("file", "steps", "a step", "all steps on a CPU", "on a GPU"), [(*row, "not measured") for row in rows]
    )
    return (
        f"{shown}\nMeasured by `python benchmarks/small_trainings.py` on {machine['cores']} cores of an "
        f"{machine['processor']}, {machine['system']}, TensorFlow {machine['tensorflow']}, {machine['date']}, "
        "in float32, while other programs ran: the fastest interval of 10 steps counts.\n"
    )


def hours(value: float) -> str:
    """A time that a reader can plan with."""
    return f"{60 * value:.0f} min" if value < 1.5 else f"{value:.1f} h"


def measured(name: str) -> Any:
    """The figures of a file in ``docs``."""
    return json.loads((DOCS / name).read_text(encoding="utf-8"))


def milliseconds(seconds: Sequence[float] | None) -> str:
    """The median, or nothing where nothing was measured."""
    if seconds is None:
        return ""
    return f"{1000 * statistics.median(seconds):,.0f}" if seconds else "failed"


def versions_line(machine: Mapping[str, Any]) -> str:
    """The machine and the versions of a measurement."""
    names = ("img2imgkit", "torch", "onnxruntime", "openvino", "ncnn")
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in names)
    return f"\nMilliseconds, medians; {machine['cores']} cores of an {machine['model name']}; {versions}.\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


TABLES: Mapping[str, Callable[[Catalog], str]] = {
    "presets": presets,
    "runs": runs,
    "scores": scores,
    "training-steps": training_steps,
    "translations": translations,
}
