"""``img2img app``."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
import platformdirs

from img2imgkit.cli import EXIT_DONE, print_stderr, printable, say, warn
from img2imgkit.cli.config import apply_user_settings
from img2imgkit.cli.console import asked_secret
from img2imgkit.errors import LockError
from img2imgkit.files import read_text
from img2imgkit.places import Places

if TYPE_CHECKING:
    from img2imgkit.app.server import Ready

PASSWORD_VARIABLE = "IMG2IMG_APP_PASSWORD"
MAX_PASSWORD = 1000
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Listen there; by default any free port.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--json", "as_json", is_flag=True, help='Print one line {"url": ...} when the page can be opened.')
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen at this address of the machine.")
@click.option("--password", "ask", is_flag=True, help="Ask for a password, which other machines have to state.")
@click.option("--password-file", type=_PATH, help=f"Read it from a file; or state it as {PASSWORD_VARIABLE}.")
@click.option("--shortcut", is_flag=True, help="Add an entry to the system's menu that opens the page, and end.")
@click.option("--tls", nargs=2, type=_PATH, metavar="CERTIFICATE KEY", help="Encrypt with these PEM files.")
def command(
    folders: tuple[Path, ...],
    port: int,
    no_browser: bool,
    as_json: bool,
    host: str,
    ask: bool,
    password_file: Path | None,
    shortcut: bool,
    tls: tuple[Path, Path] | None,
) -> int:
    """Open a page on this machine to translate pictures: try models on a crop, queue folders, see results.

    The page reads and writes below each FOLDER only; by default, that is your folder of pictures. What it does are
    pipelines that `img2img run` runs, too. Ctrl-C ends it; a batch in progress can be continued the next time.

    \b
    Examples:
      img2img app
      img2img app photos scans --no-browser
    """
    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise click.UsageError(f"{' and '.join(missing)} not installed: pip install 'img2imgkit[app]'")
    from img2imgkit.app import commands, server
    from img2imgkit.app.desk import Desk
    from img2imgkit.app.shortcut import add_shortcut

    if shortcut:
        say(f"menu entry: {printable(add_shortcut(commands.app()))}")
        return EXIT_DONE
    certificate, key = tls or (None, None)
    listening = server.Listening(host, port, _password(ask, password_file), certificate, key)
    listening.prove()
    if not listening.is_local and not certificate:
        warn(f"{host}: without a certificate, others in this network can read what is sent, also the password")
    apply_user_settings()
    try:
        desk = Desk(folders or (_default_folder(),), Places.of_user())
    except LockError as error:
        if folders:
            raise  # that page has other folders open
        _show(_running(error), as_json, no_browser, True)
        return EXIT_DONE
    with desk:
        server.serve(desk, listening, lambda ready: _show(ready, as_json, no_browser, listening.is_local))
        print_stderr("ending: the pictures in progress are finished")
    return EXIT_DONE


def _running(error: LockError) -> Ready:
    """The page of the server that is running; if it does not answer, the error is raised."""
    from img2imgkit.app import desk, launching
    from img2imgkit.app.server import Ready

    folder = desk.folder_of(Places.of_user())
    url = launching.address_again(folder)
    if url is None:
        raise error
    print_stderr("img2img app is running already: this opens its page again")
    return Ready(url, "", folder / launching.NAME)


def _show(ready: Ready, as_json: bool, no_browser: bool, is_local: bool) -> None:
    """Print the address, and open the browser."""
    from img2imgkit.app.launching import open_browser

    if as_json:
        say(json.dumps({"url": ready.url}))
    opened = not no_browser and not as_json and open_browser(ready.file)
    if as_json:
        return
    say(f"{'opened in the browser' if opened else 'open this once'}: {printable(ready.url)}")
    if not is_local:
        say(f"from other machines: {printable(ready.login)}")
    say("Ctrl-C ends it where it was started")


def _password(ask: bool, file: Path | None) -> str | None:
    """The password from the terminal, a file or the environment. It is never an argument, which others could see."""
    if ask:
        return asked_secret("Password")
    if file is not None:
        return read_text(file, MAX_PASSWORD).rstrip("\n")
    return os.environ.get(PASSWORD_VARIABLE) or None


def _default_folder() -> Path:
    pictures = platformdirs.user_pictures_path()
    return pictures if pictures.is_dir() else Path.cwd()
