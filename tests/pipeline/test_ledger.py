"""The ledger: what a later run can skip, and why not."""

import hashlib
import json
import os
from pathlib import Path, PurePosixPath

import pytest

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.ledger import Ledger
from img2imgkit.pipeline.output_folder import OutputFolder, PlacedFile, stage
from img2imgkit.pipeline.recipe import Recipe, difference

ENTRY = Entry("/in/a.png", PurePosixPath("a.png"), 0, 10, "20")
TARGET = PurePosixPath("a.png")
RECIPE = Recipe([{"uses": "read"}, {"uses": "write", "with": {"quality": 90}}])


def filled(folder: Path) -> Ledger:
    with OutputFolder(folder) as held:
        ledger = Ledger(held.state)
        ledger.begin(RECIPE)
        held.place(
            stage(folder, TARGET, b"pixels"), TARGET, lambda written: ledger.add(ENTRY, "0", TARGET, RECIPE, written)
        )
        ledger.close()
    return Ledger(folder / ".img2img")


def reason(ledger: Ledger, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, folder: Path) -> str:
    return ledger.reason(ledger.latest(entry, sink), entry, target, recipe, folder)


def recorded(ledger: Ledger) -> list[bool]:
    """Whether it has records of a.png, b.png and c.png."""
    entries = (Entry(f"/in/{name}.png", PurePosixPath(f"{name}.png"), 0, 1, "1") for name in "abc")
    return [ledger.latest(entry, "0") is not None for entry in entries]


def test_an_unchanged_output_is_up_to_date(tmp_path: Path) -> None:
    assert reason(filled(tmp_path), ENTRY, "0", TARGET, RECIPE, tmp_path) == ""


