"""Trainings that start from model files, including critics, which bundles do not contain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import img2imgkit as kit
from img2imgkit import Catalog, resolve
from img2imgkit.architectures import Unet
from img2imgkit.catalog import Plugin
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError, InteropError
from img2imgkit.importing import read_imported, read_torch
from img2imgkit.training import Event, Started, TrainingPlan, check_training_file, read_training_plan, train
from img2imgkit.training.record.journal import portable

OFFICIAL = Path(__file__).parents[2] / "fixtures" / "trainstep_pix2pix"
TEXT = """\
name: on
task: pix2pix
options:
  generator: {kind: unet, depth: 7, width: 2, dropout: 0.0}
  critic: {width: 4}
data: {kind: paired, folder: pairs, preprocess: none, flip: false}
training: {steps: 1, log_every: 1}
initial:
  generator: nets/latest_net_G.safetensors
  critic: nets/latest_net_D.safetensors
"""


@pytest.fixture(scope="module")
def installed() -> Catalog:
    return Catalog.installed({"IMG2IMG_PLUGINS": "pix2pix"})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The picture pair and the initial networks of an official training step."""
    with np.load(OFFICIAL / "io.npz") as stored:
        pair = np.concatenate([stored["in.A"][0], stored["in.B"][0]], axis=-1).transpose(1, 2, 0)
    for name in ("pairs", "nets"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.round((pair + 1) * 127.5).astype(np.uint8)).save(tmp_path / "pairs" / "one.png")
    for name, state in read_torch(OFFICIAL / "weights_init.pth").items():
        kept = {key: np.ascontiguousarray(array) for key, array in state.items()}
        save_file(kept, tmp_path / "nets" / f"latest_net_{name}.safetensors")
    return tmp_path


def plan(place: Path, installed: Catalog, *overrides: str, text: str = TEXT) -> TrainingPlan:
    (place / "train.yaml").write_text(text, encoding="utf-8")
    return read_training_plan(parse_yaml(text, str(place / "train.yaml")).with_overrides(overrides), installed)


