"""``img2img run``: exit codes, streams, the report, progress."""

import io
import json
import signal
import sys
from pathlib import Path

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import pipeline_file

from img2imgkit.cli.progress import progress

pytestmark = pytest.mark.usefixtures("uninstall_everything")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_pictures(tmp_path / "in", "a.png", "deep/b.png")
    (tmp_path / "in" / "note.txt").write_text("no picture")
    return pipeline_file(tmp_path)


def break_one(tmp_path: Path) -> None:
    (tmp_path / "in" / "broken.png").write_bytes(b"")


def test_success_exits_with_0_and_prints_only_the_summary(img2img, file: Path, tmp_path: Path) -> None:
    ended = img2img("run", file)
    assert ended.code == 0
    assert ended.out == ""
    assert "2 made, 0 up to date, 0 failed, files that are not pictures ignored: 1 in" in ended.err
    assert set(tree(tmp_path / "out")) == {"a.png", "deep/b.png"}


def test_a_failed_item_exits_with_1_and_is_reported_with_its_reason(img2img, file: Path, tmp_path: Path) -> None:
    break_one(tmp_path)
    ended = img2img("run", file, "--quiet")
    assert ended.code == 1
    assert ended.err.startswith("failed: broken.png: ")
    assert set(tree(tmp_path / "out")) == {"a.png", "deep/b.png"}


def test_limits_of_the_command_line_refuse_pictures(img2img, file: Path, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "large.png", size=(40, 30))
    ended = img2img("run", file, "--quiet", "--limits", "pixels=1000")
    assert ended.code == 1
    assert "large.png" in ended.err
    assert "states 40x30 = 1,200 pixels, more than the limit of 1,000" in ended.err
    assert set(tree(tmp_path / "out")) == {"a.png", "deep/b.png"}
    assert img2img("run", file, "--quiet").code == 0


def test_quiet_prints_nothing_on_success(img2img, file: Path) -> None:
    ended = img2img("run", file, "-q")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--set", "steps.1.with.nmae=x"],
        ["--set", "steps.7.with.x=1"],
        ["--input", "nowhere"],
        ["--limit", "0"],
        ["--set", "x"],
    ],
)
def test_usage_and_configuration_errors_exit_with_2_and_write_nothing(
    img2img, file: Path, tmp_path: Path, arguments
) -> None:
    assert img2img("run", file, *arguments).code == 2
    assert not (tmp_path / "out").exists()


def test_an_error_has_its_location(img2img, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "name: x\nsteps:\n  - uses: read\n    with: {folder: ., recursve: true}\n  - {uses: write, with: {folder: o}}\n"
    )
    ended = img2img("run", path)
    assert ended.code == 2
    assert ended.err == f"error: {path}:4:23: steps.0.with.recursve: unknown option; did you mean 'recursive'?\n"


def test_a_dry_run_shows_everything_and_does_nothing(img2img, file: Path, tmp_path: Path) -> None:
    ended = img2img("run", file, "--dry-run")
    assert ended.code == 0
    assert "make  deep/b.png -> deep/b.png  (new)" in ended.out
    assert not (tmp_path / "out").exists()
    plan = json.loads(img2img("run", file, "-n", "--json").out)
    assert [item["action"] for item in plan["items"]] == ["make", "make"]


def test_a_second_run_skips_and_a_dry_run_shows_it(img2img, file: Path) -> None:
    img2img("run", file)
    assert "0 to make, 2 up to date" in img2img("run", file, "-n").out
    assert "0 made, 2 up to date" in img2img("run", file).err


def test_options_override_the_folders(img2img, file: Path, tmp_path: Path) -> None:
    save_pictures(tmp_path / "more", "x.png")
    assert img2img("run", file, "-i", tmp_path / "more", "-o", tmp_path / "there").code == 0
    assert set(tree(tmp_path / "there")) == {"x.png"}


def test_the_report_lists_what_happened(img2img, file: Path, tmp_path: Path) -> None:
    break_one(tmp_path)
    printed = json.loads(img2img("run", file, "--json").out)
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert printed == written
    assert written["schema"] == 1
    assert written["totals"] == {
        "found": 3,
        "done": 2,
        "up_to_date": 0,
        "failed": 1,
        "not_reached": 0,
        "skipped": 0,
        "ignored": {"files that are not pictures": 1},
    }
    assert written["versions"].keys() >= {"python", "img2imgkit", "pillow", "numpy"}
    items = {item["relative"]: item for item in written["items"]}
    assert items["broken.png"]["status"] == "failed"
    assert items["broken.png"]["outputs"] == []
    assert items["a.png"]["before"] == {
        "width": 16, "height": 12, "depth": 8, "space": "rgb", "alpha": False, "mode": "RGB", "icc": False,
    }  # fmt: skip
    (output,) = items["a.png"]["outputs"]
    assert output["bytes"] == (tmp_path / "out" / "a.png").stat().st_size
    assert len(output["sha256"]) == 64


