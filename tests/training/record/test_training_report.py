"""The training report: alarms, curves as SVG and sample sheets on one page."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from typing import Any

from img2imgkit.metrics import L1, Psnr
from img2imgkit.training.record.training_report import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    chart,
    report,
)

METRICS = {"psnr": Psnr, "l1": L1}

RECORDS: list[dict[str, Any]] = [
    {
        "step": step,
        "terms": {"l1": 1 / step},
        "gradients": {"generators": 0.5, "critics": 2.0},
        "rates": {"generators": 1e-3, "critics": 1e-3},
        "seconds": 1800.0,
        "images_per_second": 10.0,
        "input_wait": 0.1,
    }
    for step in (10, 20)
] + [
    {"step": 10, "probe": {"psnr": {"mean": 40.0, "cat": 30.0}, "l1": {"mean": 3.0}}, "sheet": "a.png", "best": True},
    {"step": 20, "probe": {}, "sheet": "b.png"},
    {"step": 20, "alarm": "collapse", "text": "the <outputs> are equal"},
]


def test_series_are_grouped_and_every_one_is_there() -> None:
    page = report(RECORDS, "a <b> name", METRICS)
    assert "a &lt;b&gt; name" in page
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Probe", "Losses", "Updates", "Speed", "Samples, newest first"]
    assert re.findall(r"<h3>(.*?)</h3>", page) == [
        "PSNR (dB, more is better)", "L1 (levels, less is better)", "l1", "Learning rates", "Gradient norms",
        "images per second", "share of the time spent waiting for data",
    ]  # fmt: skip
    assert page.count("critics</span>") == 2


def test_sheets_are_shown_newest_first_with_their_scores() -> None:
    page = report(RECORDS, "name", METRICS)
    assert re.findall(r"src='samples/(.*?)'", page) == ["b.png", "a.png"]
    assert "step 10, PSNR 40.00 dB, L1 3.00 levels: source, output, target" in page
    assert "step 20: source, output<" in page


def test_it_states_duration_and_best_step() -> None:
    assert "20 steps, 1:00:00 hours of training; best on the probe after step 10." in report(RECORDS, "name", METRICS)


def test_alarms_are_shown_at_the_top_and_in_every_curve() -> None:
    page = report(RECORDS, "name", METRICS)
    assert "<b>Step 20: collapse.</b> the &lt;outputs&gt; are equal" in page
    assert page.index("Step 20: collapse") < page.index("<svg")
    assert page.count("class='alarm'") == 5  # the probe's curves end before it
    assert "alarms'>" not in report(RECORDS[:-1], "name", METRICS)


def test_a_run_without_records_has_a_report() -> None:
    assert "No step has been logged yet" in report([], "name", METRICS)


def test_scores_of_a_metric_that_is_no_longer_installed_are_shown_by_name() -> None:
    page = report(RECORDS, "name", {"psnr": Psnr})
    assert "step 10, PSNR 40.00 dB, l1 3: source" in page
    assert "<h3>l1</h3>" in page


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


def test_marks_are_drawn_at_their_steps_within_the_range() -> None:
    drawn = chart({"": [(0, 0.0), (10, 1.0)]}, [5, 11])
    assert re.findall(r"class='alarm' x1='([\d.]+)'", drawn) == [f"{LEFT + (WIDTH - LEFT - RIGHT) / 2:.1f}"]


def test_a_long_curve_is_thinned_to_means_of_neighbours() -> None:
    noisy = [(float(x), 1.0 if x % 2 else -1.0) for x in range(10 * MOST_POINTS)]
    (drawn,) = points(chart({"": noisy}))
    assert len(drawn) == MOST_POINTS
    assert len({y for _, y in drawn}) == 1
    assert len(points(chart({"": noisy[:MOST_POINTS]}))[0]) == MOST_POINTS
