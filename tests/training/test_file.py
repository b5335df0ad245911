"""Training files: all problems at once, each where it stands; paths relative to the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_gan_task import catalog

from img2imgkit.config import parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.training import Recipe, read_recipe

GOOD = """\
name: first
task: small-gan
options: {dropout: 0.5}
weights: {l1: 10.0}
data: {kind: degraded, folder: pictures, crop: 32, batch: 4}
training:
  steps: 100
  generators:
    optimizer: {kind: sgd, learning_rate: 1e-3}
    schedule: {kind: linear, after: 0.25, warmup: 5}
"""


def read(text: str, file: str = "/data/train.yaml", overrides: tuple[str, ...] = ()) -> Recipe:
    return read_recipe(parse_yaml(text, file).with_overrides(overrides), catalog())


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_names_task_options_weights_and_players() -> None:
    recipe = read(GOOD)
    assert recipe.task.options.dropout == 0.5
    assert recipe.task.weights.l1 == 10.0
    assert recipe.task.weights.adversarial == 0.5
    assert recipe.file.training.generators.optimizer.learning_rate == 1e-3
    assert recipe.file.training.generators.schedule.warmup == 5
    assert recipe.file.training.critics.optimizer.kind == "adam"


def test_paths_start_from_the_file_and_those_of_set_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(GOOD).file.data.folder == Path("/data/pictures")
    monkeypatch.chdir(tmp_path)
    assert read(GOOD, overrides=("data.folder=mine",)).file.data.folder == tmp_path / "mine"
    two = read(GOOD, overrides=("data.folder=[/a, /b]",))
    assert two.file.data.folders == (Path("/a"), Path("/b"))


def test_every_problem_is_shown_at_once_where_it_stands() -> None:
    bad = (
        GOOD.replace("dropout", "droput")
        .replace("l1: 10.0", "l2: 10.0")
        .replace("batch: 4", "bacth: 4")
        .replace("steps: 100", "steps: 0")
    )
    found = problems(bad)
    assert len(found) == 4
    assert any(
        "train.yaml:3:" in text and "options.droput: unknown option; did you mean 'dropout'?" in text for text in found
    )
    assert any("train.yaml:4:" in text and "weights.l2" in text for text in found)
    assert any("train.yaml:5:" in text and "data.bacth" in text and "'batch'" in text for text in found)
    assert any("train.yaml:7:" in text and "training.steps" in text for text in found)


def test_an_unknown_task_is_named_with_the_nearest() -> None:
    [found] = problems(GOOD.replace("task: small-gan", "task: smal-gan"))
    assert "train.yaml:2:" in found
    assert "did you mean 'small-gan'?" in found


def test_a_crop_that_does_not_fit_the_task_is_found_before_any_picture_is_read() -> None:
    [found] = problems(GOOD.replace("crop: 32", "crop: 33"))
    assert "data.crop: expected a multiple of 2 for this task, got 33" in found


def test_an_initial_bundle_must_be_there() -> None:
    [found] = problems(GOOD + "initial: ./gone\n")
    assert "train.yaml:11:" in found
    assert "/data/gone: no such folder" in found


def test_an_unknown_optimizer_or_schedule_is_an_error() -> None:
    found = problems(GOOD.replace("kind: sgd", "kind: sdg").replace("kind: linear", "kind: liner"))
    assert len(found) == 2
    assert all("train.yaml" in text for text in found)


@pytest.mark.parametrize("text", ["", "[]", "name: first\n"])
def test_a_file_that_says_too_little_is_an_error_not_a_crash(text: str) -> None:
    assert problems(text)


def test_the_resolved_file_states_every_default() -> None:
    resolved = read(GOOD).resolved()
    assert resolved["weights"] == {"l1": 10.0, "adversarial": 0.5, "critic_real": 1.0, "critic_fake": 1.0}
    assert resolved["data"]["flips"] is True
    assert resolved["training"]["critics"]["schedule"] == {"kind": "constant", "warmup": 0}