def test_the_page_shows_every_item_and_escapes_names(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "<b>&'x'.png", "größe 1.png")
    img2img("run", pipeline_file(tmp_path))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;b&gt;&amp;&#x27;x&#x27;.png" in page
    assert "größe 1.png" in page
    assert page.count("-before.jpg") == page.count("-after.jpg") == 2
    assert "<b>&'x'" not in page


def test_progress_for_machines(img2img, file: Path, tmp_path: Path) -> None:
    break_one(tmp_path)
    events = [json.loads(line) for line in img2img("run", file, "--progress", "json", "-q").err.splitlines()]
    assert events[0] == {"event": "started", "total": 3, "up_to_date": 0}
    assert sorted(event["status"] for event in events[1:]) == ["done", "done", "failed"]
    assert events[-1]["count"] == events[-1]["total"] == 3
    assert events[-1]["eta"] == 0


def test_a_terminal_s_bar_names_failures(img2img, file: Path, tmp_path: Path) -> None:
    break_one(tmp_path)
    ended = img2img("run", file, "--progress", "bar")
    assert "failed: broken.png: " in ended.err
    assert "3/3" in ended.err


def test_names_are_shown_without_terminal_control_sequences(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "[/x] [red]:smile:.png", "line\nbreak \x1b[2J.png")
    file = pipeline_file(tmp_path)
    shown = img2img("run", file, "-n").out
    assert "make  line\\nbreak \\x1b[2J.png -> " in shown
    for path in (tmp_path / "in").rglob("*.png"):
        path.write_bytes(b"")
    ended = img2img("run", file, "--progress", "bar")
    assert "failed: [/x] [red]:smile:.png: " in ended.err
    assert "failed: line\\nbreak \\x1b[2J.png: " in ended.err


def test_a_report_that_cannot_be_written_is_reported_even_when_quiet(
    img2img, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("img2imgkit.pipeline.report.write_own_file", full)
    ended = img2img("run", file, "-q")
    assert ended.code == 0
    assert ended.err == "warning: the report is not written: No space left on device\n"


def test_a_failed_picture_is_not_shown_with_the_output_of_an_earlier_run(img2img, file: Path, tmp_path: Path) -> None:
    img2img("run", file)
    (tmp_path / "in" / "a.png").write_bytes(b"")
    img2img("run", file)
    assert (tmp_path / "out" / "report.html").read_text().count("-after.jpg") == 1


def test_signals_are_handled_as_before_when_a_run_has_ended(img2img, file: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert img2img("run", file).code == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(("terminal", "kind"), [("dumb", "_Lines"), ("xterm", "_Bar")])
def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch, terminal: str, kind: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("auto") as watcher:
        assert type(watcher).__name__ == kind


def test_one_file_gives_what_the_folder_gives(img2img, file: Path, tmp_path: Path) -> None:
    img2img("run", file)
    img2img("run", file, "-i", tmp_path / "in" / "a.png", "-o", tmp_path / "one")
    assert tree(tmp_path / "one") == {"a.png": (tmp_path / "out" / "a.png").read_bytes()}


def test_skipped_pictures_are_named_by_the_dry_run_and_the_report(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    save_pictures(tmp_path / "in", "big.png", size=(64, 20))
    file = pipeline_file(tmp_path, read={"skip_larger": {"megapixels": 0.001}})
    why = "larger than 0.001 megapixels: 64x20"
    ended = img2img("run", file, "--dry-run")
    assert f"skip  big.png  ({why})\n1 to make, 0 up to date, 1 skipped\n" in ended.out
    stated = json.loads(img2img("run", file, "--dry-run", "--json").out)["items"]
    assert [(each["action"], each["reason"], each["outputs"] == []) for each in stated] == [
        ("make", "new", False),
        ("skip", why, True),
    ]
    ended = img2img("run", file)
    assert (ended.code, "1 made, 0 up to date, 0 failed, 1 skipped in" in ended.err) == (0, True)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["totals"]["skipped"] == 1
    assert [(each["relative"], each["status"], each["reason"]) for each in report["items"]][1:] == [
        ("big.png", "skipped", why)
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    assert why in page
    assert "<b>1</b> skipped" in page
