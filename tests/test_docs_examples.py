"""What the docs show works: the plugin and the step keep their contracts, the pipelines are accepted."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from img2imgkit.catalog import Catalog
from img2imgkit.pipeline import read_pipeline
from img2imgkit.testing import check_architecture, check_step, check_task

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language, containing):
    """Fenced blocks of a language with a word in them, each with the page it is on."""
    for page in PAGES:
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            if containing in block:
                yield pytest.param(block, id=page.name)


PIPELINES = [
    *blocks("yaml", "uses:"),
    *(pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in (ROOT / "pipelines").glob("*.yaml")),
]


def shown(language, containing, name):
    (block,) = [param.values[0] for param in blocks(language, containing)]
    names = {"__name__": "shown"}
    exec(compile(block, "docs", "exec"), names)
    return names[name]


def test_the_readmes_task_keeps_its_contract(two_cpus):
    check_task(shown("python", "class Espcn(", "Espcn"))


def test_the_step_of_the_plugin_page_keeps_its_contract():
    check_step(shown("python", "class Invert(", "Invert"))


def test_the_architecture_of_the_plugin_page_keeps_its_contract():
    check_architecture(shown("python", "class Shallow(", "Shallow")(width=2))


def test_the_importer_of_the_plugin_page_reads_a_network(tmp_path):
    import numpy as np

    from img2imgkit.interop import network_of, read_torch

    state = read_torch(ROOT / "tests" / "fixtures" / "junyanz_resnet6_instance" / "weights.pth")
    np.savez(tmp_path / "g.npz", **state)
    found = shown("python", "class Npz(", "Npz")().read(tmp_path / "g.npz")
    assert found.source == "g.npz"
    network = network_of(found, Catalog.installed({"IMG2IMG_PLUGINS": ""}).architectures)
    assert (network.kind, network.arguments["blocks"]) == ("resnet", 6)


def test_there_are_pipelines_to_try():
    assert {param.id for param in PIPELINES} >= {"README.md", "pipelines.md"}


@pytest.mark.parametrize("text", PIPELINES)
def test_every_pipeline_shown_is_accepted(text, tmp_path):
    around = "- {uses: read, with: {folder: in}}\n", "- {uses: write, with: {folder: out}}\n"
    whole = text if "steps:" in text else f"name: shown\nsteps:\n{around[0]}{dedent(text)}{around[1]}"
    (tmp_path / "shown.yaml").write_text(whole, encoding="utf-8")
    read_pipeline(tmp_path / "shown.yaml", Catalog.installed({"IMG2IMG_PLUGINS": ""}))
