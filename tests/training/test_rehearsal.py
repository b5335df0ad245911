"""A check does what a training does before its first step, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_gan_runs import make_place
from small_gan_task import SmallGan, catalog

import img2imgkit as kit
from img2imgkit import bundle
from img2imgkit.config import load_yaml
from img2imgkit.training import check_training_file, rehearsal

PROBED = (12, 10)  # height and width of the probe's degraded source


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path)


def problems(place: Path, *overrides: str) -> list[str]:
    return list(check_training_file(load_yaml(place / "train.yaml").with_overrides(overrides), catalog()).problems)


def test_a_training_that_works_passes_and_nothing_is_written(place: Path) -> None:
    before = sorted(place.rglob("*"))
    assert problems(place) == []
    assert sorted(place.rglob("*")) == before


def test_what_only_a_later_kind_of_step_computes_is_traced(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def critic_losses(self: Any, nets: Any, batch: Mapping[str, Any], out: Any) -> Any:
        raise ValueError("maps of 3 and 4 pixels\nand a long story")

    monkeypatch.setattr(SmallGan, "critic_losses", critic_losses)
    monkeypatch.setattr(SmallGan, "order", ("generators", "critics"))
    late = ["training.stages=[{name: a, steps: 5, players: [generators]}, {name: b, steps: 35}]"]
    assert problems(place, *late) == [
        "task 'small-gan' cannot compute a step with these options: ValueError: maps of 3 and 4 pixels"
    ]
    assert problems(place, "training.stages=[{name: a, steps: 40, players: [generators]}]") == []


def test_how_much_of_an_initial_bundle_fits_is_noted(place: Path) -> None:
    task = SmallGan()
    bundle.save(place / "start", task, task.build(), "start", catalog())
    found = check_training_file(
        load_yaml(place / "train.yaml").with_overrides([f"initial={place / 'start'}"]), catalog()
    )
    assert not found.problems
    assert found.notes[-1].startswith("generator: ")
    assert found.notes[-1].endswith("weights from start")


def test_without_usable_pictures_only_they_are_reported(place: Path) -> None:
    (place / "pictures" / "a.png").write_text("no picture")
    [problem] = problems(place)
    assert "a.png" in problem


def test_a_probe_whose_targets_are_too_small_for_the_best_metric_is_a_problem(place: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(place / "probe" / "c.png")
    assert (
        "training.best: ssim needs a probe picture with a target of at least 11x11"
        in problems(place, "training.best=ssim")[0]
    )


def test_a_probe_that_cannot_be_translated_is_a_problem(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def translate(self: Any, nets: Any, inputs: Mapping[str, Any]) -> Any:
        if inputs["source"].shape[1:3] == PROBED:
            raise ValueError("no such size\nand a long story")
        return nets["generator"](inputs["source"], training=False)

    monkeypatch.setattr(SmallGan, "translate", translate)
    assert problems(place) == [
        f"probe {place}/probe: task 'small-gan' cannot translate its first picture: ValueError: no such size"
    ]
    assert problems(place, "probe=null") == []


def test_a_probe_whose_output_has_another_size_than_the_geometry_states_is_a_problem(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def translate(self: Any, nets: Any, inputs: Mapping[str, Any]) -> Any:
        whole = nets["generator"](inputs["source"], training=False)
        return whole[:, :7] if inputs["source"].shape[1:3] == PROBED else whole

    monkeypatch.setattr(SmallGan, "translate", translate)
    [problem] = problems(place)
    assert "probe: the output of 'c' is" in problem
    assert "but its geometry states" in problem


def test_only_one_picture_of_the_probe_is_translated(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        Image.fromarray(np.zeros((24, 20 + 4 * number, 3), np.uint8)).save(place / "probe" / f"{number}.png")
    seen = []

    def translate(self: Any, nets: Any, inputs: Mapping[str, Any]) -> Any:
        seen.append(inputs["source"].shape)
        return nets["generator"](inputs["source"], training=False)

    monkeypatch.setattr(SmallGan, "translate", translate)
    monkeypatch.setattr(rehearsal, "prove_geometry", lambda task: ())  # it translates noise
    assert problems(place) == []
    assert len(seen) == 1


def test_a_geometry_that_is_not_true_is_a_problem(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallGan, "geometry", lambda self: kit.Geometry(scale=2, radius=1))
    [problem] = problems(place)
    assert problem.startswith("task 'small-gan': geometry() states radius=1, but output pixels depend on inputs 2 ")
    assert problem.endswith("Measured: radius=2")


def test_what_of_the_geometry_is_not_proved_is_noted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "prove_geometry", lambda task: ("not proved: all of it",))
    assert check_training_file(load_yaml(place / "train.yaml"), catalog()).notes == ("not proved: all of it",)


def test_of_many_micro_batches_two_are_traced(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    forward = SmallGan.forward

    def counted(self: Any, nets: Any, batch: Mapping[str, Any]) -> Any:
        sizes.append(batch["source"].shape[0])
        return forward(self, nets, batch)

    monkeypatch.setattr(SmallGan, "forward", counted)
    assert problems(place, "data.batch=16", "training.micro_batches=8") == []
    many = sizes.copy()
    sizes.clear()
    assert problems(place, "data.batch=4", "training.micro_batches=2") == []
    assert many == sizes
