"""Trainings that start from another run or its checkpoint: what is found, what fits, what is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from small_gan_task import SmallGan, catalog

import img2imgkit as kit
from img2imgkit.config import parse_yaml
from img2imgkit.errors import ConfigError, InteropError
from img2imgkit.training import TrainingPlan, read_training_plan
from img2imgkit.training.plan.initial import start_from
from img2imgkit.training.plan.initial_run import checkpoint_in, fill_from_checkpoint
from img2imgkit.training.state import checkpoint

TEXT = """\
name: next
task: small-gan
data: {kind: degraded, folder: pictures, crop: 32, batch: 4}
training: {steps: 1}
"""


def state(nets: kit.Networks, average: float | None = None) -> Mapping[str, np.ndarray]:
    groups = {"generators": nets.generators, "critics": nets.critics}
    found = {
        f"{group}/{role}/{number:04d}": v.numpy()
        for group, networks in groups.items()
        for role, net in networks.items()
        for number, v in enumerate(net.variables)
    }
    if average is not None:
        given = {name: array for name, array in found.items() if name.startswith("generators/")}
        found |= {name.replace("generators", "average"): np.full_like(array, average) for name, array in given.items()}
    return found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with two checkpoints, whose average is 0.25 everywhere."""
    for step in (4, 8):
        checkpoint.save(tmp_path / "run" / "checkpoints", step, state(SmallGan().build(), average=0.25), keep=2)
    options = {"scale": 2, "dropout": 0.5, "pool": 0}
    (tmp_path / "run" / "config.json").write_text(json.dumps({"task": "small-gan", "options": options}))
    return tmp_path / "run"


def plan(folder: Path, initial: str, text: str = TEXT) -> TrainingPlan:
    return read_training_plan(parse_yaml(f"{text}initial: {initial}\n", str(folder / "train.yaml")), catalog())


def problem(folder: Path, initial: str) -> str:
    with pytest.raises(ConfigError) as raised:
        plan(folder, initial)
    return str(raised.value)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("run", "step-000000008.npz"),
        ("{run: ./run}", "step-000000008.npz"),
        ("run/checkpoints/step-000000004.npz", "step-000000004.npz"),
    ],
)
def test_a_run_means_its_newest_checkpoint(run: Path, stated: str, name: str) -> None:
    found = plan(run.parent, stated).initial
    assert found is not None
    assert found.run is not None
    assert found.run.checkpoint == run / "checkpoints" / name
    assert found.record() == {"run": {"run": "run", "checkpoint": name, "sha256": found.run.sha256}}
    assert plan(run.parent, str(found.stated())).initial == found


def test_generators_receive_the_average_and_critics_their_weights(run: Path) -> None:
    nets = SmallGan().build()
    found = plan(run.parent, "run").initial
    assert found is not None
    notes = start_from(found, catalog(), SmallGan(), nets)
    assert notes == tuple(f"{role}: all weights from run/step-000000008.npz" for role in ("generator", "critic"))
    assert all((v.numpy() == 0.25).all() for v in nets["generator"].trainable_variables)
    given = checkpoint.read(run / "checkpoints" / "step-000000008.npz")
    np.testing.assert_array_equal(nets["critic"].variables[0].numpy(), given["critics/critic/0000"])


def test_without_options_those_of_the_run_are_used(run: Path) -> None:
    assert plan(run.parent, "run").task.options.dropout == 0.5
    assert plan(run.parent, "run", f"{TEXT}options: {{}}\n").task.options.dropout == 0.0


def test_single_networks_may_come_from_a_run(run: Path) -> None:
    nets = SmallGan().build()
    before = nets["generator"].get_weights()
    found = plan(run.parent, "{critic: run}").initial
    assert found is not None
    assert start_from(found, catalog(), SmallGan(), nets) == ("critic: all weights from run/step-000000008.npz",)
    assert all(np.array_equal(a, b) for a, b in zip(before, nets["generator"].get_weights(), strict=True))


def test_a_network_of_other_shapes_keeps_its_weights_and_says_so(run: Path) -> None:
    nets, path = SmallGan().build(), run / "checkpoints" / "step-000000009.npz"
    odd = {name: array for name, array in state(nets).items() if not name.startswith("critics/")}
    checkpoint.write(path, 9, {**odd, "critics/critic/0000": np.zeros((1, 2))})
    found = plan(run.parent, "run").initial
    assert found is not None
    [_, note] = start_from(found, catalog(), SmallGan(), nets)
    assert note.startswith("critic: keeps its random weights: run/step-000000009.npz has 1 variables of 'critic', and")
    with pytest.raises(InteropError, match="has 1 variables of 'critic'"):
        fill_from_checkpoint(path, "critic", nets["critic"])
    checkpoint.write(path, 9, {"generators/other/0000": np.zeros(3)})
    found = plan(run.parent, "run").initial
    assert found is not None
    with pytest.raises(ConfigError, match=r"train\.yaml:5:.*initial: generator: keeps .* has no network 'generator'"):
        start_from(found, catalog(), SmallGan(), nets)


def test_what_is_no_run_is_reported_at_its_place(run: Path) -> None:
    place = run.parent
    (place / "empty" / "checkpoints").mkdir(parents=True)
    assert "initial: " in problem(place, "./empty")
    assert "empty: this run has no checkpoint to start from" in problem(place, "./empty")
    assert "initial.run: " in problem(place, "{run: ./gone}")
    assert "is neither a run folder nor a checkpoint" in problem(place, "{run: ./gone}")
    assert "initial.run: excludes 'bundle'" in problem(place, "{run: ./run, bundle: ./run}")
    assert checkpoint_in(place / "gone") is None
    (place / "weights.npz").write_bytes(b"no")
    found = plan(place, "./weights.npz").initial
    assert found is not None
    with pytest.raises(ConfigError, match=r"weights\.npz: cannot read this checkpoint.*expected a checkpoint of"):
        start_from(found, catalog(), SmallGan(), SmallGan().build())
