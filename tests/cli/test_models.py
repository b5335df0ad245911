import json

import pytest

PLUGIN = """
import img2imgkit as kit
from pathlib import Path

@kit.hookimpl
def register_bundles(register):
    for folder in sorted((Path(__file__).parent / "bundles").iterdir()):
        register(folder)
"""
MANIFEST = {
    "format": 1,
    "name": "night",
    "task": "super-resolution",
    "plugin": {"name": "super-resolution", "version": "0.1.0"},
    "options": {"scale": 2},
    "contract": {"data": "degraded", "scale": 2, "multiple": 1, "radius": 3, "channels": 3},
    "weights": {"file": "weights.npz", "sha256": "0" * 64, "parameters": 12345},
    "licence": "CC0-1.0",
    "description": "Sees at night.",
    "scores": [{"set": "Set5", "protocol": "sr-matlab", "metric": "psnr_y", "value": 37.123}],
}


@pytest.fixture
def bundles(install, tmp_path, monkeypatch):
    folder = tmp_path / "site-packages" / "bundles"
    (folder / "night").mkdir(parents=True)
    (folder / "night" / "bundle.json").write_text(json.dumps(MANIFEST))
    (folder / "night" / "weights.npz").write_bytes(bytes(1_500_000))
    install("kit-night", PLUGIN, name="night")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "night")
    return folder


def test_a_bundle_is_listed_from_its_manifest_alone(img2img, bundles):
    heading, line = img2img("models").out.splitlines()
    assert heading.split() == ["NAME", "TASK", "SCALE", "PARAMETERS", "SIZE", "LICENCE", "SCORES"]
    assert line.split(None, 7) == [
        "night", "super-resolution", "x2", "12,345", "1.5", "MB", "CC0-1.0", "Set5 psnr_y 37.12 (sr-matlab)"
    ]  # fmt: skip


def test_scores_include_their_choices(img2img, bundles):
    score = {"set": "val", "protocol": "pairs-8bit", "metric": "l1", "value": 12.5, "choices": {"direction": "b_to_a"}}
    (bundles / "night" / "bundle.json").write_text(json.dumps({**MANIFEST, "scores": [score]}))
    assert "val l1 12.5 (pairs-8bit, direction b_to_a)" in img2img("models").out
    assert json.loads(img2img("models", "--json").out)[0]["scores"] == [score]


def test_json_contains_more(img2img, bundles):
    (row,) = json.loads(img2img("models", "--json").out)
    assert row["scores"] == MANIFEST["scores"]
    assert (row["plugin"], row["folder"], row["description"]) == ("night", str(bundles / "night"), "Sees at night.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "invalid JSON"),
        (json.dumps({**MANIFEST, "format": 9}), "upgrade"),
        ("{}", "is required"),
        (None, "not a bundle"),
    ],
)
def test_a_damaged_bundle_is_listed_as_such(img2img, bundles, text, said):
    (bundles / "broken").mkdir()
    if text is not None:
        (bundles / "broken" / "bundle.json").write_text(text)
    outcome = img2img("models")
    lines = {line.split()[0]: line for line in outcome.out.splitlines()}
    assert outcome.code == 0
    assert "damaged" in lines["broken"]
    assert said in lines["broken"]
    assert "37.12" in lines["night"]
    assert {"damaged", "name", "plugin", "folder"} == set(json.loads(img2img("models", "--json").out)[0])


def test_without_bundles_the_list_is_empty(img2img, uninstall_everything):
    outcome = img2img("models", "--json")
    assert (outcome.code, json.loads(outcome.out)) == (0, [])
