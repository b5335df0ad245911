import hashlib
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


INDEX = """
import img2imgkit as kit

@kit.hookimpl
def register_model_index(register):
    for licence in ("MIT", "unknown"):
        register(kit.ModelEntry.model_validate(dict(
            name=f"tiny-{licence.lower()}", kind="parameters", about="Numbers of a test.",
            sources=[dict(kind="web", url="https://a.example/numbers.npz", sha256=%r, bytes=7, members=[])],
            licence=dict(id=licence, stated_by="the test"), example="small numbers",
        ), strict=False))
"""
NUMBERS = b"numbers"


@pytest.fixture
def index(install, tmp_path, monkeypatch):
    """An index of two entries, and the package of both; the package comes back."""
    install("kit-index", INDEX % hashlib.sha256(NUMBERS).hexdigest(), name="index")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "index")
    monkeypatch.setenv("IMG2IMG_HOME", str(tmp_path / "home"))
    (tmp_path / "numbers.npz").write_bytes(NUMBERS)
    return tmp_path / "numbers.npz"


def test_the_index_is_listed(img2img, index):
    rows = {row["name"]: row for row in json.loads(img2img("models", "list", "--available", "--json").out)}
    assert rows["tiny-mit"] == {
        "name": "tiny-mit",
        "about": "Numbers of a test.",
        "package": "https://a.example/numbers.npz",
        "size": "0.0 MB",
        "licence": "MIT",
        "added": "",
    }
    assert "real-esrgan-x4plus" in rows
    assert json.loads(img2img("models", "list", "--json").out) == json.loads(img2img("models", "--json").out)


def test_a_model_is_shown_added_found_verified_and_removed(img2img, index, tmp_path):
    folder = tmp_path / "home" / "data" / "models" / "tiny-mit"
    outcome = img2img("models", "add", "tiny-mit", "--from", index)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "tiny-mit: Numbers of a test."
    assert lines[1].startswith("package: https://a.example/numbers.npz, 0.0 MB, SHA-256 ")
    assert lines[2:4] == ["licence: MIT (stated by the test)", "made for: small numbers"]
    assert lines[-1].startswith(f"added: {folder}, ")
    assert img2img("models", "where", "tiny-mit").out.strip() == str(folder)
    assert f"added: {folder}" in img2img("models", "info", "tiny-mit").out
    assert img2img("models", "add", "tiny-mit", "--from", index).out.splitlines()[-1] == f"there already: {folder}"
    assert img2img("models", "verify").out == "tiny-mit: intact\n"
    (folder / "numbers.npz").write_bytes(b"others!")
    outcome = img2img("models", "verify", "tiny-mit")
    assert (outcome.code, "has changed since it was added" in outcome.out) == (1, True)
    assert img2img("models", "remove", "tiny-mit").out == f"removed: {folder}\n"
    assert not folder.exists()
    assert json.loads(img2img("models", "info", "tiny-mit", "--json").out)["added"] is False


def test_a_licence_that_is_not_free_is_accepted_by_an_option(img2img, index):
    outcome = img2img("models", "add", "tiny-unknown", "--from", index)
    assert outcome.code == 2
    assert "its licence is unknown, as stated by the test" in outcome.err
    assert "--accept-licence unknown" in outcome.err
    outcome = img2img("models", "add", "tiny-unknown", "--from", index, "--accept-licence", "unknown", "--json")
    assert (outcome.code, json.loads(outcome.out)[0]["fresh"]) == (0, True)


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 2)])
def test_at_a_terminal_the_licence_is_asked(img2img, index, monkeypatch, answer, code):
    asked = []
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("img2imgkit.cli.models.confirmed", lambda question: asked.append(question) or answer)
    assert img2img("models", "add", "tiny-unknown", "--from", index).code == code
    assert asked == ["tiny-unknown has the licence unknown (stated by the test). Accept it?"]


def test_unknown_names_get_a_suggestion(img2img, index):
    assert "did you mean 'tiny-mit'" in img2img("models", "add", "tiny-mti").err
    assert img2img("models", "verify", "tiny-mit").code == 2
    assert "has not been added" in img2img("models", "where", "tiny-mit").err


def test_one_package_is_that_of_one_model(img2img, index):
    outcome = img2img("models", "add", "tiny-mit", "tiny-unknown", "--from", index)
    assert (outcome.code, "--from" in outcome.err) == (2, True)
