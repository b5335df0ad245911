"""The training report: curves and sheets in one file."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from img2imgkit.training.report import BOTTOM, HEIGHT, TOP, WIDTH, curve, write_report
from img2imgkit.training.run_folder import RunFolder


def points(svg: str) -> list[tuple[float, float]]:
    line = ET.fromstring(svg).find("polyline")
    assert line is not None
    return [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]  # type: ignore[misc]


def test_a_curve_spans_the_picture_and_higher_values_are_higher_up() -> None:
    drawn = points(curve([(0, 1.0), (50, 3.0), (100, 2.0)]))
    assert [y for _, y in drawn] == [HEIGHT - BOTTOM, TOP, (TOP + HEIGHT - BOTTOM) / 2]
    assert drawn[0][0] < drawn[1][0] < drawn[2][0] == WIDTH - 8


def test_a_curve_of_one_or_equal_values_is_drawn() -> None:
    assert len(points(curve([(5, 1.0)]))) == 1
    assert len({y for _, y in points(curve([(0, 1.0), (1, 1.0)]))}) == 1


def test_values_that_are_not_finite_are_left_out() -> None:
    assert len(points(curve([(0, 1.0), (1, float("nan")), (2, 2.0)]))) == 2
    assert curve([(0, float("inf"))]) == "<p>no values</p>"


def test_the_report_has_every_series_and_the_sheets_newest_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (10, 20):
        folder.add_record({"step": step, "terms": {"l1": 1 / step}, "rates": {"generators": 1e-3}})
        folder.add_record({"step": step, "psnr": {"mean": 30.0 + step, "cat": 30.0}, "sheet": f"step-{step}.png"})
    write_report(folder, "a <b> name")
    page = folder.report.read_text()
    assert "a &lt;b&gt; name" in page
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "loss: l1", "learning rate: generators", "probe PSNR (dB): mean", "Samples, newest first",
    ]  # fmt: skip
    assert re.findall(r"src='samples/(.*?)'", page) == ["step-20.png", "step-10.png"]
    assert "50.00 dB" in page
