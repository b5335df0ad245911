"""Trainings that must end: what they save, what they say, and that they go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_gan_runs import make_place
from small_gan_task import SmallGan
from small_gan_task import catalog as small_catalog

from img2imgkit import Catalog, bundle, degradations
from img2imgkit.catalog import Plugin
from img2imgkit.config import load_yaml
from img2imgkit.errors import DataError, LockError, TrainingError
from img2imgkit.training import Event, Finished, Sampled, Started, finish, read_training_plan, train
from img2imgkit.training.loop.feed import Feed
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.record.journal import Journal
from img2imgkit.training.state import checkpoint

SHORT = ("training.steps=6", "training.log_every=1", "training.checkpoint_every=100")


def catalog() -> Catalog:
    return Catalog((*small_catalog().plugins, Plugin("degradations", lambda: degradations)))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path)


def go(
    place: Path,
    output: str,
    *overrides: str,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    events: list[Event] | None = None,
) -> list[Event]:
    events = [] if events is None else events
    plan = read_training_plan(load_yaml(place / "train.yaml").with_overrides([*SHORT, *overrides]), catalog())
    train(plan, place / output, catalog(), events.append, resume, "cpu", stopped)
    return events


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the state with which an undisturbed training ends."""
    place = make_place(tmp_path_factory.mktemp("whole"))
    go(place, "out")
    return digest(place, "out")


def after(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 10**9))
    return lambda: next(calls) >= steps


def newest(place: Path, output: str) -> int:
    return checkpoint.step_of(checkpoint.listed(place / output / "checkpoints")[-1])


def digest(place: Path, output: str, step: int = 6) -> str:
    return checkpoint.digest(place / output / "checkpoints" / f"step-{step:09d}.npz")


def failing(place: Path, *overrides: str, resume: bool = False) -> tuple[str, list[Event]]:
    events: list[Event] = []
    with pytest.raises(TrainingError) as raised:
        go(place, "out", *overrides, events=events, resume=resume)
    assert events[-1] == Finished(events[-1].step, None, "failed")  # type: ignore[union-attr]
    return str(raised.value), events


def note(events: Iterable[Event]) -> str:
    [started] = [event for event in events if isinstance(event, Started)]
    return " ".join(started.notes)


def test_a_gradient_that_is_not_finite_ends_with_the_last_finite_state(place: Path) -> None:
    said, _ = failing(place, "training.generators.optimizer={kind: sgd, learning_rate: 1e38}")
    assert newest(place, "out") > 0
    path = checkpoint.listed(place / "out" / "checkpoints")[-1]
    assert all(np.isfinite(array).all() for array in checkpoint.read(path).values())
    assert f"The last good checkpoint is {path}" in said
    assert "as 'initial'" in said