def test_states_why_an_output_must_be_remade(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    other = Recipe([{"uses": "read"}, {"uses": "write", "with": {"quality": 50}}])
    newer = Entry(ENTRY.location, ENTRY.relative, 0, 10, "21")
    unknown = Entry(ENTRY.location, PurePosixPath("b.png"), 1, 10, "20")
    assert reason(ledger, ENTRY, "0", TARGET, other, tmp_path) == "steps.1.with.quality: 90 -> 50"
    assert reason(ledger, newer, "0", TARGET, RECIPE, tmp_path) == "the input has changed"
    assert reason(ledger, unknown, "0", TARGET, RECIPE, tmp_path) == "new"
    assert reason(ledger, ENTRY, "1", TARGET, RECIPE, tmp_path) == "new"
    assert reason(ledger, ENTRY, "0", PurePosixPath("001.png"), RECIPE, tmp_path) == "its name was a.png"
    (tmp_path / "a.png").write_bytes(b"picels")
    assert reason(ledger, ENTRY, "0", TARGET, RECIPE, tmp_path) == "the output has been changed"
    (tmp_path / "a.png").unlink()
    assert reason(ledger, ENTRY, "0", TARGET, RECIPE, tmp_path) == "the output is missing"


def test_a_touched_output_with_the_same_bytes_is_up_to_date(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    (tmp_path / "a.png").write_bytes(b"pixels")
    assert reason(ledger, ENTRY, "0", TARGET, RECIPE, tmp_path) == ""


def test_a_torn_last_line_is_ignored_and_terminated(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    with path.open("ab") as handle:
        handle.write(b'{"entry": "b.png", "sink": "0", "by": "12')
    ledger = Ledger(tmp_path / ".img2img")
    assert recorded(ledger) == [True, False, False]
    other = Entry("/in/c.png", PurePosixPath("c.png"), 2, 1, "1")
    ledger.add(other, "0", PurePosixPath("c.png"), RECIPE, PlacedFile("c.png", 1, 1, "0" * 64))
    ledger.close()
    assert recorded(Ledger(tmp_path / ".img2img")) == [True, False, True]


def test_lines_with_other_content_are_ignored(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    good = json.loads(path.read_text().splitlines()[-1])
    wrong: list[object] = [3, {"steps": 1}, {"recipe": [], "steps": []}, {"file": 3}, {"file": {}}]
    wrong += [{**good, "entry": "b.png", name: []} for name in ("sink", "by", "target", "size", "version", "file")]
    wrong += [{**good, "entry": "b.png", "file": {**good["file"], name: None}} for name in good["file"]]
    texts = [*map(json.dumps, wrong), "[" * 100_000, '{"file":' + "1" * 5000, "\0\xff"]
    path.write_bytes("\n".join(texts).encode() + b"\n\xff\n" + path.read_bytes())
    ledger = Ledger(tmp_path / ".img2img")
    assert recorded(ledger) == [True, False, False]
    assert [ledger.knows(name) for name in ("a.png", "b.png")] == [True, False]


def test_fields_of_a_newer_version_do_not_hide_a_line(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[1]["file"]["mode"] = lines[1]["new"] = 1
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert reason(Ledger(tmp_path / ".img2img"), ENTRY, "0", TARGET, RECIPE, tmp_path) == ""


def test_lines_of_the_first_version_with_a_time_still_count(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    recipe, line = (json.loads(line) for line in path.read_text().splitlines())
    line["mtime_ns"] = int(line.pop("version"))
    path.write_text(json.dumps(recipe) + "\n" + json.dumps(line) + "\n")
    assert reason(Ledger(tmp_path / ".img2img"), ENTRY, "0", TARGET, RECIPE, tmp_path) == ""
    line["mtime_ns"] += 1
    path.write_text(json.dumps(recipe) + "\n" + json.dumps(line) + "\n")
    assert reason(Ledger(tmp_path / ".img2img"), ENTRY, "0", TARGET, RECIPE, tmp_path) == "the input has changed"


def test_the_last_line_of_an_entry_counts(tmp_path: Path) -> None:
    filled(tmp_path)
    ledger = Ledger(tmp_path / ".img2img")
    ledger.add(ENTRY, "0", PurePosixPath("new.png"), RECIPE, PlacedFile("new.png", 1, 1, "0" * 64))
    for known in (ledger, Ledger(tmp_path / ".img2img")):
        found = known.latest(ENTRY, "0")
        assert found is not None
        assert found.target == "new.png"
        assert known.knows("a.png")
        assert known.knows("new.png")
    ledger.close()


def test_equal_short_keys_are_distinguished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("img2imgkit.pipeline.ledger.short_key", lambda *texts: 1)
    ledger = filled(tmp_path)
    assert recorded(ledger) == [True, False, False]
    assert [ledger.knows(name) for name in ("a.png", "b.png")] == [True, False]


def test_lines_truncated_during_a_run_are_unknown(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    os.truncate(ledger.path, ledger.path.stat().st_size - 10)
    assert recorded(ledger) == [False, False, False]
    assert not ledger.knows("a.png")


def test_an_unreadable_ledger_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / ".img2img" / "ledger.jsonl").mkdir(parents=True)
    with pytest.raises(PlanError, match=r"ledger\.jsonl: is not a regular file; .* choose another output folder"):
        Ledger(tmp_path / ".img2img")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc to see which file is synced")
def test_a_line_is_synced_before_its_file_is_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(Path(f"/proc/self/fd/{handle}").readlink().name))
    monkeypatch.setattr(os, "replace", lambda path, target, **_: done.append(f"-> {target}"))
    filled(tmp_path)
    where = done.index("-> a.png")
    assert done[where - 1] == "ledger.jsonl"


def test_differences_are_named_by_their_keys() -> None:
    assert difference([{"uses": "a"}], [{"uses": "a", "on": {"bundle": "f" * 64}}]).startswith("steps.0.on: None ->")
    assert difference([1], [1, 2]) == "steps: the steps have changed"
    many = difference([{"a": 1, "b": 1, "c": 1, "d": 1}], [{"a": 2, "b": 2, "c": 2, "d": 2}])
    assert many == "steps.0.a: 1 -> 2; steps.0.b: 1 -> 2; steps.0.c: 1 -> 2 and 1 more"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.png", "a/../../x.png", ".img2img/lock", "", "\0"])
def test_lines_that_name_files_outside_the_folder_are_ignored(tmp_path: Path, path: str) -> None:
    filled(tmp_path).close()
    ledger_file = tmp_path / ".img2img" / "ledger.jsonl"
    ledger_file.write_text(ledger_file.read_text().replace('"path": "a.png"', f'"path": {json.dumps(path)}'))
    assert reason(Ledger(tmp_path / ".img2img"), ENTRY, "0", TARGET, RECIPE, tmp_path) == "new"


@pytest.mark.parametrize(
    "line", [b"x" * (3 << 20), b"[" * 100_000, b'{"size": ' + b"9" * 5000 + b"}", b"\xff\xfe", b"{"], ids=range(5)
)
def test_edited_lines_are_ignored_and_the_others_count(tmp_path: Path, line: bytes) -> None:
    filled(tmp_path).close()
    path = tmp_path / ".img2img" / "ledger.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes() + line + b"\n")
    ledger = Ledger(tmp_path / ".img2img")
    assert reason(ledger, ENTRY, "0", TARGET, RECIPE, tmp_path) == ""


def test_a_ledger_stays_the_same_file_when_the_folder_is_moved(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as held:
        ledger = Ledger(held.state)
        ledger.begin(RECIPE)
        (tmp_path / "out").rename(tmp_path / "moved")
        ledger.add(ENTRY, "0", TARGET, RECIPE, PlacedFile("a.png", 1, 1, ""))
        ledger.close()
    assert not (tmp_path / "out").exists()
    assert Ledger(tmp_path / "moved" / ".img2img").knows("a.png")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
@pytest.mark.parametrize("coding", ["ascii", "latin-1", "utf-8"])
def test_the_locale_does_not_change_what_a_ledger_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    raw = "größe 日本.png".encode() + b"\xff"  # bytes of a file name, as another locale reads them
    (tmp_path / os.fsdecode(raw)).write_bytes(b"pixels")
    here = os.fsdecode(raw)

    def under(coding: str) -> tuple[Entry, PurePosixPath]:
        errors = "surrogateescape"
        monkeypatch.setattr(os, "fsencode", lambda name: name.encode(coding, errors))
        monkeypatch.setattr(os, "fsdecode", lambda raw: raw.decode(coding, errors))
        name = PurePosixPath(raw.decode(coding, errors))
        return Entry("/in", name, 0, 10, "20"), name

    with OutputFolder(tmp_path) as held:
        found = (tmp_path / here).stat()
        ledger = Ledger(held.state)
        ledger.begin(RECIPE)
        entry, name = under(coding)
        digest = hashlib.sha256(b"pixels").hexdigest()
        ledger.add(entry, "0", name, RECIPE, PlacedFile(str(name), 6, found.st_mtime_ns, digest))
        ledger.close()
    entry, name = under("utf-8")
    ledger = Ledger(tmp_path / ".img2img")
    assert str(name) == here
    assert reason(ledger, entry, "0", name, RECIPE, tmp_path) == ""
    assert ledger.knows(here)
