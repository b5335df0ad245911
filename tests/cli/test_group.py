import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from importlib import import_module

import click
import pytest

from img2imgkit import __version__, cli
from img2imgkit.errors import ConfigError, Problem


def failing_with(monkeypatch, error):
    """Make `img2img doctor` raise."""

    @click.command("doctor")
    def command():
        raise error

    monkeypatch.setattr(import_module("img2imgkit.cli.doctor"), "command", command)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_its_module_name_and_short_help(name):
    command = cli.group.get_command(click.Context(cli.group), name)
    assert (command.name, command.get_short_help_str(200)) == (name, cli.COMMANDS[name])


def test_help_lists_every_command(img2img):
    outcome = img2img("--help")
    assert outcome.code == 0
    assert all(f"  {name}  " in outcome.out or f"  {name} " in outcome.out for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_each_command_fits_a_screen(img2img, name):
    outcome = img2img(name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: img2img {name}")
    assert len(outcome.out.splitlines()) <= 50


def test_version(img2img):
    assert img2img("--version").out.strip() == f"img2img, version {__version__}"


def test_a_misspelt_command_gets_a_suggestion(img2img):
    outcome = img2img("stesp")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no command 'stesp'; did you mean 'steps'?" in outcome.err


def test_an_unknown_option_is_a_usage_error(img2img):
    outcome = img2img("steps", "--jsno")
    assert outcome.code == 2
    assert "--jsno" in outcome.err


def test_an_error_of_the_toolkit_is_printed_without_a_traceback(img2img, monkeypatch):
    failing_with(monkeypatch, ConfigError(Problem("is required", "steps.0", "a.yaml", 3, 5), Problem("bad", "name")))
    outcome = img2img("doctor")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: a.yaml:3:5: steps.0: is required\nname: bad\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_exits_with_130(img2img, monkeypatch, error):
    failing_with(monkeypatch, error)
    outcome = img2img("doctor")
    assert (outcome.code, outcome.err.strip()) == (130, "interrupted")


def test_a_bug_is_not_hidden(img2img, monkeypatch):
    failing_with(monkeypatch, ZeroDivisionError("bug \x1b[2J"))
    outcome = img2img("doctor")
    assert outcome.code == 1
    assert outcome.err.startswith("Traceback (most recent call last)")
    assert outcome.err.endswith("\nZeroDivisionError: bug \\x1b[2J\n")


def test_a_closed_pipe_is_no_error():
    command = [sys.executable, "-m", "img2imgkit.cli", "schema", "pipeline"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            command, stdout=pipe, stderr=subprocess.PIPE, env={**os.environ, "IMG2IMG_PLUGINS": ""}, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_name_that_is_not_utf_8_is_printed_as_json(capsysbinary):
    cli.show_json({"name": "caf\udce9 é"})
    printed = capsysbinary.readouterr().out.decode("utf-8")
    assert "é" in printed
    assert json.loads(printed) == {"name": "caf\udce9 é"}


def test_completing_after_an_unknown_command_is_silent(img2img, monkeypatch):
    monkeypatch.setenv("COMP_WORDS", "img2img stesp --")
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setenv("_IMG2IMG_COMPLETE", "bash_complete")
    outcome = img2img()
    assert outcome.err == ""


@pytest.mark.parametrize("count", [0, 1, 2, 2001])
def test_a_streamed_list_equals_one_printed_at_once(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"name": f"{number}\u2028\udce9", "outputs": [] if number % 2 else ["a\nb"]} for number in range(count)]
    cli.show_json({"pipeline": "p", "ignored": {}, "items": items})
    whole = capsys.readouterr().out
    cli.show_json_with({"pipeline": "p", "ignored": {}}, "items", iter(items))
    assert capsys.readouterr().out == whole


HOSTILE = "a\x1b]0;title\x07\x9b31m\x7f\r\u202e\u2066\u200f\u061c\u2028\udcff"
HARMLESS = r"a\x1b]0;title\x07\x9b31m\x7f\r\u202e\u2066\u200f\u061c\u2028\udcff"

CONTROLS = set("\x1b\x07\x9b\x7f\r\u202e\u2066\u200f\u061c\u2028\udcff")


def test_control_characters_of_texts_are_escaped(capsys):
    cli.say(f"{HOSTILE}\nsecond line")
    cli.print_stderr(HOSTILE)
    cli.warn(HOSTILE)
    printed = capsys.readouterr()
    assert printed.out == f"{HARMLESS}\nsecond line\n"
    assert printed.err == f"{HARMLESS}\nwarning: {HARMLESS}\n"
    assert cli.printable("a\nb\tc") == r"a\nb\tc"
    assert cli.printable(cli.printable(HOSTILE)) == HARMLESS


def test_other_characters_are_printed_as_they_are(capsys):
    text = "größe 日本 🙂 שלום \\x1b"
    cli.say(text)
    assert capsys.readouterr().out == f"{text}\n"


def test_control_characters_in_json_are_escaped_as_json_does(capsys):
    cli.show_json({HOSTILE: [HOSTILE]})
    cli.show_json_with({"name": HOSTILE}, "items", [HOSTILE])
    cli.show_event({"name": HOSTILE})
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert not set(text) & CONTROLS
    assert json.loads(printed.err) == {"name": HOSTILE}
    assert printed.out.count(r"\u009b") == 4


@pytest.mark.parametrize(
    "arguments",
    [
        [HOSTILE],
        ["run", f"{HOSTILE}.yaml"],
        ["run", f"--{HOSTILE}"],
        ["run", "p.yaml", "--device", HOSTILE],
        ["steps", HOSTILE],
        ["check", f"{HOSTILE}.yaml"],
        ["import", HOSTILE, "--out", "b"],
        ["schema", HOSTILE],
    ],
    ids=lambda arguments: " ".join(arguments).split("a\x1b")[0] or "command",
)
def test_errors_that_name_a_hostile_argument_are_harmless(img2img, arguments):
    outcome = img2img(*arguments)
    assert outcome.code == 2
    assert "title" in outcome.out + outcome.err
    assert not set(outcome.out + outcome.err) & CONTROLS


def test_warnings_logs_and_errors_of_threads_are_escaped(img2img, monkeypatch):
    def fail():
        raise ValueError(HOSTILE)

    @click.command("doctor")
    def command():
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(HOSTILE, stacklevel=1)
        logging.lastResort.handle(logging.LogRecord("x", logging.ERROR, "", 0, HOSTILE, (), None))
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    monkeypatch.setattr(import_module("img2imgkit.cli.doctor"), "command", command)
    before = warnings.showwarning, logging.lastResort, threading.excepthook
    outcome = img2img("doctor")
    first, second, *rest = outcome.err.split("\n")
    assert (first, second, rest[-2]) == (f"UserWarning: {HARMLESS}", HARMLESS, f"ValueError: {HARMLESS}")
    assert (warnings.showwarning, logging.lastResort, threading.excepthook) == before
