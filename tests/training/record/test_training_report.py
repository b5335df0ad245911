"""The training report: alarms, curves and sheets in one page."""

from __future__ import annotations

import re
from typing import Any

from img2imgkit.metrics import L1, Psnr
from img2imgkit.training.record.training_report import report

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


def test_it_says_how_long_and_which_was_best() -> None:
    assert "20 steps, 1:00:00 hours of training; best on the probe after step 10." in report(RECORDS, "name", METRICS)


def test_alarms_stand_on_top_and_in_every_curve() -> None:
    page = report(RECORDS, "name", METRICS)
    assert "<b>Step 20: collapse.</b> the &lt;outputs&gt; are equal" in page
    assert page.index("Step 20: collapse") < page.index("<svg")
    assert page.count("class='alarm'") == 5  # the probe's curves end before it
    assert "alarms'>" not in report(RECORDS[:-1], "name", METRICS)


def test_a_run_that_has_logged_nothing_has_a_report() -> None:
    assert "No step has been logged yet" in report([], "name", METRICS)


def test_scores_of_a_metric_that_is_no_longer_installed_are_shown_by_name() -> None:
    page = report(RECORDS, "name", {"psnr": Psnr})
    assert "step 10, PSNR 40.00 dB, l1 3: source" in page
    assert "<h3>l1</h3>" in page
