import json
import os
import subprocess
import sys

import pytest

LOUD = """
import os, subprocess, sys
print("loading my models")
os.write(1, b"written by native code\\n")
subprocess.run([sys.executable, "-c", "print('a program of mine')"], check=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("words", [["steps", "--json"], ["models", "--json"], ["plugins", "--json"]])
def test_what_a_plugin_prints_is_not_on_stdout(install, tmp_path, words):
    install("loud", LOUD)
    environ = {**os.environ, "IMG2IMG_PLUGINS": "loud", "PYTHONPATH": str(tmp_path / "site-packages")}
    command = [sys.executable, "-m", "img2imgkit.cli", *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is not None
    for line in ("loading my models", "written by native code", "a program of mine"):
        assert line in done.stderr.splitlines()


def test_prints_of_a_plugin_are_kept_from_stdout_also_where_a_program_replaced_it(img2img, install, monkeypatch):
    install("loud", "print('loading my models')")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "loud")
    outcome = img2img("steps", "--json")
    assert json.loads(outcome.out) is not None
    assert outcome.err == "loading my models\n"
    stdout = sys.stdout
    assert img2img("steps", "--json").out == outcome.out
    assert sys.stdout is stdout


@pytest.mark.parametrize("words", [["--help"], ["steps", "--help"], ["--version"]])
def test_help_is_on_stdout(img2img, words):
    outcome = img2img(*words)
    assert outcome.out.startswith(("Usage: ", "img2img, version "))
    assert outcome.err == ""