def test_an_error_in_a_task_names_its_line_and_loses_no_step(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses, calls = SmallGan.generator_losses, iter(range(10))

    def fails_later(task: SmallGan, *arguments: Any) -> Mapping[str, Any]:
        if next(calls) == 1:  # the first step that updates only the generator
            raise ZeroDivisionError("a mistake of a plugin")
        return losses(task, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SmallGan, "generator_losses", fails_later)
        said, events = failing(place)
    assert "step 2: ZeroDivisionError: a mistake of a plugin (" in said
    assert "test_ending.py, line " in said
    assert "in fails_later)" in said
    assert newest(place, "out") == events[-1].step == 1  # type: ignore[union-attr]
    assert "Traceback" in (place / "out" / "error.txt").read_text(encoding="utf-8")
    go(place, "out", resume=True)
    assert not (place / "out" / "error.txt").exists()
    assert newest(place, "out") == 6


def test_a_second_training_in_the_folder_is_refused_at_once(place: Path) -> None:
    plan = read_training_plan(load_yaml(place / "train.yaml").with_overrides(SHORT), catalog())
    refusals: list[str] = []

    def notify(event: Event) -> None:
        if isinstance(event, Started):
            for resume in (False, True):
                with pytest.raises(LockError) as raised:
                    train(plan, place / "out", catalog(), notify, resume, "cpu")
                refusals.append(str(raised.value))
            with pytest.raises(LockError):
                finish(place / "out", catalog(), notify, "cpu")

    (place / "out").mkdir()
    (place / "out" / ".lock").write_text(json.dumps({"pid": 1, "host": "gone", "since": "long ago"}))  # is no lock
    assert train(plan, place / "out", catalog(), notify, device="cpu").reason == "complete"
    assert len(refusals) == 2
    assert all(f"another training is using this folder (process {os.getpid()} on " in text for text in refusals)


def test_a_lock_that_leads_elsewhere_is_refused(place: Path) -> None:
    (place / "mine.txt").write_text("precious")
    (place / "out").mkdir()
    (place / "out" / ".lock").symlink_to(place / "mine.txt")
    with pytest.raises(LockError, match=r"\.lock: is a link"):
        go(place, "out")
    (place / "out" / ".lock").unlink()
    os.link(place / "mine.txt", place / "out" / ".lock")
    with pytest.raises(LockError, match=r"\.lock: is not a lock file"):
        go(place, "out")
    assert (place / "mine.txt").read_text() == "precious"


@pytest.mark.slow
def test_an_unreadable_picture_ends_after_the_step_before_and_the_run_goes_on_exactly(
    place: Path, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Feed.batch

    def unreadable(feed: Feed, step: int, rows: range) -> Any:
        if step == 4:
            raise DataError("pictures/a.png: is damaged")
        return batch(feed, step, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Feed, "batch", unreadable)
        said, _ = failing(place)
    assert "step 5: pictures/a.png: is damaged. Repair or remove this file" in said
    assert "then resume the run" in said
    assert newest(place, "out") == 4
    assert note(go(place, "out", resume=True)) == ""
    assert digest(place, "out") == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "OOM"), KeyboardInterrupt(), SystemExit(0)]
)
def test_a_step_that_breaks_off_is_undone(
    place: Path, whole: str, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """It may have updated some of the networks, so the state before it is saved: that of an earlier log interval."""
    step = Trainer.step

    def breaks_off(trainer: Trainer, number: int, batch: Any) -> Any:
        logs = step(trainer, number, batch)
        if number == 4:
            raise error
        return logs

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", breaks_off)
        with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else TrainingError) as raised:
            go(place, "out")
    assert 0 < newest(place, "out") <= 4
    if isinstance(error, tf.errors.OpError):
        assert str(raised.value).startswith("step 5: out of memory")
        assert "which a resumed run may change" in str(raised.value)
    if isinstance(error, SystemExit):
        assert str(raised.value).startswith("step 5: SystemExit: 0 (")
    go(place, "out", resume=True)
    assert digest(place, "out") == whole


@pytest.mark.slow
def test_an_error_between_steps_saves_them_and_a_full_disk_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(journal: Journal, done: int) -> None:
        raise RuntimeError("no metric today")

    def full(*_: object, **__: object) -> None:
        raise TrainingError("no space left")

    monkeypatch.setattr(Journal, "sample", broken)
    said, _ = failing(place, "training.sample_every=3")
    assert newest(place, "out") == 3
    assert "step 4: RuntimeError: no metric today" in said
    monkeypatch.setattr(checkpoint, "save", full)
    said, _ = failing(place, "training.sample_every=5", resume=True)
    assert "The newest state could not be saved (no space left). The last good checkpoint is " in said
    assert newest(place, "out") == 3


@pytest.mark.slow
def test_a_resume_with_other_pictures_says_so_once(place: Path) -> None:
    go(place, "out", stopped=after(1))
    (place / "pictures" / "more.png").write_bytes((place / "pictures" / "a.png").read_bytes())
    more = note(go(place, "out", resume=True, stopped=after(1)))
    assert "data.folder has 3 files, and had 2" in more
    assert "not that of an uninterrupted run" in more
    assert note(go(place, "out", resume=True)) == ""


