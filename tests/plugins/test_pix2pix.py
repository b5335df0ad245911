"""The pix2pix plugin: the contract with each of its networks, the paper's numbers, its training files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import img2imgkit_plugins.pix2pix as plugin
import numpy as np
import pytest
from img2imgkit_plugins.pix2pix.task import Pix2Pix

from img2imgkit import Catalog, bundle, resolve
from img2imgkit.adversary import Adversary, Color, Cutout, Hinge, Lsgan, Relativistic, Wasserstein, WganGp
from img2imgkit.architectures import Patch, Pixel, Resnet, Unet, VggCritic
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError, NotInstalled
from img2imgkit.testing import check_task
from img2imgkit.training import read_training_plan

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
UNET, PATCH = Unet(depth=3, width=2, dropout=0.0), Patch(layers=1, width=2)


def options(**chosen: Any) -> Any:
    return Pix2Pix.Options(**{"generator": UNET, "critic": PATCH, **chosen})


@pytest.mark.usefixtures("two_cpus")
def test_it_fulfils_the_contract() -> None:
    check_task(Pix2Pix, options())


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    "chosen",
    [
        {"norm": "instance", "adversary": Adversary(loss=Wasserstein(), penalty=WganGp())},
        {"generator": Resnet(blocks=1, width=2), "critic": Pixel(width=2), "statistics": "running"},
        {"channels": 1, "output_channels": 3, "norm": "none", "adversary": Adversary(loss=Hinge(), spectral=True)},
        {
            "channels": 3,
            "output_channels": 1,
            "adversary": Adversary(loss=Relativistic(loss=Lsgan(smoothing=0.1)), augment=(Color(), Cutout())),
        },
    ],
    ids=["wgan-gp", "resnet, pixels", "grey to colour, spectral", "colour to grey, augmented"],
)
def test_it_fulfils_the_contract_with_other_networks(chosen: dict[str, Any]) -> None:
    check_task(Pix2Pix, options(**chosen))


@pytest.mark.parametrize(("depth", "parameters"), [(7, 41_828_995), (8, 54_413_955)])
def test_its_networks_have_as_many_weights_as_the_official_ones(depth: int, parameters: int) -> None:
    nets = Pix2Pix(Pix2Pix.Options(generator=Unet(depth=depth))).build()
    assert sum(int(np.prod(v.shape)) for v in nets["generator"].trainable_variables) == parameters
    assert sum(int(np.prod(v.shape)) for v in nets["critic"].trainable_variables) == 2_768_705


def test_a_network_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(ConfigError, match="critic: 'vgg-critic' cannot be built: size 100: expected a power of 2"):
        resolve(options(critic=VggCritic(size=100)), Catalog.installed({"IMG2IMG_PLUGINS": "pix2pix"}))


def test_its_bundle_loads_without_the_components_that_only_training_uses(tmp_path: Path) -> None:
    """A penalty's plugin may be gone where the bundle only translates; an architecture's may not."""
    whole = Catalog.installed()
    task = Pix2Pix(options(adversary=Adversary(penalty=WganGp())))
    bundle.save(tmp_path / "b", task, task.build(), "b", whole)
    without = {
        name: Catalog(tuple(p for p in whole.plugins if p.name != name)) for name in ("adversary", "architectures")
    }
    assert bundle.load(tmp_path / "b", without["adversary"]).task.options.generator.kind == "unet"
    with pytest.raises(NotInstalled, match=r"saved with img2imgkit .*no architecture 'patch' is installed"):
        bundle.load(tmp_path / "b", without["architectures"])


def test_training_defaults_are_those_of_the_paper() -> None:
    text = "name: a\ntask: pix2pix\ndata: {kind: paired, folder: pictures}\ntraining: {steps: 100}\n"
    training = read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed()).file.training
    for player in (training.generators, training.critics):
        assert player.optimizer.kind == "adam"
        assert (player.optimizer.learning_rate, player.optimizer.beta_1) == (2e-4, 0.5)
        assert player.schedule.kind == "linear"
        assert player.schedule.after == 0.5
    assert training.ema is None


def test_stated_values_override_single_defaults() -> None:
    text = (
        "name: a\ntask: pix2pix\ndata: {kind: paired, folder: pictures}\n"
        "training: {steps: 100, generators: {optimizer: {kind: adam, learning_rate: 1e-3}}, "
        "critics: {optimizer: {kind: sgd}}}\n"
    )
    training = read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed()).file.training
    assert training.generators.optimizer.learning_rate == 1e-3
    assert training.generators.optimizer.beta_1 == 0.5
    assert training.generators.schedule.kind == "linear"
    assert training.critics.optimizer.kind == "sgd"


def test_the_critic_sees_source_and_image_together() -> None:
    task = Pix2Pix(options(channels=1))
    nets = task.build()
    random = np.random.default_rng(0)
    batch = {
        "source": random.uniform(-1, 1, (2, 16, 16, 1)).astype(np.float32),
        "target": random.uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32),
    }
    out = task.forward(nets, batch)
    terms = task.critic_losses(nets, batch, out)
    other = task.critic_losses(nets, {**batch, "source": -batch["source"]}, out)
    assert nets["critic"].input_shape[-1] == 4
    assert np.all(np.asarray(terms["critic_real"]) != np.asarray(other["critic_real"]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path) -> None:
    assert read_training_plan(load_yaml(path), Catalog.installed()).task.name == "pix2pix"
    assert FILES
