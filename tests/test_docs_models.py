"""What the page on other people's models shows works, with small networks in the place of those that it names."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from docs_pages import DOCS, blocks, own_commands
from mat_files import mat_file

from img2imgkit.bundle import MANIFEST
from img2imgkit.config import parse_yaml

FIXTURES = Path(__file__).parent / "fixtures"
PAGE = DOCS / "bring-your-model.md"
STAND_INS = {
    "facades/latest_net_G.pth": "junyanz_unet128_batch",
    "facades/latest_net_D.pth": "junyanz_patchgan_batch",
    "maps/latest_net_G_A.pth": "junyanz_resnet6_instance",
    "maps/latest_net_G_B.pth": "junyanz_resnet6_instance",
    "horse2zebra/latest_net_G.pth": "junyanz_resnet6_instance",
    "grumpycat/latest_net_G.pth": "cut_resnet9",
    "label2city/latest_net_G.pth": "pix2pixhd_local",
    "features/latest_net_G.pth": "pix2pixhd_local",
    "features/latest_net_E.pth": "pix2pixhd_encoder",
    "coco/latest_net_G.pth": "trainstep_spade",
    "stargan_celeba/200000-G.ckpt": "stargan_G",
    "animals/gen_00100000.pt": "funit_gen",
    "realesr-general-x4v3.pth": "sr_srvgg_x4",
    "srmd_x2.pth": "sr_srmd_x2",
    "001_classicalSR_DF2K_s64w8_SwinIR-M_x2.pth": "sr_swinir_x2_classical",
    "006_colorCAR_DFWB_s126w7_SwinIR-M_jpeg40.pth": "sr_swinir_jpeg_car_w7",
}
TASKS = {
    **dict.fromkeys(("facades", "facades-eval", "zebra"), "pix2pix"),
    **dict.fromkeys(("city", "flat", "looks"), "pix2pixhd"),
    **dict.fromkeys(("faces", "moods"), "stargan"),
    **dict.fromkeys(("general-x4", "swinir-x2", "swinir-jpeg40"), "super-resolution"),
    **{"maps": "cyclegan", "grumpycat": "cut", "coco": "spade", "animals": "funit", "srmd-x2": "srmd"},
}
SMALLER = {"classes=36": "classes=9"}  # of as many channels as the stand-in reads
FURTHER = {"coco": ("--key", "G")}  # of the stand-in's file


COMMANDS = {
    words[words.index("--out") + 1].removeprefix("bundles/"): words
    for words in own_commands(PAGE)
    if words[0] == "import"
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    place = tmp_path_factory.mktemp("official")
    for name, fixture in STAND_INS.items():
        path = place / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next((FIXTURES / fixture).glob("weights*.pth")), path)
    matrix = np.random.default_rng(0).normal(size=(15, 225))
    (place / "checkpoints" / "srmd_pca_matlab.mat").write_bytes(mat_file(P=matrix))
    (place / "bundles").mkdir()
    return place


def imported(img2img, checkpoints, bundle):
    words = [SMALLER.get(word, word) for word in COMMANDS[bundle]]
    done = img2img(*words, *FURTHER.get(bundle, ()))
    assert done.code == 0, done.err
    assert (checkpoints / "bundles" / bundle / MANIFEST).is_file()
    return done.out


def test_every_command_is_known():
    assert COMMANDS.keys() == TASKS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("bundle", [name for name in TASKS if name != "facades"])
def test_each_command_makes_a_bundle(bundle, img2img, checkpoints, monkeypatch):
    monkeypatch.chdir(checkpoints)
    assert f"task: {TASKS[bundle]}" in imported(img2img, checkpoints, bundle)


def test_the_bundle_and_the_critic_that_the_page_trains_on_are_taken(img2img, checkpoints, monkeypatch):
    from img2imgkit.catalog import Catalog
    from img2imgkit.training import read_training_plan
    from img2imgkit.training.plan.initial import start_from

    monkeypatch.chdir(checkpoints)
    assert "--set statistics=running" in imported(img2img, checkpoints, "facades")
    [text] = [block.text for block in blocks(PAGE, "yaml") if "initial:" in block.text]
    own = ["options.generator={kind: unet, depth: 7, width: 4}", "options.critic.width=8"]
    catalog = Catalog.installed()
    plan = read_training_plan(parse_yaml(text, "facades-on.yaml").with_overrides(own), catalog)
    notes = start_from(plan.initial, catalog, plan.task, plan.task.build())
    assert [note.partition(" weights")[0] for note in notes] == ["generator: 59 of 59", "critic: all 19"]


def test_the_python_shown_gives_a_model(checkpoints, monkeypatch):
    monkeypatch.chdir(checkpoints)
    names = {}
    [block] = blocks(PAGE, "python")
    exec(compile(block.text, "docs", "exec"), names)
    assert names["model"].name == "resnet"
