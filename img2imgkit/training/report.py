"""``report.html`` of a training run: curves and the history of its sample sheets, in one file without scripts."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from img2imgkit.files import write_whole
from img2imgkit.training.run_folder import RunFolder

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 240, 64, 24, 12
Point = tuple[float, float]

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#222}
svg{background:#fafafa;border:1px solid #ddd;width:100%;height:auto}img{max-width:100%}
h2{font-size:1.1em;margin:1.6em 0 .4em}figure{margin:1em 0}figcaption{color:#666}"""


def write_report(folder: RunFolder, name: str) -> None:
    """Write the report of what ``metrics.jsonl`` has so far."""
    records = folder.records()
    parts = [f"<h1>{html.escape(name)}</h1>", *_curves(records), *_sheets(records)]
    page = f"<!doctype html>\n<meta charset='utf-8'><title>{html.escape(name)}</title><style>{STYLE}</style>\n"
    write_whole(folder.report, page + "\n".join(parts) + "\n")


def _curves(records: Sequence[Mapping[str, Any]]) -> list[str]:
    series: dict[str, list[Point]] = {}
    for record in records:
        for group, label in (("terms", "loss: "), ("rates", "learning rate: "), ("psnr", "probe PSNR (dB): ")):
            for key, value in record.get(group, {}).items():
                if group != "psnr" or key == "mean":
                    series.setdefault(label + key, []).append((record["step"], value))
    return [f"<h2>{html.escape(label)}</h2>\n{curve(points)}" for label, points in series.items()]


def _sheets(records: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = [record for record in records if "sheet" in record][::-1]
    figures = [
        f"<figure><img loading='lazy' alt='samples' src='samples/{html.escape(record['sheet'])}'>"
        f"<figcaption>step {record['step']}, {record['psnr']['mean']:.2f} dB: source, output, target</figcaption>"
        "</figure>"
        for record in shown
    ]
    return ["<h2>Samples, newest first</h2>", *figures] if figures else []


def curve(points: Sequence[Point]) -> str:
    """An SVG line through (step, value) points; values that are not finite are left out."""
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    if not finite:
        return "<p>no values</p>"
    xs, ys = zip(*finite, strict=True)
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)

    def place(x: float, y: float) -> str:
        right = LEFT + (WIDTH - LEFT - 8) * ((x - low_x) / (high_x - low_x or 1))
        down = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * ((y - low_y) / (high_y - low_y or 1))
        return f"{right:.1f},{down:.1f}"

    line = " ".join(place(x, y) for x, y in finite)
    text = "<text x='{}' y='{}' font-size='12' fill='#555'{}>{}</text>"
    labels = [
        text.format(4, TOP + 8, "", f"{high_y:.4g}"),
        text.format(4, HEIGHT - BOTTOM, "", f"{low_y:.4g}"),
        text.format(LEFT, HEIGHT - 6, "", f"{low_x:g}"),
        text.format(WIDTH - 8, HEIGHT - 6, " text-anchor='end'", f"step {high_x:g}"),
    ]
    path = f"<polyline fill='none' stroke='#06c' stroke-width='1.5' points='{line}'/>"
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>{path}{''.join(labels)}</svg>"
