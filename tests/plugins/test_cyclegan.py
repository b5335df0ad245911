"""The CycleGAN plugin: the contract, both directions, its variants and training files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import img2imgkit_plugins.cyclegan as plugin
import numpy as np
import pytest
from img2imgkit_plugins.cyclegan.task import CycleGan

from img2imgkit import Catalog, resolve
from img2imgkit.adversary import R1, Adversary, Hinge
from img2imgkit.architectures import Patch, Resnet, Unet, VggCritic
from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.testing import check_task
from img2imgkit.training import read_training_plan

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
SMALL = {"generator": Resnet(blocks=1, width=2), "critic": Patch(layers=1, width=2), "pool": 3}


def task_of(weights: Any = None, choices: Any = None, **options: Any) -> CycleGan:
    return CycleGan(CycleGan.Options(**{**SMALL, **options}), weights, choices)


def batch_of(images: int = 2, side: int = 16) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {key: random.uniform(-1, 1, (images, side, side, 3)).astype(np.float32) for key in "ab"}


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
def test_it_fulfils_the_contract() -> None:
    check_task(CycleGan, CycleGan.Options(**SMALL))


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"channels": 1, "norm": "batch", "adversary": Adversary(loss=Hinge(), penalty=R1())}, {}),
        (
            {"generator": Unet(depth=3, width=2, dropout=0.0), "reconstruction": "l2", "pool": 0},
            {"identity_a": 0.0, "identity_b": 0.0},
        ),
    ],
    ids=["grey, batch norm, penalised", "U-Net without identity"],
)
def test_its_variants_fulfil_the_contract(options: dict[str, Any], weights: dict[str, float]) -> None:
    check_task(CycleGan, CycleGan.Options(**{**SMALL, **options}), CycleGan.Weights(**weights))


def test_a_network_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(ConfigError, match="critic: 'vgg-critic' cannot be built: size 100: expected a power of 2"):
        resolve(task_of(critic=VggCritic(size=100)).options, Catalog.installed({"IMG2IMG_PLUGINS": "cyclegan"}))


def test_each_direction_has_its_own_generator() -> None:
    there, back = (task_of(choices=CycleGan.Choices(direction=way)) for way in ("a_to_b", "b_to_a"))
    nets = there.build()
    inputs = {"source": batch_of()["a"]}
    np.testing.assert_array_equal(there.translate(nets, inputs), nets["a_to_b"](inputs["source"], training=False))
    np.testing.assert_array_equal(back.translate(nets, inputs), nets["b_to_a"](inputs["source"], training=False))
    assert np.abs(np.asarray(there.translate(nets, inputs)) - np.asarray(back.translate(nets, inputs))).max() > 0


def test_a_cycle_returns_to_its_domain() -> None:
    task, batch = task_of(), batch_of()
    nets = task.build()
    out = task.forward(nets, batch)
    np.testing.assert_allclose(out["cycle_a"], nets["b_to_a"](nets["a_to_b"](batch["a"])), atol=1e-6)
    np.testing.assert_allclose(out["identity_b"], nets["a_to_b"](batch["b"]), atol=1e-6)
    terms = task.generator_losses(nets, batch, out)
    wanted = np.abs(np.asarray(out["cycle_a"]) - batch["a"]).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(terms["cycle_a"], wanted, rtol=1e-5)


def test_without_its_weight_identity_is_not_computed() -> None:
    task = task_of(CycleGan.Weights(identity_a=0.0))
    assert task.forward(task.build(), batch_of()).keys() == {"fake_a", "fake_b", "cycle_a", "cycle_b", "identity_b"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path) -> None:
    plan = read_training_plan(load_yaml(path), Catalog.installed())
    assert plan.task.name == "cyclegan"
    assert {path.stem for path in FILES} == {"cyclegan", "cyclegan-small", "discogan", "dualgan"}
