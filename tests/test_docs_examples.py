"""What the docs show works: the plugin and the step keep their contracts, the pipelines are accepted."""

from collections import Counter
from textwrap import dedent

import numpy as np
import pytest
from docs_pages import PAGES, ROOT, blocks
from pictures import save_pictures
from PIL import Image

from img2imgkit.catalog import Catalog
from img2imgkit.images import decode
from img2imgkit.pipeline import read_pipeline
from img2imgkit.testing import (
    check_adversarial_loss,
    check_architecture,
    check_augmentation,
    check_data_kind,
    check_degradation,
    check_engine,
    check_loss,
    check_metric,
    check_penalty,
    check_step,
    check_task,
)


def having(language, text):
    """Blocks of a language with a text in them, each with the page it is on."""
    for page in PAGES:
        for block in blocks(page, language):
            if text in block.text:
                yield pytest.param(block.text, id=page.name)


PIPELINES = [
    *(param for param in having("yaml", "uses:") if param.id != "write-a-plugin.md"),  # whose step is not installed
    *(pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in (ROOT / "pipelines").glob("*.yaml")),
]


def shown(language, containing, name):
    (block,) = [param.values[0] for param in having(language, containing)]
    names = {"__name__": "shown"}
    exec(compile(block, "docs", "exec"), names)
    return names[name]


def test_the_readmes_task_keeps_its_contract(two_cpus):
    check_task(shown("python", "class Espcn(", "Espcn"))


def test_the_engine_of_the_plugin_page_keeps_its_contract():
    check_engine(shown("python", "class Reference(", "Reference"))


def test_the_step_of_the_plugin_page_keeps_its_contract():
    check_step(shown("python", "class Invert(", "Invert"))


def test_the_architecture_of_the_plugin_page_keeps_its_contract():
    check_architecture(shown("python", "class Shallow(", "Shallow")(width=2))


@pytest.mark.slow
def test_the_training_of_the_plugin_page_passes(tiny_data, kit_home, tmp_path):
    shown("python", "def test_a_training(", "test_a_training")(tiny_data, kit_home, tmp_path)


def test_the_data_kind_of_the_plugin_page_keeps_its_contract(tmp_path):
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    kind = shown("python", "class Noisy(", "Noisy")
    check_data_kind(kind, kind.Options(kind="noisy", folder=tmp_path, crop=16, batch=2), probe=tmp_path)


def test_the_source_of_the_plugin_page_keeps_its_contract(tmp_path):
    save_pictures(tmp_path, "b.png", "a.png")
    (tmp_path / "list.txt").write_text("b.png\nnowhere.png\na.png\n")
    source = shown("python", "class Listed(", "Listed")
    options = source.Options(file=tmp_path / "list.txt")
    check_step(source, options)
    ignored = Counter()
    assert [str(entry.relative) for entry in source(options).find(ignored)] == ["b.png", "a.png"]
    assert ignored == {"names without a file": 1}


@pytest.mark.parametrize("name", ["GradientError", "MeanColour"])
def test_the_metrics_of_the_plugin_page_keep_their_contract(name):
    check_metric(shown("python", f"class {name}(", name))


def test_the_importer_of_the_plugin_page_reads_a_network(tmp_path):
    from img2imgkit.importing import network_of, read_torch

    state = read_torch(ROOT / "tests" / "fixtures" / "junyanz_resnet6_instance" / "weights.pth")
    np.savez(tmp_path / "g.npz", **state)
    found = shown("python", "class Npz(", "Npz")().read(tmp_path / "g.npz")
    assert found.source == "g.npz"
    network = network_of(found, Catalog.installed({"IMG2IMG_PLUGINS": ""}).architectures)
    assert (network.kind, network.arguments["blocks"]) == ("resnet", 6)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("Huber", check_loss),
        ("RelativisticPairs", check_adversarial_loss),
        ("Vicinity", check_penalty),
        ("Mirror", check_augmentation),
        ("Grain", check_degradation),
    ],
)
def test_the_losses_of_the_plugin_page_keep_their_contracts(name, check):
    check(shown("python", f"class {name}(", name)())


def test_there_are_pipelines_to_try():
    assert {param.id for param in PIPELINES} >= {"README.md", "pipelines.md"}


@pytest.mark.parametrize("text", PIPELINES)
def test_every_pipeline_shown_is_accepted(text, tmp_path):
    around = "- {uses: read, with: {folder: in}}\n", "- {uses: write, with: {folder: out}}\n"
    whole = text if "steps:" in text else f"name: shown\nsteps:\n{around[0]}{dedent(text)}{around[1]}"
    (tmp_path / "shown.yaml").write_text(whole, encoding="utf-8")
    read_pipeline(tmp_path / "shown.yaml", Catalog.installed({"IMG2IMG_PLUGINS": ""}))


def test_the_python_page_runs_as_it_is_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "photos").mkdir()
    for path in ("photo.jpg", "photos/a.jpg", "photos/b.jpg"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)).save(tmp_path / path)
    weights = ROOT / "tests" / "fixtures" / "sr_srvgg_x2_leaky" / "weights.pth"
    (tmp_path / "2x-compact.pth").write_bytes(weights.read_bytes())
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "shown"}
    for block in blocks(ROOT / "docs" / "python.md", "python"):
        exec(compile(block.text, "docs/python.md", "exec"), names)
    assert [decode(tmp_path / name).width for name in ("large.png", "large-a.png", "large/b.jpg")] == [48] * 3
    assert names["bold"].shape == (64, 64)
    assert names["report"]["totals"]["done"] == 2
    assert names["imported"].assumptions == ()
    assert repr(names["display"]) == "<display: 2 of 2, 2 done>"
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("domain", "sr-matlab", "generator.activation leaky_relu"))
