"""Plugins of one file each, in the user's folder of plugins.

Whoever can write there runs code as the user, so a file is refused if others can write to it or to a folder above it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from img2imgkit.files import read_bytes
from img2imgkit.registration.faults import Fault
from img2imgkit.registration.plugin import Plugin

SUFFIX, MAX_BYTES, DIGITS = ".py", 4 << 20, 12


def plugins_in(folder: Path) -> tuple[Plugin, ...]:
    """A plugin for each ``*.py`` of a folder, by name; names that start with a dot or an underscore are left out.

    The version of a plugin is the beginning of its file's SHA-256. One whose file is refused fails when it is loaded.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.name[0] not in "._")
    return tuple(map(_plugin, found))


def _plugin(path: Path) -> Plugin:
    try:
        if problem := exposure(path):
            raise Fault(problem)
        source = read_bytes(path, MAX_BYTES)
    except OSError as error:
        return _refused(path, Fault(f"{path}: cannot be read: {error.strerror or error}"))
    except Fault as fault:
        return _refused(path, fault)
    version = hashlib.sha256(source).hexdigest()[:DIGITS]
    module = f"img2imgkit_plugin_{path.stem.replace('.', '_')}_{version}"  # another one for each content
    return Plugin(path.stem, partial(_module, module, path, source), path.name, version, module, path)


def _refused(path: Path, fault: Fault) -> Plugin:
    def load() -> NoReturn:
        raise fault

    return Plugin(path.stem, load, path.name, file=path)


def _module(name: str, path: Path, source: bytes) -> ModuleType:
    """Execute the bytes whose digest is the version; once in a process, as an import does."""
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where dataclasses and pydantic look names up
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def exposure(path: Path) -> str:
    """Why others could change what a file contains: who owns and who can write it and the folders above; "" if not.

    Windows keeps this in access lists, which are not examined.

    Raises:
        OSError: the file is gone, or cannot be accessed.
    """
    if not hasattr(os, "geteuid"):
        return ""
    ways = (path.absolute(), path.resolve())  # a link can lead elsewhere, and be replaced where it is
    for place in dict.fromkeys(each for way in ways for each in (way, *way.parents)):
        found = place.stat()
        if found.st_uid not in (0, os.geteuid()):
            return f"{place}: belongs to another user, who could run code as you: copy it to a folder of your own"
        shared = bool(found.st_mode & stat.S_ISVTX) and place not in (path.parent, path.resolve().parent)
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not shared:
            return f"{place}: others can write to it and so run code as you: chmod go-w {shlex.quote(str(place))}"
    return ""
