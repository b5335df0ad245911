"""Complete runs: their files, and bit-exact resume."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
import toy_metrics
from PIL import Image
from small_gan_task import SmallGan, catalog

from img2imgkit import Catalog, bundle
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.data import open_reader
from img2imgkit.errors import DataError, TrainingError
from img2imgkit.training import (
    Alarmed,
    Event,
    Finished,
    Progress,
    Sampled,
    Started,
    check_training_file,
    read_training_plan,
    train,
)
from img2imgkit.training.state import checkpoint

TEXT = """\
name: first
task: small-gan
options: {dropout: 0.3}
data: {kind: degraded, folder: pictures, crop: 16, batch: 4, channel_shuffle: true}
training:
  steps: 8
  generators: {optimizer: {kind: adam, learning_rate: 1e-2}, schedule: {kind: cosine, warmup: 2}}
  critics: {optimizer: {kind: rmsprop, momentum: 0.5}, every: 2}
  log_every: 2
  sample_every: 4
  checkpoint_every: 4
probe: probe
licence: CC0-1.0
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, size in (("pictures/a.png", (40, 50)), ("pictures/b.png", (36, 30)), ("probe/c.png", (24, 20))):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return tmp_path


def go(place: Path, output: str, *overrides: str, resume: bool = False, stop_after: int = 10**9) -> list[Event]:
    """Train, and stop after a number of steps as Ctrl-C would."""
    events: list[Event] = []
    plan = read_training_plan(parse_yaml(TEXT, str(place / "train.yaml")).with_overrides(overrides), catalog())
    train(plan, place / output, catalog(), events.append, resume, "cpu", _stopper(stop_after))
    return events


def _stopper(after: int) -> Callable[[], bool]:
    steps = iter(range(1, 10**9))
    return lambda: next(steps) >= after


def newest(folder: Path) -> dict[str, np.ndarray]:
    path = max((folder / "checkpoints").glob("*.npz"))
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def test_a_run_writes_all_of_its_files(place: Path) -> None:
    events = go(place, "out")
    folder = place / "out"
    assert isinstance(events[0], Started)
    assert events[0].parameters.keys() == {"generators", "critics"}
    assert events[-1] == Finished(8, folder / "bundle")
    assert [event.step for event in events if isinstance(event, Progress)] == [2, 4, 6, 8]
    assert [event.step for event in events if isinstance(event, Sampled)] == [4, 8]
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "bundle", "checkpoints", "config.json", "environment.json", "metrics.jsonl", "pictures.json",
        "report.html", "samples",
        "tensorboard",
    }  # fmt: skip
    assert json.loads((folder / "config.json").read_text())["weights"]["critic_fake"] == 1.0
    sheet = np.asarray(Image.open(folder / "samples" / "step-000000008.png"))
    assert sheet.shape[2] == 3
    assert sheet.std() > 10
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    logged = [record for record in records if "terms" in record]
    assert logged[0]["terms"].keys() == {
        "l1", "adversarial", "critic_real", "critic_fake", "generators_total", "critics_total",
    }  # fmt: skip
    assert logged[-1]["rates"]["generators"] == 0
    assert all(value > 0 for value in logged[0]["gradients"].values())
    assert logged[0]["gradients"].keys() == {"generators", "critics"}
    (sampled,) = [record for record in records if "probe" in record and record["step"] == 8]
    assert sampled["probe"].keys() == {"psnr", "ssim", "l1"}
    assert sampled["probe"]["psnr"].keys() == {"mean", "c"}
    assert all(0 <= record["input_wait"] <= 1 and record["images_per_second"] > 0 for record in logged)


def test_the_bundle_contains_the_average_and_a_training_record(place: Path) -> None:
    go(place, "out")
    loaded = bundle.load(place / "out" / "bundle", catalog())
    record, stored = loaded.manifest.training, newest(place / "out")
    averaged = [stored[name] for name in sorted(stored) if name.startswith("average/") and stored[name].ndim != 1]
    kernels = [
        variable.numpy() for variable in loaded.nets["generator"].trainable_variables if len(variable.shape) != 1
    ]
    assert len(kernels) == 2
    for kernel, wanted in zip(kernels, averaged, strict=True):
        np.testing.assert_array_equal(kernel, wanted)
    assert loaded.manifest.licence == "CC0-1.0"
    assert record["steps"] == 8
    assert record["data"]["pictures"] == 2
    assert record["file"]["training"]["seed"] == 1
    assert str(place) not in json.dumps(loaded.manifest.model_dump(mode="json"))


