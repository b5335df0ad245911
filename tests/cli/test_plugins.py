import json

GALLERY = """
import img2imgkit as kit
from pathlib import Path

@kit.hookimpl
def register_tasks(register):
    class Dusk(kit.Task):
        "Make it dark."

        name, data = "dusk", "paired"
        build = geometry = forward = generator_losses = translate = None

    register(Dusk)

@kit.hookimpl
def register_bundles(register):
    register(Path(__file__).parent / "night")
"""


def test_plugins_are_listed_with_what_they_provide(img2img, install, monkeypatch):
    install("kit-gallery", GALLERY, name="gallery")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "gallery")
    outcome = img2img("plugins", "--json")
    found = {row["name"]: row for row in json.loads(outcome.out)}
    assert (outcome.code, outcome.err) == (0, "")
    assert found["gallery"] == {
        "name": "gallery",
        "distribution": "kit-gallery",
        "version": "1.2.3",
        "hooks": ["register_tasks", "register_bundles"],
        "brings": {"tasks": ["dusk"], "bundles": ["night"]},
        "broken": [],
    }
    assert found["data-kinds"]["hooks"] == ["register_data_kinds"]
    assert "paired" in found["data-kinds"]["brings"]["data_kinds"]
    assert "read" in found["steps"]["brings"]["steps"]
    assert "torch" in found["importers"]["brings"]["importers"]
    assert "onnx" in found["exporters"]["brings"]["exporters"]


def test_a_broken_plugin_is_listed_and_named_on_stderr(img2img, install, monkeypatch):
    install("kit-bad", "raise SystemExit('no licence')", name="bad")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "bad")
    outcome = img2img("plugins")
    line = next(line for line in outcome.out.splitlines() if line.startswith("bad"))
    assert outcome.code == 0
    assert "kit-bad 1.2.3" in line
    assert "SystemExit: no licence" in line
    assert outcome.err == "warning: plugin 'bad' is broken: SystemExit: no licence\n"


def test_a_broken_hook_is_listed_too(img2img, install, monkeypatch):
    install("half", GALLERY.replace("register(Path(__file__).parent / ", "register("))
    monkeypatch.setenv("IMG2IMG_PLUGINS", "half")
    outcome = img2img("plugins", "--json")
    (row,) = [row for row in json.loads(outcome.out) if row["name"] == "half"]
    assert "pathlib.Path" in row["broken"][0]
