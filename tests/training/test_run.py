"""Whole runs: what they leave behind, and that a resumed one ends exactly where an uninterrupted one does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_gan_task import SmallGan, catalog

from img2imgkit import bundle
from img2imgkit.config import parse_yaml
from img2imgkit.errors import DataError, TrainingError
from img2imgkit.training import Event, Finished, Progress, Sampled, Started, read_recipe, train

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
    """Train; stop after so many steps as Ctrl-C would."""
    events: list[Event] = []
    recipe = read_recipe(parse_yaml(TEXT, str(place / "train.yaml")).with_overrides(overrides), catalog())
    train(recipe, place / output, catalog(), events.append, resume, "cpu", _stopper(stop_after))
    return events


def _stopper(after: int) -> Callable[[], bool]:
    steps = iter(range(1, 10**9))
    return lambda: next(steps) >= after


def newest(folder: Path) -> dict[str, np.ndarray]:
    path = max((folder / "checkpoints").glob("*.npz"))
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def test_a_run_leaves_all_it_promises(place: Path) -> None:
    events = go(place, "out")
    folder = place / "out"
    assert isinstance(events[0], Started)
    assert events[0].parameters.keys() == {"generators", "critics"}
    assert events[-1] == Finished(8, folder / "bundle")
    assert [event.step for event in events if isinstance(event, Progress)] == [2, 4, 6, 8]
    assert [event.step for event in events if isinstance(event, Sampled)] == [4, 8]
    assert {path.name for path in folder.iterdir()} == {
        "bundle", "checkpoints", "config.json", "environment.json", "metrics.jsonl", "report.html", "samples",
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
    assert all(0 <= record["input_wait"] <= 1 and record["images_per_second"] > 0 for record in logged)


def test_the_bundle_holds_the_average_and_how_it_came_about(place: Path) -> None:
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
    assert stopped[-1] == Finished(3, None)
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
        handle.write('{"step": 5, "terms": {"l1": 9}}\n{"step": 6, "te')  # of a run that was killed
    events = go(place, "out", "training.checkpoint_every=5", "training.steps=9", resume=True)
    assert events[-1] == Finished(9, place / "out" / "bundle")
    steps = [json.loads(line)["step"] for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert max(steps) == 9
    assert '"l1": 9' not in (place / "out" / "metrics.jsonl").read_text()


def test_a_folder_that_holds_a_run_is_left_alone(place: Path) -> None:
    (place / "out" / "checkpoints").mkdir(parents=True)
    (place / "out" / "checkpoints" / "step-000000001.npz").write_bytes(b"")
    with pytest.raises(TrainingError, match="holds a run already; go on with it by --resume"):
        go(place, "out")


def test_a_run_that_never_started_may_be_started_again(place: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        go(place, "out", "data.folder=gone")
    assert go(place, "out", "training.steps=1")[-1] == Finished(1, place / "out" / "bundle")


def test_what_cannot_be_resumed_says_why(place: Path) -> None:
    with pytest.raises(TrainingError, match="no run to resume here"):
        go(place, "none", resume=True)
    go(place, "out", stop_after=1)
    with pytest.raises(TrainingError, match=r"other values of data\.batch, training\.seed"):
        go(place, "out", "training.seed=2", "data.batch=2", resume=True)


def test_a_training_that_explodes_stops_and_keeps_the_last_good_checkpoint(place: Path) -> None:
    explosive = ("training.generators.optimizer={kind: sgd, learning_rate: 1e38}", "training.steps=40")
    with pytest.raises(TrainingError, match=r"step \d+: a loss or gradient is not finite .*last good checkpoint"):
        go(place, "out", *explosive, "training.checkpoint_every=1")
    assert all(np.isfinite(array).all() for array in newest(place / "out").values())


def test_a_run_may_start_from_a_bundle_of_another_scale(place: Path) -> None:
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
