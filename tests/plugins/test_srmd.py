"""The SRMD plugin: the contract, degradations as conditions, what is imported, its training file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import img2imgkit_plugins.srmd as plugin
import numpy as np
import onnxruntime
import pytest
from checkpoints import checkpoint_of, randomised
from img2imgkit_plugins.srmd.degrading import blurred, degraded
from img2imgkit_plugins.srmd.task import UNBLURRED, Srmd
from mat_files import mat_file
from torch_files import save_torch

from img2imgkit import Catalog, backend
from img2imgkit.architectures import KernelProjection, gaussian_kernel
from img2imgkit.architectures import Srmd as Network
from img2imgkit.bundle import describe, engine_form, load
from img2imgkit.components import resolve
from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.exporting import add_engine_form
from img2imgkit.images import Picture
from img2imgkit.importing import import_bundle, state_of_model
from img2imgkit.inference import Translator, parse_condition
from img2imgkit.testing import check_task
from img2imgkit.training import read_training_plan

backend.load()

SMALL = Network(width=4, depth=2)
PROJECTED: dict[str, Any] = {"generator": SMALL, "projection": KernelProjection(size=5), "components": 4}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed({"IMG2IMG_PLUGINS": "srmd"})


def task_of(**options: Any) -> Srmd:
    return Srmd(resolve(Srmd.Options(**options), Catalog.installed()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"generator": SMALL, "scale": 3}, {**PROJECTED, "noise": False}], ids=["code", "projection"]
)
def test_it_keeps_the_contract(options: dict[str, Any]) -> None:
    check_task(Srmd, Srmd.Options(**options))


def test_the_conditions_are_those_that_the_network_reads() -> None:
    assert [*task_of().conditions()] == ["noise"]
    assert [*task_of(**PROJECTED).conditions()] == ["noise", "blur"]
    assert [*task_of(noise=False).conditions()] == []


def test_a_stated_degradation_becomes_the_numbers_that_the_network_reads() -> None:
    assert {name: array.tolist() for name, array in task_of().condition_arrays({"noise": 51.0}).items()} == {
        "kernel": np.float32(UNBLURRED).tolist(),
        "level": [pytest.approx(0.2)],
    }
    arrays = task_of(**PROJECTED).condition_arrays({"blur": 1.5})
    np.testing.assert_allclose(arrays["kernel"], gaussian_kernel(1.5, 5).ravel(), rtol=1e-6)
    assert arrays["level"] == [0]
    without = task_of(**PROJECTED).condition_arrays({})["kernel"]
    np.testing.assert_array_equal(without, gaussian_kernel(0, 5).ravel())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("noise", 76, "a standard deviation of 0 to 75, got 76"),
        ("noise", "much", "of 0 to 75, got 'much'"),
        ("noise", True, "of 0 to 75, got True"),
        ("noise", "nan", "of 0 to 75"),
        ("blur", -1, "a width of 0 to 2, got -1"),
        ("blur", 2.5, "a width of 0 to 2, got 2.5"),
    ],
)
def test_degradations_for_which_networks_are_not_trained_are_refused(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_condition(task_of(**PROJECTED), name, value)
    assert reason in str(caught.value)


def test_numbers_may_be_texts_as_on_a_command_line() -> None:
    assert parse_condition(task_of(), "noise", "12.5") == 12.5


def test_a_blur_cannot_be_stated_without_a_projection() -> None:
    with pytest.raises(ConfigError, match="no input 'blur'"):
        parse_condition(task_of(), "blur", 1)


def test_a_code_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 15 numbers"):
        Srmd.Options(code=(1.0, 2.0))


def state_of(network: str, **options: Any) -> dict[str, np.ndarray]:
    return state_of_model(randomised(network, **options), checkpoint_of(network).places(options))


def picture() -> Picture:
    return Picture(np.random.default_rng(0).integers(0, 256, (9, 8, 3)).astype(np.uint8))


@pytest.mark.parametrize("noise", [True, False], ids=["srmd", "srmdnf"])
def test_a_network_alone_is_imported_for_pictures_without_a_blur(noise: bool, catalog: Catalog, tmp_path: Path) -> None:
    given = {"scale": 2, "channels": 3, "code": 15 + noise, "width": 4, "depth": 2}
    save_torch(tmp_path / "a.pth", state_of("srmd", **given))
    imported = import_bundle([tmp_path / "a.pth"], tmp_path / "bundle", catalog)
    assert imported.manifest.task == "srmd"
    [assumption] = imported.assumptions
    assert assumption.option == "code"
    assert "srmd_pca_matlab.mat" in assumption.text
    bundle = load(tmp_path / "bundle", catalog)
    assert bundle.task.options.noise == noise
    made = Translator(bundle, device="cpu").translate(picture()).picture
    assert (made.height, made.width) == (18, 16)


def test_with_the_official_projection_blurs_can_be_stated(catalog: Catalog, tmp_path: Path) -> None:
    given = {"scale": 3, "channels": 3, "code": 7, "width": 4, "depth": 2}
    save_torch(tmp_path / "a.pth", state_of("srmd", **given))
    matrix = np.random.default_rng(0).normal(size=(6, 25))
    (tmp_path / "pca.mat").write_bytes(mat_file(P=matrix))
    imported = import_bundle([tmp_path / "a.pth", tmp_path / "pca.mat"], tmp_path / "bundle", catalog)
    assert imported.assumptions == ()
    translator = Translator(load(tmp_path / "bundle", catalog), device="cpu")
    plain, stated = (translator.translate(picture(), given).picture for given in ({"blur": 0.0}, {"blur": 2.0}))
    assert not np.array_equal(plain.color, stated.color)
    projected = np.asarray(translator.bundle.nets["projection"](gaussian_kernel(2.0, 5).reshape(1, -1)))
    np.testing.assert_allclose(projected[0], matrix @ gaussian_kernel(2.0, 5).ravel(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("given", [{"channels": 1, "scale": 3}, {"code": 17}], ids=str)
def test_networks_of_other_pictures_or_codes_are_not_its_own(given: dict[str, Any], tmp_path: Path) -> None:
    from checkpoints import imported

    options = {"scale": 2, "channels": 3, "code": 16, "width": 4, "depth": 2, **given}
    assert Srmd.import_plan([imported("srmd", **options)]) is None
    assert Srmd.import_plan([imported("srvgg", scale=2)]) is None


def test_a_blur_spreads_each_pixel() -> None:
    dot = np.zeros((7, 8, 1))
    dot[3, 4] = 1
    made = blurred(dot, gaussian_kernel(1.0, 5))
    np.testing.assert_allclose(made[1:6, 2:7, 0], gaussian_kernel(1.0, 5))
    np.testing.assert_allclose(blurred(np.ones((4, 5, 3)), gaussian_kernel(2.0, 5)), 1)


def test_training_draws_the_degradation_that_the_network_is_told() -> None:
    task = task_of(**PROJECTED)
    target = np.random.default_rng(0).uniform(-1, 1, (16, 12, 3)).astype(np.float32)
    sample = {"target": target, "source": target[::2, ::2]}
    drawn, again, other = (task.draw(np.random.default_rng(seed), sample) for seed in (1, 1, 2))
    assert drawn["degraded"].shape == (8, 6, 3)
    assert all(np.array_equal(drawn[name], again[name]) for name in drawn)
    assert not any(np.array_equal(drawn[name], other[name]) for name in drawn)
    kernel = drawn["kernel"].reshape(5, 5).astype(np.float64)
    quiet = degraded(target, kernel, 2, 0.0, np.random.default_rng(0))
    spread = np.std(drawn["degraded"] - quiet) / 2
    assert spread == pytest.approx(float(drawn["level"][0]), rel=0.3)


def test_only_the_network_is_trained() -> None:
    task = task_of(**PROJECTED)
    nets = task.build()
    target = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)
    draws = [task.draw(np.random.default_rng(seed), {"target": each}) for seed, each in enumerate(target)]
    batch = {"target": target, **{name: np.stack([each[name] for each in draws]) for name in draws[0]}}
    losses = task.generator_losses(nets, batch, task.forward(nets, batch))
    assert losses.keys() == {"l1"}
    assert losses["l1"].shape == (2,)
    assert not nets["projection"].trainable_variables


def test_its_training_file_is_valid() -> None:
    [path] = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
    assert read_training_plan(load_yaml(path), Catalog.installed()).task.name == "srmd"


@pytest.mark.slow
def test_its_engine_form_reads_a_stated_degradation(catalog: Catalog, tmp_path: Path) -> None:
    given = {"scale": 2, "channels": 3, "code": 7, "width": 4, "depth": 2}
    save_torch(tmp_path / "a.pth", state_of("srmd", **given))
    (tmp_path / "pca.mat").write_bytes(mat_file(P=np.random.default_rng(0).normal(size=(6, 25))))
    import_bundle([tmp_path / "a.pth", tmp_path / "pca.mat"], tmp_path / "bundle", catalog)
    bundle = load(tmp_path / "bundle", catalog)
    stated = {"noise": 20.0, "blur": 1.5}
    expected = Translator(bundle, device="cpu").translate(picture(), stated).picture.color
    assert add_engine_form(bundle) == ""
    form = engine_form(bundle.folder, describe(bundle.folder), {})
    assert form is not None
    session = onnxruntime.InferenceSession(form.opened("translate"), providers=["CPUExecutionProvider"])
    arrays = {name: array[None] for name, array in bundle.task.condition_arrays(stated).items()}
    (made,) = session.run(None, {"image": picture().color[None].astype(np.float32) / 127.5 - 1, **arrays})
    assert np.abs(np.rint((made[0] + 1) * 127.5).clip(0, 255) - expected).max() <= 1