@pytest.mark.slow
def test_a_stopped_run_can_be_finished_and_still_be_resumed(place: Path) -> None:
    go(place, "out", stopped=after(0))
    with pytest.raises(TrainingError, match="contains no run to resume"):
        finish(place / "none", catalog(), print, "cpu")
    assert not (place / "none").exists()
    go(place, "out", resume=True, stopped=after(3))
    stopped = newest(place, "out")
    events: list[Event] = []
    done = finish(place / "out", catalog(), events.append, "cpu")
    assert done == Finished(stopped, place / "out" / "bundle")
    assert bundle.load(place / "out" / "bundle", catalog()).manifest.training["steps"] == stopped < 6
    assert events[-1] == done
    assert go(place, "out", resume=True)[-1] == Finished(6, place / "out" / "bundle")
    assert bundle.describe(place / "out" / "bundle").training["steps"] == 6


@pytest.mark.slow
def test_a_run_whose_probe_no_longer_improves_ends_with_a_bundle(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settling = (
        *("training.steps=50", "training.sample_every=1", "training.best=l1", "training.patience=2"),
        "training.generators.optimizer.learning_rate=1e-30",
    )
    events = go(place, "out", *settling)
    best = [event.step for event in events if isinstance(event, Sampled) and event.best]
    assert events[-1] == Finished(best[-1] + 3, place / "out" / "bundle", "settled")
    assert bundle.describe(place / "out" / "best").training["steps"] == best[-1]
    again = go(place, "out", *settling, resume=True)
    assert again[-1] == events[-1]
    longer = go(place, "out", *settling, "training.patience=4", resume=True)
    assert longer[-1].step > events[-1].step  # type: ignore[union-attr]


@pytest.mark.slow
def test_epochs_are_passes_over_the_pictures_and_schedules_follow_them(place: Path) -> None:
    text = (place / "train.yaml").read_text()
    (place / "train.yaml").write_text(text.replace("  steps: 40\n", "  epochs: 0.5\n"))
    document = load_yaml(place / "train.yaml").with_values({"training.log_every": 1})
    plan = read_training_plan(document, catalog())
    assert plan.file.training.steps is None
    events: list[Event] = []
    done = train(plan, place / "out", catalog(), events.append, device="cpu")
    cells = bundle.describe(place / "out" / "bundle").training["data"]["cells"]
    assert done.step == -(-cells // 8)
    assert newest(place, "out") == done.step
    lines = [json.loads(line) for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [line for line in lines if "rates" in line][-1]["rates"]["generators"] == 0  # a cosine ends at the last step
    assert finish(place / "out", catalog(), events.append, "cpu").step == done.step


@pytest.mark.slow
def test_a_training_starts_from_another_run_with_its_critic_but_not_its_optimizers(place: Path) -> None:
    go(place, "out")
    begun = go(place, "next", f"initial={place / 'out'}", stopped=after(0))
    assert "generator: all weights from out/step-000000006.npz" in note(begun)
    assert "critic: all weights from out/step-000000006.npz" in note(begun)
    old = checkpoint.read(place / "out" / "checkpoints" / "step-000000006.npz")
    new = checkpoint.read(place / "next" / "checkpoints" / "step-000000000.npz")
    for name in (name for name in new if name.startswith("critics/")):
        np.testing.assert_array_equal(new[name], old[name])
    kernels = [name for name in new if name.startswith("generators/") and new[name].ndim == 4]
    assert kernels
    for name in kernels:
        np.testing.assert_array_equal(new[name], old[name.replace("generators", "average")])
    moments = [name for name in new if name.startswith("optimizer/") and new[name].ndim == 4]
    assert moments
    assert all(not new[name].any() for name in moments)
    record = bundle.describe(go(place, "next", f"initial={place / 'out'}", resume=True)[-1].bundle).training  # type: ignore[union-attr,arg-type]
    assert record["file"]["initial"]["run"]["checkpoint"] == "step-000000006.npz"
