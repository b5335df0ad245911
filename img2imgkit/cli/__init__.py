"""The command line. One module per command, imported on use; the only package that prints or exits.

Exit codes: 0 all done, 1 some items failed, 2 usage or configuration error, 130 interrupted (143 by SIGTERM,
129 by SIGHUP).
"""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import click

from img2imgkit import __version__
from img2imgkit.config import suggestion
from img2imgkit.errors import ToolkitError
from img2imgkit.streams import alone_on_stdout, output, repair_streams, stop_on_broken_pipe

EXIT_DONE, EXIT_FAILED_ITEMS, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130

COMMANDS: Mapping[str, str] = {
    "run": "Run a pipeline over folders of pictures.",
    "watch": "Run a pipeline over new pictures as they appear.",
    "verify": "Compare the outputs of runs with their digests.",
    "check": "Check a pipeline or training file without running it.",
    "train": "Train a task.",
    "encode": "Encode pictures with a model and save the code to a file.",
    "eval": "Score a bundle on a reference set or on pairs.",
    "import": "Create a bundle from model files of other software.",
    "export": "Write a bundle in another format: ONNX, SavedModel, TFLite, Keras, ncnn.",
    "convert": "Make an ONNX file of a network that Keras or TensorFlow.js saved.",
    "inspect": "Propose the description of an ONNX file of other software.",
    "prepare": "Write the form of a bundle that runs without TensorFlow.",
    "bench": "Measure the speed and memory of engines on this machine.",
    "tasks": "List the tasks that can be trained and run.",
    "architectures": "List the networks that options choose from.",
    "steps": "List the steps that pipelines consist of.",
    "models": "List the installed bundles, and add models by name.",
    "plugins": "List the plugins; write, install and prove others.",
    "schema": "Print the JSON Schema of a pipeline or training file.",
    "config": "Show the user's configuration file and settings.",
    "doctor": "Report the versions, devices and codecs of this machine.",
    "app": "Open the desktop: a page on this machine.",
    "completion": "Print a shell's completion script.",
}


class _LazyGroup(click.Group):
    """Imports the module of a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        gc.disable()  # what modules create is not garbage, and looking for it takes a tenth of a start
        try:
            command: click.Command = import_module(f"img2imgkit.cli.{cmd_name}").command
        finally:
            gc.freeze()
            gc.enable()
        command.name, command.short_help = cmd_name, COMMANDS[cmd_name]
        alone_on_stdout(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            ctx.fail(f"no command {args[0]!r}{suggestion(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with stop_on_broken_pipe():
            return super().invoke(ctx)
        return EXIT_DONE

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="img2img")
def group() -> None:
    """Translate whole folders of pictures with trained models, and train such models.

    \b
    Example:
      img2img run pipelines/quickstart.yaml
    """


def main(arguments: list[str] | None = None) -> None:
    """The ``img2img`` command."""
    repair_streams()
    try:
        with _safe_warnings():
            code = group.main(arguments, prog_name="img2img", standalone_mode=False)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        print_stderr(text.getvalue().rstrip())
        code = EXIT_USAGE
    except (ToolkitError, OSError) as error:
        print_stderr("\n".join([f"error: {error}", *_ways_out(getattr(error, "model_files", ()))]))
        code = EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        print_stderr("interrupted")
        code = EXIT_INTERRUPTED
    except Exception:  # a fault of this tool or of a plugin; the text may contain anything
        print_stderr(traceback.format_exc().rstrip())
        code = EXIT_FAILED_ITEMS
    sys.exit(code if isinstance(code, int) else EXIT_DONE)


def _ways_out(model_files: Sequence[Path]) -> list[str]:
    """Lines below an error: commands that help. What knows them is imported only if there are any."""
    if not model_files:
        return []
    found: list[str] = import_module("img2imgkit.cli.importable").ways_out(model_files)
    return found


@contextmanager
def _safe_warnings() -> Iterator[None]:
    """Let ``print_stderr`` print what other libraries print on their own: warnings, logs and errors of threads."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print_stderr(self.format(record))

    def show_warning(message: Warning | str, category: type[Warning], *place: Any, **_: Any) -> None:
        print_stderr(f"{category.__name__}: {message}")

    def show_error(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None:
            print_stderr("".join(traceback.format_exception(ended.exc_value)).rstrip())

    before = warnings.showwarning, logging.lastResort, threading.excepthook
    warnings.showwarning, logging.lastResort, threading.excepthook = show_warning, Handler(logging.WARNING), show_error
    try:
        yield
    finally:
        warnings.showwarning, logging.lastResort, threading.excepthook = before


# Everything that is printed passes one of the functions below, which escape what would control a terminal: names and
# contents of files can be hostile.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # directions of text, which can disguise a name; line breaks
    "\ud800-\udfff]"  # bytes that are not UTF-8
)


def printable(text: object) -> str:
    """Escape control characters, line breaks and bytes that are not UTF-8, so that text is one safe terminal line."""
    shown = str(text)
    if shown.isascii() and shown.isprintable():  # quickly, for a plan of a million lines
        return shown
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), shown)


def printable_lines(text: object) -> str:
    """Like ``printable``, but line breaks stay."""
    return "\n".join(map(printable, str(text).split("\n")))


def say(text: object = "") -> None:
    """Print a text of one or more lines to stdout."""
    click.echo(printable_lines(text), file=output())


def print_stderr(text: object) -> None:
    """Print a text of one or more lines to stderr; ignore errors if stderr is closed or full."""
    with suppress(OSError):
        click.echo(printable_lines(text), err=True)


def warn(message: str) -> None:
    """Print a warning to stderr, to keep stdout clean."""
    style = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    title = click.style("warning", fg="yellow") if style else "warning"
    with suppress(OSError):
        click.echo(f"{title}: {printable_lines(message)}", err=True)


def show_json(value: Any) -> None:
    """Print JSON to stdout; control characters, and characters outside its encoding, are escaped as JSON does."""
    click.echo(_json(value), file=output())


def show_json_with(value: Mapping[str, Any], key: str, items: Iterable[Any]) -> None:
    """Like ``show_json``, with one more key: the list of ``items``, streamed to save memory."""
    head = _json({**value, key: []}).removesuffix("[]\n}")
    separator = "["
    texts = ("    " + _json(item).replace("\n", "\n    ") for item in items)
    while chunk := list(islice(texts, 1000)):
        click.echo(f"{head}{separator}\n" + ",\n".join(chunk), nl=False, file=output())
        head, separator = "", ","
    click.echo("\n  ]\n}" if not head else f"{head}[]\n}}", file=output())


def show_event(event: Mapping[str, Any]) -> None:
    """Print a JSON object as one line to stderr; paths are written as text."""
    print_stderr(_escaped(json.dumps(event, default=str)))


def _json(value: Any) -> str:
    return _escaped(json.dumps(value, indent=2, ensure_ascii="utf" not in (output().encoding or "").lower()))


def _escaped(text: str) -> str:
    return _CONTROLS.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)