def test_an_interrupted_and_resumed_run_ends_bit_for_bit_where_the_other_does(place: Path) -> None:
    go(place, "whole")
    stopped = go(place, "parts", stop_after=3)
    assert stopped[-1] == Finished(3, None, "interrupted")
    resumed = go(place, "parts", resume=True)
    assert isinstance(resumed[0], Started)
    assert resumed[0].step == 3
    whole, parts = newest(place / "whole"), newest(place / "parts")
    assert whole.keys() == parts.keys()
    assert any(name.startswith("optimizer/critics") for name in whole)
    assert any(name.startswith("average/") for name in whole)
    for name, wanted in whole.items():
        np.testing.assert_array_equal(parts[name], wanted, err_msg=name)


def test_a_resumed_run_repeats_no_record_and_may_be_longer(place: Path) -> None:
    go(place, "out", "training.checkpoint_every=3", stop_after=3)
    with (place / "out" / "metrics.jsonl").open("a") as handle:
        handle.write('{"step": 5, "terms": {"l1": 9}}\n{"step": 6, "te')  # of a killed run
    events = go(place, "out", "training.checkpoint_every=5", "training.steps=9", resume=True)
    assert events[-1] == Finished(9, place / "out" / "bundle")
    steps = [json.loads(line)["step"] for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert max(steps) == 9
    assert '"l1": 9' not in (place / "out" / "metrics.jsonl").read_text()


def test_a_folder_that_contains_a_run_is_not_overwritten(place: Path) -> None:
    (place / "out" / "checkpoints").mkdir(parents=True)
    (place / "out" / "checkpoints" / "step-000000001.npz").write_bytes(b"")
    with pytest.raises(TrainingError, match="already contains a run; resume it"):
        go(place, "out")


def test_a_run_that_failed_to_start_can_be_started_again(place: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        go(place, "out", "data.folder=gone")
    assert go(place, "out", "training.steps=1")[-1] == Finished(1, place / "out" / "bundle")


def test_resuming_fails_with_a_reason(place: Path) -> None:
    with pytest.raises(TrainingError, match="contains no run to resume"):
        go(place, "none", resume=True)
    go(place, "out", stop_after=1)
    with pytest.raises(TrainingError, match=r"other values of data\.batch, training\.seed"):
        go(place, "out", "training.seed=2", "data.batch=2", resume=True)


def test_a_diverging_training_stops_and_keeps_the_last_good_checkpoint(place: Path) -> None:
    explosive = ("training.generators.optimizer={kind: sgd, learning_rate: 1e38}", "training.steps=40")
    with pytest.raises(TrainingError, match=r"step \d+: a loss or gradient is not finite .*last good checkpoint"):
        go(place, "out", *explosive, "training.checkpoint_every=1")
    assert all(np.isfinite(array).all() for array in newest(place / "out").values())


def test_a_run_can_start_from_a_bundle_of_another_scale(place: Path) -> None:
    given = SmallGan().build()
    bundle.save(place / "small", SmallGan(), given, "small", catalog())
    events = go(place, "large", "training.steps=1", "options.scale=4", "initial=" + str(place / "small"), stop_after=0)
    assert isinstance(events[0], Started)
    assert events[0].notes == ("generator: 4 of 4 weights from small",)
    with np.load(place / "large" / "checkpoints" / "step-000000000.npz") as stored:
        kernels = [
            stored[name] for name in sorted(stored.files) if name.startswith("average/") and stored[name].ndim == 4
        ]
    for kernel, wanted in zip(
        kernels, (v.numpy() for v in given["generator"].weights if len(v.shape) == 4), strict=True
    ):
        np.testing.assert_array_equal(kernel, wanted)


def test_the_best_state_is_kept_in_addition_to_the_newest(place: Path) -> None:
    events = go(place, "out", "training.best=l1", "training.keep=1", "training.sample_every=2")
    sampled = [event for event in events if isinstance(event, Sampled)]
    scores = [event.scores["l1"]["mean"] for event in sampled]
    chosen = sampled[int(np.argmin(scores))]
    assert chosen.best
    best = bundle.load(place / "out" / "best", catalog()).manifest
    assert best.training["best"] == {"metric": "l1", "value": min(scores), "step": chosen.step}
    assert best.training["steps"] == chosen.step
    with np.load(place / "out" / "checkpoints" / "best.npz") as stored:
        assert int(stored["step"]) == chosen.step
    assert [path.name for path in checkpoint.listed(place / "out" / "checkpoints")] == ["step-000000008.npz"]


def test_a_metric_of_a_plugin_decides_which_state_is_best(place: Path) -> None:
    installed = Catalog((*catalog().plugins, toy_metrics.plugin()))
    text = parse_yaml(TEXT, str(place / "train.yaml")).with_overrides(["training.best=worst", "training.steps=2"])
    events: list[Event] = []
    train(read_training_plan(text, installed), place / "out", installed, events.append, device="cpu")
    best = bundle.describe(place / "out" / "best").training["best"]
    scores = {event.step: event.scores["worst"]["mean"] for event in events if isinstance(event, Sampled)}
    assert best == {"metric": "worst", "value": min(scores.values()), "step": best["step"]}
    assert scores[best["step"]] == best["value"]
    assert "worst (levels, less is better)" in (place / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_resumed_run_remembers_its_best(place: Path) -> None:
    options = ("training.best=psnr", "training.sample_every=1")
    go(place, "whole", *options)
    go(place, "parts", *options, stop_after=5)
    go(place, "parts", *options, resume=True)
    whole, parts = (bundle.describe(place / name / "best") for name in ("whole", "parts"))
    assert parts.training["best"] == whole.training["best"]
    assert parts.weights.sha256 == whole.weights.sha256


def test_best_is_refused_at_the_start_if_it_cannot_be_measured(place: Path) -> None:
    (place / "tiny").mkdir()
    Image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(place / "tiny" / "t.png")
    with pytest.raises(TrainingError, match="a target of at least 11x11 pixels, and there is none"):
        go(place, "out", "training.best=ssim", f"probe={place / 'tiny'}")
    assert not checkpoint.listed(place / "out" / "checkpoints")


def test_a_collapse_is_reported_and_stops_the_training_if_requested(place: Path) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 20, 3), dtype=np.uint8)).save(place / "probe/d.png")
    hopeless = (
        "training.generators.optimizer={kind: sgd, learning_rate: 1e4}",
        "training.ema=null",
        "training.steps=60",
    )
    events = go(
        place, "out", *hopeless, "training.sample_every=2", "training.alarms.stop=true", "training.alarms.dead_critic=0"
    )
    (alarm,) = [event for event in events if isinstance(event, Alarmed)]
    assert alarm.alarm == "collapse"
    assert events[-1] == Finished(alarm.step + 1, None, "alarm")
    assert checkpoint.listed(place / "out" / "checkpoints")[-1].name == f"step-{alarm.step + 1:09d}.npz"
    assert '"alarm": "collapse"' in (place / "out" / "metrics.jsonl").read_text()
    assert "have collapsed" in (place / "out" / "report.html").read_text()


