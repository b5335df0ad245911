"""The tool's own files in an output folder, when the folder comes from elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import pipeline_file, plan_of, run_file

from img2imgkit.errors import PlanError
from img2imgkit.pipeline.own_files import link_towards, prove_own_files, reserved

OWN = ["lock", "ledger.jsonl", "unfinished", "thumbnails", "../report.json", "../report.html", ""]


def linked(own: Path, theirs: Path) -> None:
    own.symlink_to(theirs)


def hard_linked(own: Path, theirs: Path) -> None:
    os.link(theirs / "file", own)


def a_pipe(own: Path, theirs: Path) -> None:
    os.mkfifo(own)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("make", [linked, hard_linked, a_pipe])
def test_a_plan_refuses_what_may_be_somebody_elses(
    tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    save_pictures(tmp_path / "in", "a.png")
    theirs = tmp_path / "theirs"
    save_pictures(theirs / "unfinished", "drawing.png")
    (theirs / "file").write_text("theirs")
    state = tmp_path / "out" / ".img2img"
    (state if name else state.parent).mkdir(parents=True)
    own = Path(os.path.normpath(state / name))
    make(own, theirs)
    before = tree(theirs)
    for attempt in (plan_of, run_file):
        with pytest.raises(PlanError, match=rf"{own.name}: is (a link|a hard link|not a regular file|not a folder).*"):
            attempt(pipeline_file(tmp_path))
    assert tree(theirs) == before


def test_a_parent_of_the_output_folder_may_be_a_link(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "sub/a.png")
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    path = pipeline_file(tmp_path, write={"folder": "link/out"})
    assert [outcome.status for outcome in run_file(path).outcomes] == ["done"]
    assert [job.reason for job in plan_of(path).jobs] == [""]
    assert (tmp_path / "disk" / "out" / "sub" / "a.png").is_file()


def test_a_folder_that_does_not_exist_is_fine(tmp_path: Path) -> None:
    prove_own_files(tmp_path / "out", reports=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "target",
    [".img2img/x.png", ".IMG2IMG/x.png", "a/.img2img/x.png", ".img2img./x.png", ".img2img /x", "../x", "/x", "a/../x"],
)
def test_names_outside_and_in_the_state_folder_are_reserved(target: str) -> None:
    assert reserved(PurePosixPath(target))


@pytest.mark.parametrize("target", ["a.png", "a/b..c.png", "img2img/x.png", "x.img2img.png", "...png"])
def test_other_names_are_not(target: str) -> None:
    assert reserved(PurePosixPath(target)) == ""


def test_links_on_the_way_are_found(tmp_path: Path) -> None:
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "b").symlink_to(tmp_path)
    (tmp_path / "out" / "file").write_text("")
    assert link_towards(tmp_path / "out", PurePosixPath("a/b/c/x.png")) == str(tmp_path / "out" / "a" / "b")
    for target in ("a/x.png", "a/b", "new/x.png", "file/x.png"):
        assert link_towards(tmp_path / "out", PurePosixPath(target)) == ""
    assert link_towards(tmp_path / "missing", PurePosixPath("a/x.png")) == ""
