"""The report of a training run: alarms, curves and sample sheets, on one page without scripts."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from img2imgkit.metrics import Metric

Record = Mapping[str, Any]
Metrics = Mapping[str, type[Metric]]
GROUPS = {"rates": "Learning rates", "gradients": "Gradient norms", "scales": "Loss scales (float16)"}
SPEED = {"images_per_second": "images per second", "input_wait": "share of the time spent waiting for data"}

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#222}
svg{background:#fafafa;border:1px solid #ddd;width:100%;height:auto}img{max-width:100%}
h2{font-size:1.15em;margin:1.8em 0 .4em}h3{font-size:.95em;font-weight:600;margin:.4em 0}figure{margin:1em 0}
figcaption,.legend{color:#666;margin:.2em 0}.legend span{margin-right:1em}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(420px,1fr));gap:1em}
.alarms{border-left:4px solid #c00;background:#fdf0f0;padding:.4em 1em}"""
WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 520, 200, 62, 10, 24, 12
MOST_POINTS = 400  # per line; longer lines are averaged
COLOURS = ("#06c", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00")
Point = tuple[float, float]


def report(records: Sequence[Record], name: str, metrics: Metrics) -> str:
    """Return the HTML page of the records of ``metrics.jsonl``. It shows sheets from the adjacent folder ``samples``.

    Args:
        metrics: the installed metrics; scores of others are shown without unit
    """
    alarms = [record for record in records if "alarm" in record]
    marks = [record["step"] for record in alarms]
    title = html.escape(name)
    curves, sheets = _curves(records, marks, metrics), _sheets(records, metrics)
    parts = [f"<h1>{title}</h1>", *_summary(records), *_alarms(alarms), *curves, *sheets]
    page = f"<!doctype html>\n<meta charset='utf-8'><title>{title}</title><style>{STYLE}</style>\n"
    return page + "\n".join(parts) + "\n"


def _summary(records: Sequence[Record]) -> Iterator[str]:
    if not records:
        yield "<p>No step has been logged yet.</p>"
        return
    seconds = sum(record.get("seconds", 0.0) for record in records)
    line = f"{max(record['step'] for record in records)} steps, {timedelta(seconds=round(seconds))} hours of training"
    best = [f"; best on the probe after step {record['step']}" for record in records if record.get("best")]
    yield f"<p>{line}{''.join(best[-1:])}.</p>"


def _alarms(alarms: Sequence[Record]) -> list[str]:
    lines = [
        f"<p><b>Step {a['step']}: {html.escape(a['alarm'].replace('_', ' '))}.</b> {html.escape(a['text'])}</p>"
        for a in alarms
    ]
    return ["<div class='alarms'>", *lines, "</div>"] if lines else []


def _curves(records: Sequence[Record], marks: Sequence[float], metrics: Metrics) -> Iterator[str]:
    """Yield sections with the charts of all records."""
    for heading, charts in charts_of(records, metrics).items():
        yield from _section(heading, charts, marks)


def charts_of(records: Sequence[Record], metrics: Metrics) -> dict[str, dict[str, dict[str, list[Point]]]]:
    """The lines of each chart, by heading and title: one chart per metric and term.

    Learning rates, gradients and scales share a chart each.
    """
    probe = _series((record["step"], _means(record["probe"])) for record in records if "probe" in record)
    axes = {name: metrics[name].axis() if name in metrics else name for name in probe}
    terms = _series((record["step"], record["terms"]) for record in records if "terms" in record)
    used = {
        name: line for name, line in terms.items() if any(value for _, value in line)
    }  # terms that the task does not use are all 0
    groups = {
        heading: _series((record["step"], record[group]) for record in records if group in record)
        for group, heading in GROUPS.items()
    }
    speed = _series(
        (record["step"], {SPEED[key]: record[key] for key in SPEED})
        for record in records
        if SPEED.keys() <= record.keys()
    )
    return {
        "Probe": {axes[name]: {name: line} for name, line in probe.items()},
        "Losses": {name: {name: line} for name, line in used.items()},
        "Updates": {heading: lines for heading, lines in groups.items() if lines},
        "Speed": {name: {name: line} for name, line in speed.items()},
    }


def _means(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {metric: by_picture["mean"] for metric, by_picture in scores.items()}


def _series(values: Iterator[tuple[int, Mapping[str, float]]]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for step, by_name in values:
        for name, value in by_name.items():
            found.setdefault(name, []).append((step, value))
    return found


def _section(heading: str, charts: Mapping[str, Mapping[str, Sequence[Point]]], marks: Sequence[float]) -> list[str]:
    drawn = [f"<div><h3>{html.escape(title)}</h3>{chart(lines, marks)}</div>" for title, lines in charts.items()]
    return [f"<h2>{heading}</h2>", "<div class='charts'>", *drawn, "</div>"] if drawn else []


def _sheets(records: Sequence[Record], metrics: Metrics) -> list[str]:
    shown = [record for record in records if "sheet" in record][::-1]
    figures = [
        f"<figure><img loading='lazy' alt='samples' src='samples/{html.escape(record['sheet'])}'>"
        f"<figcaption>{_caption(record, metrics)}</figcaption></figure>"
        for record in shown
    ]
    return ["<h2>Samples, newest first</h2>", *figures] if figures else []


def _caption(record: Record, metrics: Metrics) -> str:
    found = shown_scores(_means(record["probe"]), metrics)
    columns = "source, output, target" if found else "source, output"
    return html.escape(", ".join([f"step {record['step']}", *found])) + f": {columns}"


def shown_scores(means: Mapping[str, float], metrics: Metrics) -> list[str]:
    """Format scores of the probe for display, such as "PSNR 31.23 dB"."""
    return [metrics[name].shown(value) if name in metrics else f"{name} {value:.4g}" for name, value in means.items()]


def chart(lines: Mapping[str, Sequence[Point]], marks: Sequence[float] = ()) -> str:
    """Draw lines through (step, value) points on common axes as SVG, with a legend for several lines.

    Values that are not finite are omitted. ``marks`` are steps to draw a vertical line at.
    """
    finite = {name: _thinned([(x, y) for x, y in points if math.isfinite(y)]) for name, points in lines.items()}
    drawn = {name: points for name, points in finite.items() if points}
    if not drawn:
        return "<p>no values</p>"
    xs, ys = zip(*(point for points in drawn.values() for point in points), strict=True)
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)

    def place(x: float, y: float) -> tuple[float, float]:
        right = LEFT + (WIDTH - LEFT - RIGHT) * ((x - low_x) / (high_x - low_x or 1))
        return right, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * ((y - low_y) / (high_y - low_y or 1))

    parts = [_mark(place(x, low_y)[0]) for x in marks if low_x <= x <= high_x]
    for colour, points in zip(COLOURS * len(drawn), drawn.values(), strict=False):
        parts.append(_line([place(x, y) for x, y in points], colour))
    parts += [
        _text(4, TOP + 8, f"{high_y:.4g}"),
        _text(4, HEIGHT - BOTTOM, f"{low_y:.4g}"),
        _text(LEFT, HEIGHT - 6, f"{low_x:g}"),
        _text(WIDTH - RIGHT, HEIGHT - 6, f"step {high_x:g}", end=True),
    ]
    legend = _legend(list(drawn)) if len(drawn) > 1 else ""
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>{''.join(parts)}</svg>{legend}"


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Reduce a line to at most ``MOST_POINTS`` points by averaging neighbours, which also smooths noise."""
    size = -(-len(points) // MOST_POINTS)
    if size < 2:
        return list(points)
    groups = [points[at : at + size] for at in range(0, len(points), size)]
    return [(group[-1][0], math.fsum(y for _, y in group) / len(group)) for group in groups]


def _line(places: Sequence[tuple[float, float]], colour: str) -> str:
    if len(places) == 1:
        ((x, y),) = places
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>"
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f"<polyline fill='none' stroke='{colour}' stroke-width='1.5' points='{text}'/>"


def _mark(x: float) -> str:
    ends = f"x1='{x:.1f}' x2='{x:.1f}' y1='{TOP}' y2='{HEIGHT - BOTTOM}'"
    return f"<line class='alarm' {ends} stroke='#c00' stroke-dasharray='4 3'/>"


def _text(x: float, y: float, text: str, end: bool = False) -> str:
    anchor = " text-anchor='end'" if end else ""
    return f"<text x='{x}' y='{y}' font-size='12' fill='#555'{anchor}>{text}</text>"


def _legend(names: Sequence[str]) -> str:
    entries = [
        f"<span style='color:{colour}'>&#9644; {html.escape(name)}</span>"
        for colour, name in zip(COLOURS * len(names), names, strict=False)
    ]
    return f"<p class='legend'>{' '.join(entries)}</p>"
