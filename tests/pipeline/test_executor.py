"""The executor interface: another executor makes the same tree, even when it loses workers."""

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import Silent, pipeline_file, plan_of, run_file, run_plan, threads_for
from steps_for_tests import Count
from worker_processes import ProcessExecutor

from img2imgkit.errors import LockError, ToolkitError
from img2imgkit.item import Item
from img2imgkit.pipeline import Done, Executor, Job, run
from img2imgkit.pipeline.output_folder import OutputFolder

SHADE = {"shade": {}}
COUNT = {"count": {"log": "log"}}
needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def shading(folder: Path, out: str) -> Path:
    """Two outputs per picture, slow enough to be killed halfway, and an earlier sink that both share."""
    slow = {"count": {"log": str(folder / "log"), "seconds": 0.01}}
    early = {"write": {"folder": f"{out}/early", "format": "webp"}}
    return pipeline_file(folder, slow, early, SHADE, write={"folder": out, "name": "{relpath}/{stem}_{shade}"})


class TestProcesses:
    @needs_signals
    def test_the_jobs_of_a_killed_worker_are_reassigned_and_the_tree_is_the_same(self, tmp_path: Path) -> None:
        names = [f"{number % 3}/{number}.png" for number in range(15)]
        save_pictures(tmp_path / "in", *names)
        assert run_file(shading(tmp_path, "threads")).count("done") == 30
        file = shading(tmp_path, "processes")
        executor = ProcessExecutor(file, kill=1)
        result = run(plan_of(file), executor, Silent())
        assert len(executor.given_again) == 5
        assert len(executor.workers) == 1
        assert result.count("done") == 30
        assert tree(tmp_path / "processes") == tree(tmp_path / "threads")
        assert plan_of(file).reasons() == {"up to date": 30}
        assert not list((tmp_path / "processes" / ".img2img" / "unfinished").iterdir())

    @needs_signals
    def test_without_workers_the_run_ends_and_the_next_one_resumes(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(12)))
        run_file(shading(tmp_path, "whole"))
        file = shading(tmp_path, "lost")
        watcher = Silent()
        with pytest.raises(ToolkitError, match="all workers have died"):
            run(plan_of(file), ProcessExecutor(file, kill=2), watcher)
        done = len(watcher.outcomes)
        assert done == 2
        assert plan_of(file).jobs.to_make_count == 24 - done
        assert run_file(file).count("done") == 24 - done
        assert tree(tmp_path / "lost") == tree(tmp_path / "whole")

    def test_failures_are_returned_by_worker_processes(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png", "bad.png", "c.png")
        file = pipeline_file(tmp_path, {"fail": {}})
        result = run(plan_of(file), ProcessExecutor(file), Silent())
        assert [(o.status, o.reason) for o in result.outcomes] == [
            *(("done", "new"), ("failed", "no tile fits"), ("done", "new")),
        ]
        assert set(tree(tmp_path / "out")) == {"a.png", "c.png"}


class TestLaneOfModels:
    @pytest.fixture
    def called(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[int]:
        """The threads that call the step "count", of which four pictures are waiting."""
        save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(4)))
        threads: set[int] = set()

        def apply(step: Count, item: Item) -> Item:
            threads.add(threading.get_ident())
            return item

        monkeypatch.setattr(Count, "apply", apply)
        return threads

    def test_a_step_is_called_by_one_thread(self, tmp_path: Path, called: set[int]) -> None:
        assert run_file(pipeline_file(tmp_path, COUNT), threads=4).count("done") == 4
        assert len(called) == 1

    def test_a_step_that_allows_it_processes_two_pictures_at_the_same_time(
        self, tmp_path: Path, called: set[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = threading.Barrier(2)

        def apply(step: Count, item: Item) -> Item:
            called.add(threading.get_ident())
            both.wait(30)  # raises unless another thread arrives
            return item

        monkeypatch.setattr(Count, "apply", apply)
        monkeypatch.setattr(Count, "at_once", 2)
        result = run_file(pipeline_file(tmp_path, COUNT), threads=1)
        assert [outcome.reason for outcome in result.outcomes] == ["new"] * 4
        assert len(called) == 2

    def test_several_models_share_one_thread(
        self, tmp_path: Path, called: set[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Count, "at_once", 2)
        assert run_file(pipeline_file(tmp_path, COUNT, {"fail": {}}, COUNT), threads=4).count("done") == 4
        assert len(called) == 1


class Altering(Executor):
    """Wraps an executor and alters its results."""

    def __init__(self, inner: Executor) -> None:
        self.inner, self.closed = inner, 0

    def altered(self, done: Done) -> Done:
        return done

    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Done]:
        return map(self.altered, self.inner.run(jobs, stop))

    def close(self) -> None:
        self.closed += 1
        self.inner.close()


class TestCoordinator:
    def test_a_missing_staged_file_fails_that_picture(self, tmp_path: Path) -> None:
        class Losing(Altering):
            def altered(self, done: Done) -> Done:
                if done.job.entry.relative.stem == "b":
                    Path(done.staged[0].file.path).unlink()
                return done

        save_pictures(tmp_path / "in", "a.png", "b.png", "c.png")
        file = pipeline_file(tmp_path)
        plan = plan_of(file)
        result = run(plan, Losing(threads_for(plan)), Silent())
        assert [outcome.status for outcome in result.outcomes] == ["done", "failed", "done"]
        assert result.outcomes[1].reason.endswith("b.png: cannot write it: No such file or directory")
        assert plan_of(file).reasons() == {"up to date": 2, "the output is missing": 1}

    def test_an_invalid_result_of_an_executor_fails_that_picture(self, tmp_path: Path) -> None:
        class Confused(Altering):
            def altered(self, done: Done) -> Done:
                return replace(done, staged=(replace(done.staged[0], sink=7),))

        save_pictures(tmp_path / "in", "a.png")
        plan = plan_of(pipeline_file(tmp_path))
        (outcome,) = run(plan, Confused(threads_for(plan)), Silent()).outcomes
        assert outcome.reason == "its files could not be moved into place: IndexError: list index out of range"
        assert "IndexError" in outcome.notes["trace"]
        assert not list((tmp_path / "out" / ".img2img" / "unfinished").iterdir())

    def test_a_failure_to_place_a_file_counts_for_fail_fast(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(40)))
        file = pipeline_file(tmp_path, {"count": {"log": str(tmp_path / "log"), "seconds": 0.01}})
        plan = plan_of(file)
        (tmp_path / "out" / "0.png").mkdir(parents=True)
        result = run_plan(plan, threads=1, fail_fast=True)
        assert result.count("failed") == 1
        assert result.count("not reached") > 20
        assert not result.interrupted

    def test_it_closes_the_executor_exactly_once(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        plan = plan_of(pipeline_file(tmp_path))
        with OutputFolder(tmp_path / "out"):
            refused = Altering(threads_for(plan))
            with pytest.raises(LockError):
                run(plan, refused, Silent())
        used = Altering(threads_for(plan))
        run(plan, used, Silent())
        assert (refused.closed, used.closed) == (1, 1)

    def test_a_watcher_that_raises_stops_the_run_after_the_items_in_flight(self, tmp_path: Path) -> None:
        class Broken(Silent):
            def finished(self, outcome: object) -> None:
                raise RuntimeError("nobody watches")

        save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(40)))
        file = pipeline_file(tmp_path, {"count": {"log": str(tmp_path / "log"), "seconds": 0.01}})
        with pytest.raises(RuntimeError, match="nobody watches"):
            run_plan(plan_of(file), Broken(), threads=1)
        made = len(tree(tmp_path / "out"))
        assert 0 < made < 30
        assert plan_of(file).reasons() == {"up to date": made, "new": 40 - made}
