"""``img2img run``: exit codes, streams, the report, progress."""

import io
import json
import signal
import sys
from importlib import metadata
from pathlib import Path

import pytest
from pictures import save_pictures, tree
from PIL import Image
from pipelines_for_tests import pipeline_file

from img2imgkit.cli.progress import progress, show_notes
from img2imgkit.exporting import FormSource

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
    assert "2 made, 0 up to date, 0 failed, files that are not pictures ignored: 1 (.txt 1) in" in ended.err
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


def test_a_dry_run_says_the_engine(img2img, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMG2IMG_PLUGINS", "super-resolution")
    save_pictures(tmp_path / "in", "a.png")
    file = pipeline_file(tmp_path, {"translate": {"bundle": "sr-compact-x2"}})
    lines = img2img("run", file, "-n", "--device", "cpu", "--engine", "tensorflow").out.splitlines()
    assert lines[1] == f"translate runs with tensorflow {metadata.version('tensorflow')} on the cpu, float32"
    ended = img2img("run", file, "-n", "--engine", "tensorfolw")
    assert ended.code == 2
    assert "steps.1.with.engine: no engine 'tensorfolw'; did you mean 'tensorflow'" in ended.err


def test_a_form_that_a_run_would_make_is_told(img2img, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMG2IMG_PLUGINS", "super-resolution")
    monkeypatch.setattr(FormSource, "find", lambda self: None)
    save_pictures(tmp_path / "in", "a.png")
    file = pipeline_file(tmp_path, {"translate": {"bundle": "sr-compact-x2"}})
    said = "sr-compact-x2: openvino needs an engine form, which is made before the first picture, about 5 s"
    dry = ("run", file, "-n", "--device", "cpu", "--engine", "openvino")
    assert img2img(*dry).out.splitlines()[2] == said
    assert json.loads(img2img(*dry, "--json").out)["preparations"] == [said]


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
        "ignored": {"files that are not pictures (.txt)": 1},
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


def test_what_was_lost_is_on_the_terminal_even_when_quiet(img2img, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("a.tif", "b.tif", "c.tif")):
        page = Image.new("L", (8, 8), number)
        page.save(tmp_path / "in" / name, save_all=True, append_images=[page] * (number % 2))
    ended = img2img("run", pipeline_file(tmp_path, write={"icc": "strip"}), "--quiet")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "note: b.tif: further pages or frames in the file were left out: 1\n"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["notes"] == [
        {"note": "further pages or frames in the file were left out: 1", "first": "b.tif", "pictures": 1}
    ]
    assert (
        "further pages or frames in the file were left out: 1 <b>1</b>"
        in (tmp_path / "out" / "report.html").read_text()
    )


def test_notes_of_one_kind_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    note = {"note": "left out: a \x1b[2Jgain map", "first": "a\n.jpg", "pictures": 12}
    show_notes([{**note, "pictures": 1}, note], "lines")
    assert capsys.readouterr().err == (
        "note: 12 pictures, such as a\\n.jpg: left out: a \\x1b[2Jgain map\n"
        "note: a\\n.jpg: left out: a \\x1b[2Jgain map\n"
    )


def test_notes_for_machines_are_events(capsys: pytest.CaptureFixture[str]) -> None:
    show_notes([{"note": "left out: x", "first": "a.jpg", "pictures": 12}], "json")
    assert json.loads(capsys.readouterr().err) == {
        "event": "note",
        "note": "left out: x",
        "first": "a.jpg",
        "pictures": 12,
    }


def test_very_many_kinds_of_notes_do_not_flood_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_notes([{"note": f"x{number}", "first": "a", "pictures": number + 1} for number in range(500)], "none")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "note: 500 pictures, such as a: x499"
    assert lines[-1] == "note: 480 more kinds of notes are in the report"
    assert len(lines) == 21


@pytest.mark.parametrize("arguments", [[], ["--quiet"], ["--dry-run"]])
def test_nothing_to_read_is_an_error_unless_allowed(img2img, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "note.txt").write_text("no picture")
    file = pipeline_file(tmp_path)
    ended = img2img("run", file, *arguments)
    assert ended.code == 2
    assert f"{tmp_path / 'in'}: no pictures to read" in ended.err
    assert not (tmp_path / "out").exists()
    assert img2img("run", file, "--allow-empty", *arguments).code == 0


def test_patterns_that_match_nothing_are_an_error(img2img, file: Path) -> None:
    ended = img2img("run", file, "--set", 'steps.0.with.include=["*.jpg"]')
    assert ended.code == 2
    assert "3 files excluded by patterns" in ended.err


def test_pictures_that_were_not_read_are_named_even_when_quiet(img2img, file: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.SVG", "c.psb"):
        (tmp_path / "in" / name).touch()
    ended = img2img("run", file, "--quiet")
    assert (ended.code, ended.err) == (
        0,
        "warning: 2 unreadable pictures (.svg)\nwarning: 1 unreadable pictures (.psb)\n",
    )
    events = img2img("run", file, "--quiet", "--progress", "json").err.splitlines()
    assert json.loads(events[-1]) == {"event": "warning", "reason": "unreadable pictures (.psb)", "count": 1}
    dry = img2img("run", file, "--dry-run")
    assert "unreadable pictures ignored: 3 (.svg 2, .psb 1)" in dry.out
    assert "warning: 2 unreadable pictures (.svg)" in dry.err


def test_only_pictures_that_cannot_be_read_are_no_success(img2img, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.svg").touch()
    ended = img2img("run", pipeline_file(tmp_path))
    assert ended.code == 2
    assert "no pictures to read (ignored: 1 unreadable pictures (.svg))" in ended.err


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
