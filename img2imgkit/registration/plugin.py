"""One plugin, and the calling of its code: quietly, and named if it takes long."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit import backend

OWN = "img2imgkit"
PATIENCE = 2.0  # seconds until a plugin that is still loading is named
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """One entry point of the group, or a file of the user's folder of plugins, and how to import it.

    Attributes:
        name: the name of the entry point, or of the file without its suffix
        load: imports the module that has the hooks
        distribution: the distribution of the entry point, or the name of the file
        version: of the distribution, or the beginning of the file's SHA-256
        module: the name of the module
        file: the file; None for an entry point
    """

    name: str
    load: Callable[[], Any]
    distribution: str = OWN
    version: str = ""
    module: str = ""
    file: Path | None = None

    @property
    def own(self) -> bool:
        """Whether it ships with img2imgkit."""
        return self.distribution == OWN

    @property
    def built_in(self) -> bool:
        """Whether it is a module of the toolkit itself; ``IMG2IMG_PLUGINS`` cannot exclude it."""
        return self.own and self.module.startswith(f"{OWN}.")


@contextlib.contextmanager
def calling(plugin: Plugin) -> Iterator[None]:
    """Within it, code of a plugin runs: quietly, and named if it takes longer than ``PATIENCE`` or is interrupted.

    The loading of TensorFlow and Keras does not count.
    """
    with backend.quiet_imports() as imports:
        if plugin.own:
            yield
            return
        done = threading.Event()
        threading.Thread(target=_watch, args=(plugin, imports, done), daemon=True, name="patience").start()
        try:
            yield
        except KeyboardInterrupt:
            _LOG.warning("interrupted in plugin %r%s", plugin.name, _without(plugin))
            raise
        finally:
            done.set()


def _watch(plugin: Plugin, imports: backend.QuietImports, done: threading.Event) -> None:
    left, step = PATIENCE, PATIENCE / 20
    while not done.wait(step):
        left -= 0 if imports.depth else step
        if left <= 0:
            _LOG.warning("%s", waiting_for(plugin))
            return


def waiting_for(plugin: Plugin) -> str:
    """What is said of a plugin that takes longer than ``PATIENCE``."""
    return f"plugin {plugin.name!r} has been loading for {PATIENCE:g} s{_without(plugin)}"


def _without(plugin: Plugin) -> str:
    whose = f" of {plugin.distribution} {plugin.version}".rstrip()
    return f"{whose}; to go on without it, list the plugins to load in the variable IMG2IMG_PLUGINS, which may be empty"