def problems(call: Any, *arguments: Any, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        call(*arguments, **more)
    return [str(problem) for problem in caught.value.problems]


def records(folder: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_step_from_official_networks_is_the_official_step(place: Path, installed: Catalog) -> None:
    events: list[Event] = []
    done = train(plan(place, installed), place / "out", installed, events.append, device="cpu")
    [started] = [event for event in events if isinstance(event, Started)]
    assert started.notes == (
        "generator: all 59 weights from latest_net_G.safetensors (unet)",
        "critic: all 19 weights from latest_net_D.safetensors (patch)",
    )
    [figures] = [record["terms"] for record in records(place / "out") if "terms" in record]
    [first, *_] = json.loads((OFFICIAL / "config.json").read_text(encoding="utf-8"))["losses_per_iteration"]
    found = {
        **{"G_GAN": figures["adversarial"], "G_L1": 100 * figures["l1"]},
        **{"D_real": figures["critic_real"], "D_fake": figures["critic_fake"]},
    }
    assert found == pytest.approx(first, rel=1e-5)
    assert done.bundle is not None
    manifest = json.loads((done.bundle / "bundle.json").read_text(encoding="utf-8"))
    kept = manifest["training"]["file"]["initial"]
    assert {role: entry["file"] for role, entry in kept.items()} == {
        "generator": "latest_net_G.safetensors",
        "critic": "latest_net_D.safetensors",
    }
    assert all(len(entry["sha256"]) == 64 for entry in kept.values())


def test_paths_start_from_the_file_and_those_of_set_from_here(
    place: Path, installed: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place / "nets")
    found = plan(place, installed, "initial.critic=latest_net_D.safetensors").initial
    assert found is not None
    assert {file.path.parent for file in found.files.values()} == {place / "nets"}
    assert str(place) not in json.dumps(portable(plan(place, installed)))


def test_missing_files_are_reported_at_their_place(place: Path, installed: Catalog) -> None:
    gone = TEXT.replace("latest_net_D.safetensors", "gone.pth").replace("G.safetensors", "G.onnx")
    first, second = problems(plan, place, installed, text=f"{gone}  bundle: ./gone\n")[:2]
    assert "train.yaml:11:" in first
    assert "initial.bundle" in first
    assert "initial.generator" in second
    assert "no importer reads this file; installed: keras (.keras" in second
    empty = TEXT[: TEXT.index("  generator: nets")].replace("initial:", "initial: {}")
    assert "expected 'bundle', or networks with their files" in problems(plan, place, installed, text=empty)[0]
    file = TEXT[: TEXT.index("  generator: nets")].replace("initial:", "initial: nets/latest_net_G.safetensors")
    assert "such as 'initial: {generator: nets/latest_net_G" in problems(plan, place, installed, text=file)[0]


def test_check_reports_files_that_do_not_fit(place: Path, installed: Catalog) -> None:
    plan(place, installed, text=TEXT.replace("  critic: nets", "  judge: nets"))
    [found] = problems(check_training_file, load_yaml(place / "train.yaml"), installed)
    assert "train.yaml:10:" in found
    assert "initial.judge: task 'pix2pix' has no such network; " in found
    assert "expected one of generator, critic, bundle or run" in found
    plan(place, installed, text=TEXT.replace("width: 4", "width: 5").replace("depth: 7", "depth: 6"))
    generator, critic = problems(check_training_file, load_yaml(place / "train.yaml"), installed)
    assert "the network 'generator' needs 49 arrays with these options, but the file has 59" in generator
    assert "the network 'critic' needs conv0/kernel (4, 4, 6, 5), but the file has (4, 4, 6, 4)" in critic
    (place / "nets" / "latest_net_D.safetensors").write_bytes(b"no")
    plan(place, installed)
    assert "latest_net_D.safetensors" in problems(check_training_file, load_yaml(place / "train.yaml"), installed)[0]


def test_a_layer_of_a_network_fills_its_role(place: Path) -> None:
    """FUNIT's generator is one network in a file, but three roles here."""
    from img2imgkit.training.plan.initial import InitialFile, fill_from_files

    everything = Catalog.installed({"IMG2IMG_PLUGINS": "funit"})
    path = OFFICIAL.parent / "funit_gen" / "weights.pth"
    task_class = everything.tasks["funit"]
    given = read_imported(path, everything)
    plan = task_class.import_plan([given])
    task = task_class(resolve(task_class.Options.model_validate_json(json.dumps(plan.options)), everything))
    nets = task.build()
    files = {"decoder": InitialFile(path, "", pytest.fail)}
    [note] = fill_from_files(files, everything, task, nets)
    assert note.startswith("decoder: all ")
    theirs = given.model.get_layer("adain_decoder").get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(nets["decoder"].get_weights(), theirs, strict=True))


@pytest.mark.parametrize("chosen", ["unet", "twin"])
def test_the_tasks_options_decide_between_architectures_that_recognise_a_file(place: Path, chosen: str) -> None:
    class Twin(Unet):
        """A plugin's U-Net with the same checkpoints."""

        name = "twin"

    class Second:
        @staticmethod
        @kit.hookimpl
        def register_architectures(register: Any) -> None:
            register(Twin)

    installed = Catalog((*Catalog.installed({"IMG2IMG_PLUGINS": "pix2pix"}).plugins, Plugin("second", lambda: Second)))
    with pytest.raises(InteropError, match=r"twin .* and unet all match"):
        read_imported(place / "nets" / "latest_net_G.safetensors", installed)
    plan(place, installed, text=TEXT.replace("kind: unet", f"kind: {chosen}"))
    check_training_file(load_yaml(place / "train.yaml"), installed)
    plan(place, installed, text=TEXT.replace("{kind: unet, depth: 7, width: 2, dropout: 0.0}", "resnet"))
    [found] = problems(check_training_file, load_yaml(place / "train.yaml"), installed)
    assert "state the architecture" in found
