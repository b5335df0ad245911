"""The examples in the docstrings of metrics, losses and networks give what they show."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module

import keras
import numpy as np
import pytest
from architecture import modules, network_modules
from keras import ops

ROOMS = ("losses", "metrics", "nn")
MODULES = sorted(name for name, module in modules().items() if module.room in (*ROOMS, "architectures"))
NETWORKS = sorted(name for name in network_modules() if modules()[name].room == "architectures")
GLOBALS = {"np": np, "keras": keras, "ops": ops}  # what examples may use without importing it
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    module = import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report: list[str] = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=GLOBALS):
        runner.run(test, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)


def examples(room: str) -> dict[str, int]:
    """How many examples each public function of a room has."""
    package = import_module(f"img2imgkit.{room}")
    functions = {name: getattr(package, name) for name in package.__all__}
    plain = {name: f for name, f in functions.items() if callable(f) and not isinstance(f, type)}
    return {name: len(doctest.DocTestParser().get_examples(f.__doc__ or "")) for name, f in plain.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_shows_an_example(name: str) -> None:
    module = import_module(name)
    own = [each for each in vars(module).values() if inspect.isfunction(each) and each.__module__ == name]
    public = [each for each in own if not each.__name__.startswith("_")]
    networks = [each for each in public if "keras.Model" in str(each.__annotations__["return"])]
    assert networks
    assert [each.__name__ for each in networks if ">>>" not in (each.__doc__ or "")] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_shows_an_example(room: str) -> None:
    assert [name for name, count in examples(room).items() if not count] == []
