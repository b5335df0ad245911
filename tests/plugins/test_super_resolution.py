"""The super-resolution plugin: its task, its training files, what it registers."""

from __future__ import annotations

from pathlib import Path

import img2imgkit_plugins.super_resolution as plugin
import numpy as np
import pytest
from pydantic import ValidationError

from img2imgkit import Catalog
from img2imgkit.config import load_yaml
from img2imgkit.training import read_recipe

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))


@pytest.fixture(scope="module")
def task_class():  # type: ignore[no-untyped-def]
    return Catalog.installed().get("tasks", "super-resolution")


@pytest.mark.parametrize("network", ["residual", "plain"])
@pytest.mark.parametrize("space", ["luma", "rgb"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_translates_and_trains_at_its_scale(task_class, network, space, scale) -> None:  # type: ignore[no-untyped-def]
    task = task_class(task_class.Options(scale=scale, width=4, depth=2, network=network, space=space))
    nets = task.build()
    source = np.random.default_rng(0).uniform(-1, 1, (2, 5, 7, 3)).astype(np.float32)
    output = np.asarray(task.translate(nets, {"source": source}))
    assert output.shape == (2, 5 * scale, 7 * scale, 3)
    batch = {"source": source, "target": output}
    losses = task.generator_losses(nets, batch, task.forward(nets, batch))
    assert losses.keys() == task.Weights.model_fields.keys()
    assert losses["l1"].shape == (2,)
    assert float(np.max(losses["l1"])) < 1e-5  # its own output is what training compares with


def test_its_radius_is_that_of_its_convolutions(task_class) -> None:  # type: ignore[no-untyped-def]
    task = task_class(task_class.Options(depth=4, width=4))
    assert task.geometry().radius == 6
    assert task.geometry().scale == 2


def test_an_odd_depth_has_no_whole_blocks(task_class) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValidationError, match="depth 5 is odd"):
        task_class.Options(depth=5)
    assert task_class.Options(depth=5, network="plain").depth == 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_training_file_that_ships_is_good(path: Path) -> None:
    recipe = read_recipe(load_yaml(path).with_overrides(["initial=null"]), Catalog.installed())
    assert recipe.file.task == "super-resolution"
    assert recipe.file.name == path.stem
    assert recipe.task.geometry().scale == int(path.stem[-1])


def test_there_is_a_training_file_for_each_shipped_scale() -> None:
    assert [path.stem for path in FILES] == ["sr-compact-x2", "sr-compact-x4"]
