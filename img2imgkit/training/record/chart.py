"""Line charts as SVG, without scripts."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 520, 200, 62, 10, 24, 12
MOST_POINTS = 400  # of a line; more are averaged
COLOURS = ("#06c", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00")
Point = tuple[float, float]


def chart(lines: Mapping[str, Sequence[Point]], marks: Sequence[float] = ()) -> str:
    """Lines through (step, value) points on common axes, with a legend where there are several.

    Values that are not finite are left out. ``marks`` are steps at which a vertical line stands.
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
    """At most so many points: means of neighbours, so that noise does not hide the course."""
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
