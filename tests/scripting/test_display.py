"""What a notebook shows of a training and of a run."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pictures import save_pictures
from tiny_tasks import tiny_catalog

import img2imgkit as kit
from img2imgkit.pipeline import Outcome
from img2imgkit.scripting import display as module
from img2imgkit.training import Alarmed, Finished, Progress, Sampled, Saved, Started


@pytest.fixture
def display() -> kit.Display:
    return kit.Display(tiny_catalog())


def outcome(number: int, status: Any = "done", reason: str = "") -> Outcome:
    return Outcome(kit.Entry(f"/in/{number}.png", PurePosixPath(f"{number}.png"), number, 1, "0"), status, reason)


def progress(step: int) -> Progress:
    return Progress(step, 50, {"l1": 1 / step, "unused": 0.0}, {"generators": 1e-3}, 8.0, 0.1, 3.0)


def test_a_training_has_a_bar_curves_and_its_newest_sheet(display: kit.Display, tmp_path: Path) -> None:
    [sheet] = save_pictures(tmp_path, "sheet.png")
    display(Started(("cpu",), 4, 4, {"generators": 10}, 0, 50, ("note: <a> thing",)))
    for step in (10, 20):
        display(progress(step))
    display(Sampled(20, sheet, {"psnr": {"mean": 30.0}}))
    display(Saved(20, tmp_path))
    page = display._repr_html_()
    assert "value='20' max='50'" in page
    assert "note: &lt;a&gt; thing" in page
    assert page.count("<svg") == 2
    assert "unused" not in page
    assert "src='data:image/png;base64," in page
    assert "step 20, PSNR 30.00 dB" in page
    assert repr(display) == "<display: 20 of 50, 8.0 images/s, 3 s left>"


def test_alarms_and_the_end_are_stated(display: kit.Display, tmp_path: Path) -> None:
    display(Alarmed(10, "collapse", "the outputs are equal"))
    display(Finished(12, None, "alarm"))
    assert "step 10: collapse: the outputs are equal" in display._repr_html_()
    assert repr(display) == "<display: 12 of 0, alarm: no bundle>"


def test_a_sheet_that_was_removed_is_left_out(display: kit.Display, tmp_path: Path) -> None:
    display(Sampled(20, tmp_path / "gone.png", {}))
    assert "<img" not in display._repr_html_()


def test_a_run_has_a_bar_and_names_what_failed(display: kit.Display) -> None:
    display(kit.RunStarted(3, 7))
    assert repr(display) == "<display: 0 of 3, 7 up to date>"
    display(outcome(0))
    display(outcome(1, "failed", "is <damaged>"))
    assert repr(display) == "<display: 2 of 3, 1 done, 1 failed>"
    assert "1.png: is &lt;damaged&gt;" in display._repr_html_()


def test_nothing_is_shown_outside_a_notebook(display: kit.Display, capsys: pytest.CaptureFixture[str]) -> None:
    display(kit.RunStarted(3, 0))
    assert capsys.readouterr() == ("", "")


class Notebook:
    """Stands for IPython: keeps what is displayed, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[str] = []
        self.now = 100.0
        shell, front = ModuleType("IPython"), ModuleType("IPython.display")
        shell.get_ipython = lambda: self  # type: ignore[attr-defined]
        front.display = self.display  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", shell)
        monkeypatch.setitem(sys.modules, "IPython.display", front)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def display(self, shown: kit.Display, display_id: bool) -> Notebook:
        self.update(shown)
        return self

    def update(self, shown: kit.Display) -> None:
        self.shown.append(repr(shown))


def test_in_a_notebook_it_is_updated_in_place_but_not_too_often(
    display: kit.Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = Notebook(monkeypatch)
    display(kit.RunStarted(4, 0))
    display(outcome(0))
    display(outcome(1))
    notebook.now += 1
    display(outcome(2))
    display(outcome(3))
    assert notebook.shown == [
        "<display: 0 of 4, 0 up to date>",
        "<display: 3 of 4, 3 done>",
        "<display: 4 of 4, 4 done>",
    ]