def test_dead_critics_are_reported_and_training_continues(place: Path) -> None:
    events = go(place, "out", "weights.critic_real=0", "weights.critic_fake=0")
    assert [event.alarm for event in events if isinstance(event, Alarmed)] == ["dead_critic"]
    assert events[-1] == Finished(8, place / "out" / "bundle")


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_loses_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(place, "whole")
    go(place, "stopped", stop_after=4)
    wanted = checkpoint.digest(place / "whole" / "checkpoints" / "step-000000008.npz")
    moment = 1
    while fails_at(moment, place, monkeypatch):
        newest = checkpoint.listed(place / "full" / "checkpoints")[-1]
        assert int(newest.stem[-9:]) >= 4
        go(place, "full", resume=True)
        assert checkpoint.digest(place / "full" / "checkpoints" / "step-000000008.npz") == wanted
        moment += 1
    assert moment > 8


def fails_at(moment: int, place: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a resumed run fails if the disk is full from its n-th file on."""
    shutil.rmtree(place / "full", ignore_errors=True)
    shutil.copytree(place / "stopped", place / "full")
    files, sync = iter(range(1, 10**6)), os.fsync

    def full(handle: int) -> None:
        if next(files) >= moment:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        try:
            go(place, "full", resume=True)
        except TrainingError as error:
            return bool(re.match(rf"{re.escape(str(place / 'full'))}.*cannot write it: No space left", str(error)))
    return False


def test_on_train_end_receives_every_image_of_the_data(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def on_train_end(task: SmallGan, nets: object, samples: Iterable[Mapping[str, np.ndarray]]) -> None:
        seen.extend(sample["target"] for sample in samples)

    monkeypatch.setattr(SmallGan, "on_train_end", on_train_end)
    go(place, "out", "training.steps=1")
    assert {image.shape for image in seen} == {(1, 16, 16, 3)}
    plan = read_training_plan(parse_yaml(TEXT, str(place / "train.yaml")), catalog())
    assert len(seen) == open_reader(plan.data, plan.task.geometry()).epoch
    assert len({image.tobytes() for image in seen}) > len(seen) // 2


def test_data_that_do_not_suit_the_task_are_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallGan, "data_problems", lambda task, data: [f"{data['kind']} data have no names"])
    with pytest.raises(DataError, match="degraded data have no names"):
        go(place, "out")
    (place / "train.yaml").write_text(TEXT)
    assert "degraded data have no names" in check_training_file(load_yaml(place / "train.yaml"), catalog()).problems


def test_the_start_counts_files_that_are_not_read(place: Path) -> None:
    (place / "pictures" / "drawing.xcf").write_bytes(b"layers")
    [started] = [event for event in go(place, "out") if isinstance(event, Started)]
    assert started.notes == (
        f"note: {place}/pictures: files that are not pictures, or cannot be read, are ignored: 1 .xcf",
    )
