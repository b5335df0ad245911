import json
import tempfile
from importlib import import_module
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from img2imgkit.config import parse_yaml
from img2imgkit.places import UserConfig


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's folder, empty."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("IMG2IMG_HOME", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)  # restored after a command has changed it
    return folder


def test_the_tests_never_see_the_developer_s_own_file(img2img):
    told = json.loads(img2img("config", "--json").out)
    assert not told["exists"]
    assert Path(told["file"]).parent.name == "no-user"
    assert {row["from"] for row in told["settings"]} == {"default"}


def test_each_setting_is_shown_with_its_origin(img2img, home, monkeypatch):
    (home / "config.yaml").write_text("threads: 3\nscratch: .\n")
    monkeypatch.setenv("IMG2IMG_THREADS", "5")
    told = json.loads(img2img("config", "--json").out)
    assert (told["file"], told["exists"]) == (str(home / "config.yaml"), True)
    assert [(row["setting"], row["value"], row["from"]) for row in told["settings"][:2]] == [
        ("threads", 5, "environment"),
        ("scratch", str(home), "file"),
    ]
    assert [(row["setting"], row["from"]) for row in told["settings"][2:]] == [
        ("plugins_dir", "default"),
        ("limits", "default"),
    ]
    assert told["settings"][3]["value"]["seconds"] == 60


def test_the_table_contains_the_same(img2img, home):
    (home / "config.yaml").write_text("threads: 3\n")
    outcome = img2img("config")
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err) == (0, "")
    assert lines[:3] == [f"file   {home / 'config.yaml'}", f"data   {home / 'data'}", f"cache  {home / 'cache'}"]
    assert [line.split()[:3] for line in lines if line.startswith("threads")] == [["threads", "3", "file"]]
    assert [line.split()[:2] for line in lines if line.startswith("scratch")] == [["scratch", "default"]]


def test_showing_creates_nothing(img2img, home):
    outcome = img2img("config")
    assert f"{home / 'config.yaml'}  (does not exist)" in outcome.out
    assert list(home.iterdir()) == []


def test_a_broken_file_is_reported_with_its_location(img2img, home):
    (home / "config.yaml").write_text("threads: [\n")
    outcome = img2img("config")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{home / 'config.yaml'}:2:1: invalid YAML" in outcome.err


def test_an_unknown_key_is_reported_with_a_suggestion(img2img, home):
    (home / "config.yaml").write_text("scrach: /tmp\n")
    outcome = img2img("config")
    assert outcome.code == 2
    assert f"{home / 'config.yaml'}:1:1: scrach: unknown option; did you mean 'scratch'?" in outcome.err


def test_the_schema_accepts_what_the_tool_accepts(img2img, home):
    schema = json.loads(img2img("config", "--schema").out)
    jsonschema.validate(parse_yaml("threads: 2\nscratch: /tmp\n").data, schema)
    for wrong in ("threads: 0", "thread: 2", "scratch: 7"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(parse_yaml(wrong).data, schema)
    assert set(schema["properties"]) == set(UserConfig.model_fields)


@pytest.mark.parametrize(
    "line",
    [
        ("run", "pipeline.yaml"),
        ("train", "train.yaml"),
        ("check", "pipeline.yaml"),
        ("export", "bundle", "--format", "onnx", "--out", "model.onnx"),
    ],
    ids=lambda line: line[0],
)
def test_commands_that_use_the_file_reject_an_invalid_one(img2img, home, line):
    (home / "config.yaml").write_text("thread: 2\n")
    outcome = img2img(*line)
    assert outcome.code == 2
    assert f"{home / 'config.yaml'}:1:1: thread: unknown option" in outcome.out + outcome.err


@pytest.fixture
def threads_of_run(img2img, home, uninstall_everything, monkeypatch):
    """Run a pipeline over one picture; return the number of threads."""
    (home / "in").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(home / "in" / "a.png")
    steps = [{"uses": "read", "with": {"folder": "in"}}, {"uses": "write", "with": {"folder": "out"}}]
    (home / "pipeline.yaml").write_text(json.dumps({"name": "copy", "steps": steps}))
    module = import_module("img2imgkit.cli.run")
    seen, real = [], module.ThreadExecutor

    def watched(pipeline, resources, threads):
        seen.append(threads)
        return real(pipeline, resources, threads)

    monkeypatch.setattr(module, "ThreadExecutor", watched)

    def call(*arguments):
        assert img2img("run", home / "pipeline.yaml", "--quiet", *arguments).code == 0
        return seen[-1]

    return call


def test_a_run_uses_the_files_threads_unless_the_command_overrides_them(home, threads_of_run):
    assert threads_of_run() is None
    (home / "config.yaml").write_text("threads: 3\n")
    assert threads_of_run() == 3
    assert threads_of_run("--jobs", "2") == 2


@pytest.mark.parametrize("arguments", [(), ("--jobs", "1")])
def test_temporary_files_go_to_the_scratch_folder(home, threads_of_run, arguments):
    (home / "fast").mkdir()
    (home / "config.yaml").write_text("scratch: fast\n")
    threads_of_run(*arguments)
    assert tempfile.gettempdir() == str(home / "fast")
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == home / "fast"
