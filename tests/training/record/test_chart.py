"""Charts as SVG."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

from img2imgkit.training.record.chart import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, chart


def points(svg: str) -> list[list[tuple[float, float]]]:
    lines = ET.fromstring(re.sub("</svg>.*", "</svg>", svg)).findall("polyline")
    return [[tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()] for line in lines]  # type: ignore[misc]


def test_a_curve_spans_the_picture_and_higher_values_are_higher_up() -> None:
    (drawn,) = points(chart({"": [(0, 1.0), (50, 3.0), (100, 2.0)]}))
    assert [y for _, y in drawn] == [HEIGHT - BOTTOM, TOP, (TOP + HEIGHT - BOTTOM) / 2]
    assert [x for x, _ in drawn] == [LEFT, LEFT + (WIDTH - LEFT - RIGHT) / 2, WIDTH - RIGHT]


def test_one_value_is_a_dot_and_equal_values_are_a_line() -> None:
    assert "<circle" in chart({"": [(5, 1.0)]})
    assert len({y for _, y in points(chart({"": [(0, 1.0), (1, 1.0)]}))[0]}) == 1


def test_values_that_are_not_finite_are_left_out() -> None:
    assert len(points(chart({"": [(0, 1.0), (1, math.nan), (2, 2.0)]}))[0]) == 2
    assert chart({"": [(0, math.inf)]}) == "<p>no values</p>"


def test_several_lines_share_axes_and_have_a_legend() -> None:
    drawn = chart({"low": [(0, 0.0), (10, 1.0)], "hi<gh": [(0, 2.0), (10, 2.0)]})
    low, high = points(drawn)
    assert low[0][1] == HEIGHT - BOTTOM
    assert high[0][1] == TOP
    assert re.findall(r"&#9644; (.*?)</span>", drawn) == ["low", "hi&lt;gh"]
    assert "legend" not in chart({"low": [(0, 0.0)]})


def test_marks_stand_at_their_steps_if_those_are_in_the_picture() -> None:
    drawn = chart({"": [(0, 0.0), (10, 1.0)]}, [5, 11])
    assert re.findall(r"class='alarm' x1='([\d.]+)'", drawn) == [f"{LEFT + (WIDTH - LEFT - RIGHT) / 2:.1f}"]


def test_a_long_curve_is_thinned_to_means_of_neighbours() -> None:
    noisy = [(float(x), 1.0 if x % 2 else -1.0) for x in range(10 * MOST_POINTS)]
    (drawn,) = points(chart({"": noisy}))
    assert len(drawn) == MOST_POINTS
    assert len({y for _, y in drawn}) == 1
    assert len(points(chart({"": noisy[:MOST_POINTS]}))[0]) == MOST_POINTS
