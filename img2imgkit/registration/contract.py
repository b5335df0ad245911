"""The version of the contracts that a plugin was written for."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from img2imgkit import __version__
from img2imgkit.files import read_text
from img2imgkit.hooks import CONTRACT, OLDEST_CONTRACT, STATES_CONTRACT
from img2imgkit.registration.plugin import Plugin

MAX_SOURCE_BYTES = 4 << 20


def contract_problem(stated: Any) -> str:
    """Why a plugin that states this contract cannot be used; "" if it can. None: it states none."""
    if stated is None:
        return ""
    if not isinstance(stated, int):
        return f"{STATES_CONTRACT} is {stated!r}; expected the number of the contract, such as {CONTRACT}"
    wrong = f"it was written for contract {stated}, but img2imgkit {__version__} has contract {CONTRACT}"
    if stated > CONTRACT:
        return f"{wrong}: upgrade img2imgkit, or install an earlier version of the plugin"
    return f"{wrong}: upgrade the plugin" if stated < OLDEST_CONTRACT else ""


def contract_in_source(plugin: Plugin) -> Any:
    """The contract that the module's text states, if it cannot be imported; None if it states none."""
    try:
        found = None if plugin.file or not plugin.module else find_spec(plugin.module)
        path = plugin.file or Path((found and found.origin) or "")
        body = ast.parse(read_text(path, MAX_SOURCE_BYTES)).body
    except (Exception, SystemExit):  # whatever is wrong with it is the reason that is told
        return None
    for node in body:
        names = [each.id for each in node.targets if isinstance(each, ast.Name)] if isinstance(node, ast.Assign) else ()
        if STATES_CONTRACT in names and isinstance(node.value, ast.Constant):  # type: ignore[attr-defined]
            return node.value.value  # type: ignore[attr-defined]
    return None
