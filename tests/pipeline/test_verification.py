"""Outputs compared with the ledger, and outputs whose inputs are gone."""

import json
import os
import shutil
from pathlib import Path

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import CATALOG, pipeline_file, plan_of, run_file

from img2imgkit.errors import LockError, PlanError
from img2imgkit.pipeline import Orphan, orphans, read_pipeline, verifying
from img2imgkit.pipeline.output_folder import OutputFolder
from img2imgkit.pipeline.own_files import kept_from_runs


def problems(folder: Path, sample: int | None = None) -> dict[str, str]:
    with verifying(folder, sample) as (_, _, results):
        return {result.path.relative_to(folder).as_posix(): result.problem for result in results if result.problem}


def gone(file: Path, remove: bool = False) -> dict[str, Orphan]:
    found = orphans(read_pipeline(file, CATALOG), CATALOG, remove)
    return {orphan.path.relative_to(file.parent).as_posix(): orphan for orphan in found}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A pipeline file in a folder with four inputs and their outputs."""
    save_pictures(tmp_path / "in", "a.png", "b.png", "c.png", "deep/d.png")
    file = pipeline_file(tmp_path)
    run_file(file)
    return file


@pytest.fixture
def out(made: Path) -> Path:
    return made.parent / "out"


def same_size_and_time(path: Path) -> None:
    status, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


class TestVerify:
    def test_outputs_as_written_have_no_problem(self, out: Path) -> None:
        with verifying(out) as (count, chosen, results):
            assert (count, chosen, [result.problem for result in results]) == (4, 4, [""] * 4)

    def test_a_changed_byte_is_found_even_if_size_and_time_are_kept(self, out: Path) -> None:
        same_size_and_time(out / "b.png")
        assert problems(out) == {"b.png": "changed"}

    def test_missing_files_and_what_is_no_file_are_named(self, out: Path) -> None:
        (out / "a.png").unlink()
        (out / "b.png").unlink()
        os.mkfifo(out / "b.png")  # reading it would block
        (out / "c.png").rename(out / "kept.png")
        (out / "c.png").symlink_to("kept.png")
        shutil.move(out / "deep", out / "elsewhere")
        (out / "deep").symlink_to("elsewhere")
        assert problems(out) == {
            "a.png": "missing",
            "b.png": "not a regular file",
            "c.png": "not a regular file",
            "deep/d.png": "in a folder that is a link",
        }

    def test_paths_that_leave_the_folder_are_not_followed(self, out: Path) -> None:
        ledger = out / ".img2img" / "ledger.jsonl"
        lines = [json.loads(line) for line in ledger.read_text().splitlines()]
        (out.parent / "secret").write_bytes(b"")
        for line, path in zip(
            lines[1:], ("../secret", str(out.parent / "secret"), ".img2img/lock", "a\0b"), strict=True
        ):
            line["file"]["path"] = path
        ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with verifying(out) as (_, _, results):
            reasons = [result.problem for result in results]
        assert reasons[:3] == ["not a path in this folder: the ledger has been edited"] * 3
        assert reasons[3].startswith("cannot be read")

    def test_a_sample_compares_that_many_outputs(self, out: Path) -> None:
        with verifying(out, 3) as (count, chosen, results):
            assert (count, chosen, len({result.path for result in results})) == (4, 3, 3)
        with verifying(out, 9) as (count, chosen, results):
            assert (count, chosen, len({result.path for result in results})) == (4, 4, 4)

    def test_a_file_under_a_former_name_may_be_missing_but_not_changed(self, made: Path, out: Path) -> None:
        run_file(pipeline_file(made.parent, write={"name": "{relpath}/{stem}_2"}))
        (out / "a.png").unlink()
        (out / "b.png").write_bytes(b"")
        (out / "c_2.png").unlink()
        assert problems(out) == {"b.png": "changed", "c_2.png": "missing"}

    def test_a_folder_without_a_ledger_or_with_an_empty_one_is_an_error(self, tmp_path: Path, out: Path) -> None:
        with pytest.raises(PlanError, match="no run has written here"), verifying(tmp_path / "in"):
            pass
        (out / ".img2img" / "ledger.jsonl").write_text("")
        with pytest.raises(PlanError, match="knows no output"), verifying(out):
            pass

    def test_runs_and_verification_exclude_each_other_and_nothing_is_written(self, out: Path) -> None:
        before = tree(out / ".img2img")
        with kept_from_runs(out), verifying(out):  # two readers do not disturb each other
            assert tree(out / ".img2img") == before
            with pytest.raises(LockError, match="another run is using this folder"), OutputFolder(out):
                pass
        with OutputFolder(out), pytest.raises(LockError, match=f"process {os.getpid()}"), verifying(out):
            pass
        (out / ".img2img" / "lock").unlink()
        os.mkfifo(out / ".img2img" / "lock")  # opening it would block
        assert problems(out) == {}


class TestPrune:
    def test_outputs_are_listed_by_their_missing_inputs(self, made: Path, out: Path) -> None:
        (made.parent / "in" / "b.png").unlink()
        shutil.rmtree(made.parent / "in" / "deep")
        before = tree(out)
        found = gone(made)
        assert {path: orphan.problem for path, orphan in found.items()} == {"out/b.png": "", "out/deep/d.png": ""}
        assert found["out/b.png"].input == str(made.parent / "in" / "b.png")
        assert tree(out) == before

    def test_only_unchanged_files_are_removed(self, made: Path, out: Path) -> None:
        for name in ("a.png", "b.png", "c.png"):
            (made.parent / "in" / name).unlink()
        same_size_and_time(out / "b.png")
        (out / "c.png").unlink()
        (out / "own.png").write_bytes(b"not of a run")
        found = gone(made, remove=True)
        assert {path: (orphan.removed, orphan.problem) for path, orphan in found.items()} == {
            "out/a.png": (True, ""),
            "out/b.png": (False, "changed"),
        }
        assert {path.name for path in out.rglob("*.png")} == {"b.png", "own.png", "d.png"}
        assert problems(out) == {"b.png": "changed"}, "removed files are no longer expected"

    def test_a_removed_output_is_foreign_when_somebody_puts_a_file_there(self, made: Path, out: Path) -> None:
        data = (made.parent / "in" / "a.png").read_bytes()
        (made.parent / "in" / "a.png").unlink()
        assert gone(made, remove=True)["out/a.png"].removed
        (made.parent / "in" / "a.png").write_bytes(data)
        assert plan_of(made).reasons() == {"the input has changed": 1, "up to date": 3}
        (out / "a.png").write_bytes(b"mine")
        with pytest.raises(PlanError, match="were not written by this tool"):
            plan_of(made)

    def test_inputs_that_are_only_left_out_are_not_gone(self, made: Path) -> None:
        assert gone(pipeline_file(made.parent, read={"include": ["a.png"], "recursive": False}), remove=True) == {}

    def test_outputs_of_other_folders_are_left_alone(self, made: Path) -> None:
        save_pictures(made.parent / "other", "x.png")
        other = pipeline_file(made.parent, read={"folder": "other"})
        run_file(other)
        shutil.rmtree(made.parent / "in")  # for example a disk that is not connected
        assert gone(other, remove=True) == {}

    def test_after_a_move_the_new_place_counts(self, made: Path) -> None:
        (made.parent / "in").rename(made.parent / "moved")
        file = pipeline_file(made.parent, read={"folder": "moved"})
        run_file(file)
        (made.parent / "moved" / "a.png").unlink()
        assert [*gone(file, remove=True)] == ["out/a.png"]

    def test_an_empty_input_folder_proves_nothing(self, made: Path, out: Path) -> None:
        shutil.rmtree(made.parent / "in")
        (made.parent / "in").mkdir()
        before = tree(out)
        with pytest.raises(PlanError, match="is its disk connected"):
            gone(made, remove=True)
        assert tree(out) == before

    def test_an_input_that_cannot_be_examined_is_not_gone(self, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str) -> None:
            raise PermissionError(13, "Permission denied", path)

        (made.parent / "in" / "a.png").unlink()
        monkeypatch.setattr("img2imgkit.pipeline.verification.os.lstat", refuse)
        assert gone(made, remove=True) == {}

    def test_a_file_that_another_input_has_replaced_is_kept(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        run_file(pipeline_file(tmp_path, write={"name": "{stem}.png"}))
        (tmp_path / "in" / "a.png").unlink()
        save_pictures(tmp_path / "in", "a.bmp")
        file = pipeline_file(tmp_path, write={"name": "{stem}.png"})
        run_file(file)
        assert gone(file, remove=True) == {}
