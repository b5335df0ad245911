"""All contract tests of plugins, in a process of its own, which is ended if one of them takes too long."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.distributions.batteries import Unproved, prove_contract
from img2imgkit.errors import ToolkitError
from img2imgkit.plugin_kinds import KINDS

Outcome = Literal["proved", "broken", "not proved"]
SECONDS_TO_START = 120.0  # of the process, with TensorFlow
_STARTED = "started"
_LOADS_KERAS = {kind for kind, row in KINDS.items() if row.needs_keras} | {"bundles"}


@dataclass(frozen=True)
class Proof:
    """What a contract test found.

    Attributes:
        plugin: the plugin that registered the thing
        kind: of the thing, such as "tasks"
        reason: what is broken, or why it is not proved
        traceback: Python's account of what is broken
        seconds: how long the test took
    """

    plugin: str
    kind: str
    name: str
    outcome: Outcome
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0


def prove(catalog: Catalog, plugins: Collection[str], seconds: float) -> Iterator[Proof]:
    """Run the contract test of each thing that these plugins registered.

    Args:
        catalog: of this environment; the process makes it anew
        plugins: names of plugins
        seconds: a test that takes longer is ended, and the thing is not proved
    """
    waiting = [
        Proof(owner, kind, name, "not proved")
        for kind in KINDS
        for name in getattr(catalog, kind)
        if (owner := catalog.owner(kind, name).name) in plugins
    ]
    while waiting:
        for found in _proved(waiting, seconds):
            waiting = waiting[1:]
            yield found


def _proved(waiting: Sequence[Proof], seconds: float) -> Iterator[Proof]:
    """The proofs of one process. It ends with the last of them, or with the first that failed to come."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_prove_each, args=(theirs, tuple(waiting)), daemon=True)
    process.start()
    theirs.close()
    try:
        for each in waiting:
            found = _received(ours, each, seconds)
            yield found
            if not found.seconds:
                return
    finally:
        process.kill()
        process.join()
        ours.close()


def _received(proofs: Connection, wanted: Proof, seconds: float) -> Proof:
    """The next proof; one of 0 seconds if the process must be started anew."""
    for limit in (SECONDS_TO_START, seconds):
        if not proofs.poll(limit):
            return replace(wanted, reason=f"it takes longer than {limit:g} s")
        try:
            found = proofs.recv()
        except (EOFError, OSError):
            return replace(wanted, outcome="broken", reason="its contract test ended the process")
    proof: Proof = found
    return proof


def _prove_each(proofs: Connection, waiting: Sequence[Proof]) -> None:
    """The process: for each thing, says that it starts, and then what it found."""
    catalog = Catalog.installed()
    for each in waiting:
        if each.kind in _LOADS_KERAS:
            backend.load()
            backend.split_cpu()
        proofs.send(_STARTED)
        begun = time.monotonic()
        found = _proof(each, catalog)
        proofs.send(replace(found, seconds=max(time.monotonic() - begun, 1e-3)))


def _proof(wanted: Proof, catalog: Catalog) -> Proof:
    try:
        with tempfile.TemporaryDirectory() as place:
            prove_contract(wanted.kind, wanted.name, catalog, Path(place))
    except Unproved as why:
        return replace(wanted, reason=str(why))
    except (AssertionError, ToolkitError) as error:
        return replace(wanted, outcome="broken", reason=str(error), traceback=traceback.format_exc())
    except (Exception, SystemExit) as error:  # the plugin's code can raise anything
        reason = f"{type(error).__name__}: {error}"
        return replace(wanted, outcome="broken", reason=reason, traceback=traceback.format_exc())
    return replace(wanted, outcome="proved")
